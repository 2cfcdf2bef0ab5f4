"""The commands against a stack that runs: what a person sees, and what is done."""

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from running import UP, RunningStack, plain, until
from typer.testing import CliRunner, Result
from views import Rows, accounting_of, assert_same, rows_of

from connectors.objects import FolderStore
from operations import cli
from operations.waiting import until_accounted
from sandbox.company import Manifest
from warehouse.query import run_sql, run_view

CHILDREN = ("pubsub", "warehouse", "pipeline")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def call(stack: RunningStack, *arguments: object) -> Result:
    line = [*map(str, arguments), "--data", str(stack.directory.path)]
    return CliRunner().invoke(cli.app, line, catch_exceptions=False)


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def last_run(stack: RunningStack, command: str) -> dict[str, object]:
    """The newest row of the newest run of a command."""
    sql = "SELECT * FROM `ops.runs` WHERE command = @command ORDER BY started_at, noted_at"
    with stack.warehouse() as client:
        return run_sql(client, sql, {"command": command}, limit=1_000).rows[-1]


def messages(stack: RunningStack) -> int:
    with stack.warehouse() as client:
        return accounting_of(client)["messages"]


@pytest.fixture(scope="module")
def an_account(stack: RunningStack) -> dict[str, object]:
    """The account with which most is going on."""
    sql = """
      SELECT account_entity_id AS id, account_name AS name, account_domain AS domain, COUNT(*) AS n
      FROM `sales.interaction_parties`
      WHERE account_domain IS NOT NULL AND account_name IS NOT NULL
      GROUP BY ALL ORDER BY n DESC, id LIMIT 1
    """
    with stack.warehouse() as client:
        return run_sql(client, sql).rows[0]


def test_a_view_is_shown_as_table_csv_and_json_with_the_same_rows(stack: RunningStack) -> None:
    view = "sales.communications"
    as_csv = rows(call(stack, "query", view, "--limit", 5, "--format", "csv"))
    as_json = json.loads(call(stack, "query", view, "--limit", 5, "--format", "json").stdout)
    assert len(as_csv) == len(as_json) == 5
    assert [row["subject"] for row in as_csv] == [row["subject"] or "" for row in as_json]
    assert as_csv == sorted(as_csv, key=lambda row: row["occurred_at"], reverse=True)
    table = call(stack, "query", view, "--limit", 5)
    assert "occurred_at" in table.stdout
    assert "5 rows, more with a higher --limit" in plain(table.stdout)


def test_an_account_is_found_by_name_by_domain_in_any_case_and_by_id(
    stack: RunningStack, an_account: dict[str, object]
) -> None:
    def of(account: object) -> list[dict[str, str]]:
        view = "sales.interaction_parties"
        return rows(
            call(stack, "query", view, "--account", account, "--limit", 1_000, "--format", "csv")
        )

    found = of(an_account["id"])
    assert len(found) == an_account["n"]
    assert {row["account_entity_id"] for row in found} == {an_account["id"]}
    assert of(an_account["domain"]) == of(str(an_account["domain"]).upper()) == found
    assert found[0] in of(an_account["name"])


@pytest.mark.parametrize(
    "account",
    [
        "x' OR '1'='1",
        "x' OR TRUE --",
        "'; DROP TABLE `sales.accounts`; --",
        "x\\' UNION ALL SELECT * FROM `raw.changes` --",
        "%",
        "",
    ],
)
def test_sql_in_the_name_of_an_account_is_a_name(
    stack: RunningStack, account: str, undisturbed: Rows
) -> None:
    view = "sales.interaction_parties"
    found = call(stack, "query", view, "--account", account, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == []
    with stack.warehouse() as client:
        assert len(run_view(client, "sales.accounts_latest").rows) == len(
            undisturbed["sales.accounts_latest"]
        )


def test_since_leaves_out_what_is_older(stack: RunningStack) -> None:
    view = ("query", "sales.communications", "--limit", 1_000, "--format", "csv")
    every = rows(call(stack, *view))
    middle = sorted(row["occurred_at"] for row in every)[len(every) // 2]
    found = rows(call(stack, *view, "--since", middle))
    assert 0 < len(found) < len(every)
    assert found == [row for row in every if row["occurred_at"] >= middle]


def test_sql_is_asked_as_it_stands_and_nothing_but_a_select(stack: RunningStack) -> None:
    sql = "SELECT source, COUNT(*) AS n FROM `raw.changes` GROUP BY source ORDER BY source"
    assert [
        row["source"] for row in rows(call(stack, "query", sql, "--whole", "--format", "csv"))
    ] == [
        "dialpad",
        "gmail",
        "hubspot",
        "salesforce",
    ]
    for refused in ("DELETE FROM `raw.changes` WHERE TRUE", "SELECT 1; SELECT 2"):
        result = call(stack, "query", refused)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "SELECT" in result.stderr
    missing = call(stack, "query", "SELECT * FROM `sales.nothing`")
    assert missing.exit_code == 2
    assert "sales.account_timeline" in missing.stderr


def test_status_shows_processes_and_tables_and_says_what_is_amiss(stack: RunningStack) -> None:
    def shows_all_running() -> bool:
        shown = plain(call(stack, "status").stdout)
        return all(f"{name} │ {stack.child(name)} │ runs" in shown for name in CHILDREN)

    # On a machine that is busy, one may not answer in time; it does the next time.
    until(shows_all_running, "all processes answer")
    result = call(stack, "status")
    shown = plain(result.stdout)
    assert "raw.duplicates" in shown
    # More than one message in a hundred of the company's cannot be read.
    assert result.exit_code == 1
    assert "open_dead_letter_share: More than 1 % failed" in shown
    assert "salesintel query ops.dead_letters_summary" in shown


def test_an_import_shows_its_plan_waits_and_says_what_it_could_not_read(
    stack: RunningStack, company: Manifest, tmp_path: Path, undisturbed: Rows
) -> None:
    before = messages(stack)
    folder = tmp_path / "export"
    shutil.copytree(company.directory / "hubspot", folder)
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7 nothing for us")
    result = call(stack, "import", folder)
    shown = plain(result.stdout)
    assert result.exit_code == 0
    assert "To import" in shown
    assert "contacts.csv" in shown
    assert "left out: notes.pdf" in shown or "left out:" in shown
    published = len(stack.messages([folder]))
    assert f"{published - 1:,} changes published, 1 inputs that could not be read" in shown
    assert "salesintel query ops.dead_letters_summary" in shown
    assert messages(stack) == before + published, "it has waited for all of it"
    run = last_run(stack, "import")
    assert (run["status"], run["changes"], run["failed"]) == ("succeeded", published - 1, 1)
    assert json.loads(json.dumps(run["detail"]))["files"] == 3
    with stack.warehouse() as client:
        newest = "SELECT object_id FROM `ops.dead_letters` ORDER BY failed_at DESC LIMIT 1"
        [letter] = run_sql(client, newest).rows
        detail = json.loads(json.dumps(run["detail"]))
        assert letter["object_id"] in detail["read"], "an import of its file again settles it"
        assert_same(rows_of(client), undisturbed)


def test_an_import_need_not_wait(stack: RunningStack, company: Manifest) -> None:
    before = messages(stack)
    result = call(stack, "import", company.directory / "dialpad", "--no-wait")
    assert result.exit_code == 0
    assert "changes published" in plain(result.stdout)
    with stack.warehouse() as client:
        goal = before + len(stack.messages([company.directory / "dialpad"]))
        assert until_accounted(client, goal) == goal


def test_an_import_that_fails_is_noted_as_failed(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = tmp_path / "broken.mbox"
    mails.write_bytes(b"From 1@xxx Thu Jan 01 00:00:00 +0000 2026\nSubject: a\n\na\n")

    def breaks(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("operations.imports.read", breaks)
    with pytest.raises(OSError, match="the disk is gone"):
        call(stack, "import", mails)
    run = last_run(stack, "import")
    assert (run["status"], run["error_message"], run["changes"]) == ("failed", "OSError", 0)


def test_a_replay_is_shown_first_and_takes_what_can_be_read_now(
    stack: RunningStack, company: Manifest, undisturbed: Rows
) -> None:
    before = messages(stack)
    # A contact of the company by a claim check that leads nowhere yet.
    path, data, attributes = stack.messages([company.directory / "salesforce" / "Contact.csv"])[0]
    objects = FolderStore(stack.directory.objects)
    payload = stack.directory.objects / "payloads" / "late"
    late = {**attributes, "ce-dataref": objects.put("payloads/late", data)}
    payload.unlink()
    stack.publisher().publish(path, b"", **late).result()
    stack.until_accounted(before + 1)

    chosen = ("replay", "--since", "2026-01-01", "--source", "salesforce")
    shown = call(stack, *chosen)
    assert shown.exit_code == 0
    assert "3 dead letters" in plain(shown.stdout)
    assert "no: mend the input" in plain(shown.stdout)
    assert "Nothing has been done: add --yes" in plain(shown.stdout)
    assert messages(stack) == before + 1

    payload.write_bytes(data)
    done = call(stack, *chosen, "--yes")
    assert "1 published, 2 left as they are" in plain(done.stdout)
    stack.until_accounted(before + 2)
    run = last_run(stack, "replay")
    assert (run["status"], run["changes"], run["skipped"]) == ("succeeded", 1, 2)
    with stack.warehouse() as client:
        sql = "SELECT object_id FROM `raw.changes` WHERE attempt = 2"
        attempts = run_sql(client, sql, whole=True).rows
        assert len(attempts) == 1
        assert_same(rows_of(client), undisturbed)
    none = call(stack, "replay", "--stage", "nowhere", "--yes")
    assert plain(none.stdout).strip() == "no dead letters of that kind"


def test_a_rebuild_is_shown_first_and_then_changes_no_view(
    stack: RunningStack, undisturbed: Rows
) -> None:
    shown = plain(call(stack, "rebuild").stdout)
    assert "changes would be read from raw.changes" in shown
    assert "Nothing has been done: add --yes." in shown
    pipeline, restarts = stack.child("pipeline"), stack.restarts("pipeline")
    result = call(stack, "rebuild", "--yes")
    assert result.exit_code == 0
    assert "rows before" in plain(result.stdout)
    assert "the pipeline drains and starts again" in plain(result.stdout)
    assert last_run(stack, "rebuild")["status"] == "succeeded"
    until(lambda: stack.restarts("pipeline") > restarts, "the pipeline has started again")
    assert stack.child("pipeline") != pipeline
    with stack.warehouse() as client:
        assert_same(rows_of(client), undisturbed)


def test_every_run_has_a_start_and_an_end(stack: RunningStack) -> None:
    sql = """
      SELECT run_id, MIN(command) AS command, STRING_AGG(status, ' ' ORDER BY noted_at) AS notes
      FROM `ops.runs` GROUP BY run_id
    """
    with stack.warehouse() as client:
        found = run_sql(client, sql, limit=1_000).rows
    assert {row["command"] for row in found} == {"import", "replay", "rebuild"}
    for row in found:
        first, *between, last = row["notes"].split()
        assert first == "running"
        assert last in ("succeeded", "failed")
        assert set(between) <= {"running"}


def test_a_second_stack_on_the_same_directory_is_refused_and_does_no_harm(
    stack: RunningStack,
) -> None:
    pids = stack.children()
    second = subprocess.run(
        [*UP, "--data", str(stack.directory.path)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 2
    line = plain(second.stderr)
    assert line.startswith(f"error: {stack.directory.path} is in use by the stack with process id")
    assert str(stack.pid) in line
    assert "--data" in line
    assert stack.children() == pids
    assert stack.directory.stack().pid == stack.pid
    assert call(stack, "query", "SELECT 1 AS one", "--format", "csv").stdout == "one\n1\n"
