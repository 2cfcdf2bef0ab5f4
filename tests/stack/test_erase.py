"""A person is erased from a stack that runs: nothing is left in any table or file, and they do not
come back; everybody else stays."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from running import RunningStack, plain
from test_commands import call
from views import accounting_of

from connectors.files import ImportOptions
from embedded.scrub import search
from operations.imports import import_files
from sandbox.company import Manifest
from schemas.operations import Erasure
from transforms.traces import Identifiers, Traces
from warehouse.latest import latest
from warehouse.query import run_sql

pytestmark = [
    pytest.mark.slow,
    # Three minutes; each of its parts has tests that are quicker.
    pytest.mark.exhaustive,
    pytest.mark.xdist_group("stack"),
    pytest.mark.timeout(900),
]

_CHOSEN = """
SELECT participant.email AS email, COUNT(DISTINCT participant.interaction_id) AS n
FROM `sales.participants` AS participant
JOIN `identity.links_latest` AS link ON link.record_key = participant.participant_key
WHERE NOT participant.is_internal AND NOT participant.is_shared AND link.entity_id IN (
  SELECT entity_id FROM `identity.links_latest` WHERE kind = 'person'
  GROUP BY entity_id HAVING COUNT(*) > 2
)
GROUP BY email ORDER BY n DESC, email LIMIT 1
"""


def said_of(stack: RunningStack, who: Traces) -> list[str]:
    return [place.path for place in search(stack.directory, who)]


def facts(stack: RunningStack) -> dict[str, int]:
    tables = ("raw.changes", "sales.interactions_latest", "sales.participants_latest")
    with stack.warehouse() as client:
        return {
            table: run_sql(client, f"SELECT COUNT(*) AS n FROM `{table}`", whole=True).rows[0]["n"]
            for table in tables
        }


def test_one_is_erased_with_a_proof_and_the_others_stay(
    start: Callable[[], RunningStack], company: Manifest, tmp_path: Path
) -> None:
    stack = start()
    import_files(stack.directory, company.imports, ImportOptions(), quiet=True)
    with stack.warehouse() as client:
        [chosen] = run_sql(client, _CHOSEN).rows
        account = accounting_of(client)
    address = chosen["email"]
    who = Traces(Identifiers(emails=(address,)))
    before = facts(stack)

    # What is held of them, for whoever asks for access.
    out = tmp_path / "held.json"
    exported = call(stack, "export-person", "--email", address, "--out", out)
    assert exported.exit_code == 0, exported.output
    held = json.loads(out.read_text())
    rows = Counter({one["table"]: len(one["rows"]) for one in held["tables"]})
    assert (
        rows["sales.participants"] >= chosen["n"] and rows["raw.changes"] and rows["sales.people"]
    )
    assert address in held["known_by"]["E-mail addresses"]

    # The control: they are there; to look changes nothing.
    shown = call(stack, "erase", "--email", address)
    assert shown.exit_code == 0, shown.output
    assert "Nothing has been done" in plain(shown.stdout) and address not in shown.stdout
    assert said_of(stack, who) and facts(stack) == before

    done = call(stack, "erase", "--email", address, "--reason", "case 7", "--by", "ana", "--yes")
    assert done.exit_code == 0, done.output
    assert "found them before and finds nothing now" in plain(done.stdout)
    assert said_of(stack, who) == []
    # The facts of the others stay, and so does the account of every message.
    assert facts(stack) == before
    with stack.warehouse() as client:
        assert accounting_of(client) == account
        assert {one.reason for one in latest(client, Erasure)} == {"case 7"}

    # They come again, and are kept nowhere.
    stack.publish(*company.imports)
    stack.until_written()
    again = call(stack, "erase", "--email", address)
    assert "nobody who is known" in plain(again.stdout)
    with stack.warehouse() as client:
        sql = "SELECT COUNT(*) AS n FROM `sales.participants` WHERE email = @email"
        assert run_sql(client, sql, {"email": address}).rows == [{"n": 0}]
    rebuilt = call(stack, "rebuild", "--yes")
    assert rebuilt.exit_code == 0, rebuilt.output
    assert "could not be read" not in plain(rebuilt.stdout)
    stack.until_written()
    assert facts(stack)["sales.interactions_latest"] == before["sales.interactions_latest"]
    assert stack.stop() == 0
