"""What a person types is a value, or is refused: never SQL, and never a terminal's command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from google.cloud import bigquery
from test_identity_commands import INJECTION_IDS, INJECTIONS, running_on
from typer.testing import CliRunner, Result

from embedded.directory import DataDirectory
from embedded.warehouse import WarehouseServer
from operations import cli
from schemas.operations import Audit, DeadLetter
from schemas.tables import BY_ID
from warehouse.clients import bigquery_client
from warehouse.latest import latest
from warehouse.provision import provision
from warehouse.query import run_sql
from warehouse.sink import StorageSink

pytestmark = pytest.mark.slow

LETTER = DeadLetter(
    dead_letter_id="d1",
    failed_at=1_767_225_600_000_000,
    failed_date=20_454,
    stage="normalise",
    error_type="InvalidPayload",
    error_message="no id",
    source="gmail",
    attempt=1,
    retriable=True,
    pipeline_version=1,
    job_name="stream",
)
TABLES = ("ops.dead_letters", "ops.audit", "identity.links", "identity.entities")


class Asked(NamedTuple):
    """A warehouse with one dead letter, and the commands on it."""

    path: Path
    client: bigquery.Client

    def call(self, *arguments: str) -> Result:
        line = [*arguments, "--data", str(self.path)]
        return CliRunner().invoke(cli.app, line, env={"COLUMNS": "100"}, catch_exceptions=False)

    def letters(self) -> int:
        return int(
            run_sql(self.client, "SELECT COUNT(*) AS n FROM `ops.dead_letters`").rows[0]["n"]
        )

    def noted(self) -> Audit:
        return max(latest(self.client, Audit), key=lambda row: row.noted_at)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("injection")
    server = WarehouseServer(folder / "warehouse", log=folder / "warehouse.log")
    client = bigquery_client(server.start())
    provision(client, tables=[BY_ID[table] for table in TABLES])
    sink = StorageSink(server.endpoint)
    sink.write([LETTER])
    assert sink.flush() == []
    sink.close()
    with running_on(DataDirectory(folder / "data"), server) as path:
        yield Asked(path, client)
    client.close()
    server.stop()


@pytest.mark.parametrize("text", INJECTIONS, ids=INJECTION_IDS)
def test_no_option_of_replay_chooses_more_than_it_says(asked: Asked, text: str) -> None:
    assert "1 dead letters" in asked.call("replay", "--stage", "normalise").stdout
    for option in ("--stage", "--error-type", "--source", "--id"):
        result = asked.call("replay", option, text)
        assert result.exit_code == 0, result.output
        assert "no dead letters of that kind" in result.stdout
    assert asked.call("replay", "--since", text).exit_code == 2
    assert asked.letters() == 1


@pytest.mark.parametrize("text", INJECTIONS, ids=INJECTION_IDS)
def test_no_argument_of_query_is_more_than_a_name_or_one_select(asked: Asked, text: str) -> None:
    for line in ([text], ["ops.dead_letters", "--since", text], ["ops.runs", "--format", text]):
        result = asked.call("query", *line)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert "\x1b[2J" not in result.stderr
    assert asked.letters() == 1


def test_what_is_asked_stands_in_the_audit_as_it_was_asked(asked: Asked) -> None:
    sql = "SELECT stage FROM `ops.dead_letters` WHERE source = 'gmail'"
    assert asked.call("query", sql, "--format", "json").exit_code == 0
    row = asked.noted()
    assert (row.command, row.outcome, row.rows_given) == ("query", "succeeded", 1)
    assert json.loads(row.parameters) == {"sql": sql, "limit": 100}
    assert asked.call("query", "SELECT * FROM `raw.changes`").exit_code == 2
    row = asked.noted()
    assert (row.outcome, row.error_type) == ("failed", "RefusedQuery")
