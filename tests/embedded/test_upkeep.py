"""The upkeep of a running stack: hourly, daily, noted, one at a time, and never in the way."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from google.cloud import bigquery
from provisioned import provisioned
from typer.testing import CliRunner, Result

from connectors.objects import FolderStore
from embedded.directory import DataDirectory, Stack
from embedded.upkeep import Upkeep, compact_once, expire_once, settled
from embedded.warehouse import PROJECT, WarehouseServer
from operations import cli
from pipelines.recovery import MARGIN_US
from schemas.change import new_change
from schemas.clock import DAY_US, wall_clock
from schemas.errors import InvalidPayload, RetriableError
from schemas.flow import Arrival, Normalised
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS
from transforms.accept import accepted_rows
from transforms.dead_letters import Original, dead_letter
from transforms.settings import Retention
from warehouse.clients import Endpoint, bigquery_client
from warehouse.sink import StorageSink

pytestmark = pytest.mark.slow

SUBSCRIPTIONS = [one.name for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)]


def marks_at(moment: int) -> str:
    return json.dumps({f"projects/p/subscriptions/{name}": moment for name in SUBSCRIPTIONS})


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[DataDirectory, Endpoint, bigquery.Client]]:
    """A directory whose stack is this process, with a warehouse and a pipeline that keeps up."""
    folder = tmp_path_factory.mktemp("upkeep")
    server = WarehouseServer(provisioned(folder / "warehouse"))
    endpoint = server.start()
    client = bigquery_client(endpoint)
    directory = DataDirectory(folder / "data")
    directory.open()
    stack = Stack(
        pid=os.getpid(),
        project=PROJECT,
        pubsub="127.0.0.1:1",
        rest=endpoint.rest or "",
        grpc=endpoint.grpc or "",
    )
    directory.publish(stack)
    directory.marks.write_text(marks_at(wall_clock()), encoding="utf-8")
    yield directory, endpoint, client
    directory.close()
    client.close()
    server.stop()


def runs(client: bigquery.Client) -> list[tuple[str, str]]:
    rows = client.query_and_wait(
        f"SELECT command, status FROM `{PROJECT}.ops.runs` WHERE status != 'running' "
        "ORDER BY noted_at"
    )
    return [(row.command, row.status) for row in rows]


def called(directory: DataDirectory, *words: str) -> Result:
    return CliRunner().invoke(cli.app, [*words, "--data", str(directory.path)])


def test_it_compacts_each_time_and_deletes_what_has_expired_once_a_day(
    served: tuple[DataDirectory, Endpoint, bigquery.Client],
) -> None:
    directory, endpoint, client = served
    now = [wall_clock()]
    upkeep = Upkeep(directory, endpoint, Retention(), clock=lambda: now[0])
    before = len(runs(client))
    upkeep.once()
    upkeep.once()
    now[0] += DAY_US
    upkeep.once()
    assert runs(client)[before:] == [
        ("compact", "succeeded"),
        ("retention", "succeeded"),
        ("compact", "succeeded"),
        ("compact", "succeeded"),
        ("retention", "succeeded"),
    ]


def test_one_is_at_it_at_a_time_and_the_thread_goes_on_afterwards(
    served: tuple[DataDirectory, Endpoint, bigquery.Client],
) -> None:
    directory, endpoint, client = served
    upkeep = Upkeep(directory, endpoint, Retention(), first_s=0.0)
    before = len(runs(client))
    with directory.upkeep():
        with pytest.raises(RetriableError, match="at work"):
            compact_once(directory, endpoint)
        upkeep.once()
        assert len(runs(client)) == before
        result = called(directory, "compact")
        assert result.exit_code == 1 and "at work" in result.output
    upkeep.once()
    assert len(runs(client)) == before + 2
    upkeep.stop()


def test_a_pipeline_that_has_not_said_how_far_it_is_moves_no_mark(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.run.mkdir()
    with pytest.raises(RetriableError, match="how far"):
        settled(directory)
    directory.marks.write_text(marks_at(5 * MARGIN_US))
    assert settled(directory) == 4 * MARGIN_US


def test_the_commands_do_it_at_once_and_say_what_came_of_it(
    served: tuple[DataDirectory, Endpoint, bigquery.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, _, client = served
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "")
    assert "no table has 100,000 rows" in called(directory, "compact").output
    assert "nothing has expired" in called(directory, "retention").output
    text = called(directory, "grant", "Rep@Own.example", "--mailbox", "rep@own.example").output
    assert "rep@own.example reads the texts of 1 mailboxes" in text
    text = called(directory, "grant", "boss@own.example", "--mailbox", "*").output
    assert "boss@own.example reads the texts of all mailboxes" in text
    text = called(directory, "revoke", "rep@own.example", "--mailbox", "rep@own.example").output
    assert "facts and subjects alone" in text
    assert called(directory, "grant", "rep", "--mailbox", "*").exit_code == 2
    asked = ("query", "SELECT SESSION_USER() AS me", "--format", "csv")
    assert "boss@own.example" in called(directory, *asked, "--as", "boss@own.example").output


def test_an_account_that_there_is_not_is_said_and_not_only_no_rows(
    served: tuple[DataDirectory, Endpoint, bigquery.Client],
) -> None:
    asked = ("query", "sales.account_timeline", "--account", "Acne", "--format", "json")
    found = called(served[0], *asked)
    assert (found.exit_code, found.stdout) == (0, "[]\n")
    assert "there is no account 'Acne'" in found.stderr


@pytest.mark.parametrize("what", ["sales.bodies", "sales.interactions_latest", "ops.health"])
def test_a_reader_is_asked_as_of_the_views_for_reps_and_managers_alone(
    served: tuple[DataDirectory, Endpoint, bigquery.Client], what: str
) -> None:
    directory, _, client = served
    as_boss = ("--as", "boss@own.example", "--timeout", "50", "--search", "offer")
    refused = called(directory, "query", what, "--as", "boss@own.example")
    assert (refused.exit_code, "sales.messages" in refused.output) == (2, True)
    of_sql = called(directory, "query", f"SELECT * FROM `{what}`", "--as", "boss@own.example")
    assert of_sql.exit_code == 2
    assert called(directory, "query", "sales.communications", *as_boss).exit_code == 0
    [noted] = client.query_and_wait(
        "SELECT JSON_VALUE(parameters, '$.as') AS reader, JSON_VALUE(parameters, '$.timeout_s') "
        "AS timeout_s FROM `ops.audit` WHERE JSON_VALUE(parameters, '$.search') = 'offer' "
        "ORDER BY noted_at DESC LIMIT 1"
    )
    assert (noted.reader, float(noted.timeout_s)) == ("boss@own.example", 50.0)


def test_payloads_that_no_row_names_any_more_go_when_no_message_can_name_them(
    served: tuple[DataDirectory, Endpoint, bigquery.Client],
) -> None:
    directory, endpoint, client = served
    objects = FolderStore(directory.objects)
    names = {one: objects.put(f"payloads/{one}", b"x") for one in ("raw", "letter", "old", "new")}
    change = new_change("files", "contact", "c1", b"{}", stamp=1, fetched=2)
    change = msgspec.structs.replace(change, dataref=names["raw"])
    now = wall_clock()
    letter = dead_letter(
        Original(b"", {}, "m2", now), "normalise", InvalidPayload("no id"), now=now, job_name="test"
    )
    letter = msgspec.structs.replace(letter, payload_uri=names["letter"])
    sink = StorageSink(endpoint)
    sink.write(accepted_rows(Normalised(Arrival(change, "m1", now), (), ()), now).rows)
    sink.write([letter])
    assert sink.flush() == []
    sink.close()
    in_ten_days = now + 10 * DAY_US
    os.utime(directory.objects / "payloads" / "new", times=(in_ten_days / 1e6, in_ten_days / 1e6))

    def expired(retention: Retention) -> dict[str, int]:
        return expire_once(directory, endpoint, retention, lambda: in_ten_days)

    assert expired(Retention(legal_hold=True)) == {}
    assert expired(Retention())["objects"] == 1
    left = sorted(path.name for path in directory.objects.rglob("*") if path.is_file())
    assert left == ["letter", "new", "raw"]
    assert expired(Retention()).get("objects") is None
