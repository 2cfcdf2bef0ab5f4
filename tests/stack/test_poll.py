"""Sources polled by the command itself into a stack that runs.

A stack of their own: what the sandboxes hold beyond the company's files is seen in every view.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from running import RunningStack, until
from test_commands import call
from vendors import PREFIX, DialpadHarness, HubSpotHarness, dialpad, hubspot

from connectors.cursors import Cursor
from connectors.cursors.sqlite import SqliteCursorStore
from connectors.sources import NAMES
from connectors.stream import Page
from operations.place import StackHere
from operations.poll import Rounds
from operations.waiting import until_accounted
from sandbox.company import Manifest
from sandbox.vendors.faults import Fault
from schemas.errors import ConfigurationError, RetriableError
from warehouse.query import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

MOST = 100_000


class Polled(NamedTuple):
    """A stack, its sandboxes, and the settings that lead to them."""

    stack: RunningStack
    hubspot: HubSpotHarness
    dialpad: DialpadHarness
    settings: Path

    def call(self, *arguments: object) -> Any:
        return call(self.stack, *arguments, "--settings", self.settings)

    def written(self) -> None:
        """Returns when the pipeline has nothing in hand of what the runs have published."""
        with self.stack.warehouse() as client:
            until_accounted(client, sum(run["changes"] + run["failed"] for run in self.runs()))

    def runs(self) -> list[dict[str, Any]]:
        """The last row of every run, oldest run first, with the states of all its rows."""
        sql = """
          SELECT run_id, MIN(command) AS command, MAX(changes) AS changes, MAX(failed) AS failed,
            STRING_AGG(status, ' ' ORDER BY noted_at) AS notes,
            MAX_BY(TO_JSON_STRING(detail), noted_at) AS detail,
            MAX_BY(error_message, noted_at) AS error
          FROM `ops.runs` GROUP BY run_id ORDER BY MIN(started_at)
        """
        with self.stack.warehouse() as client:
            return run_sql(client, sql, limit=1_000).rows

    def newest(self, source: str) -> dict[str, Any]:
        """record_key to the newest version in raw.changes; None of what was deleted or merged."""
        sql = """
          SELECT record_key, operation, payload
          FROM `raw.changes` WHERE source = @source
          QUALIFY ROW_NUMBER() OVER (
            PARTITION BY record_key
            ORDER BY version_stamp DESC, version_fetched DESC, version_digest DESC) = 1
        """
        with self.stack.warehouse() as client:
            found = run_sql(client, sql, {"source": source}, limit=MOST, whole=True).rows
        return {
            row["record_key"]: (
                json.loads(row["payload"]) if row["operation"] == "upsert" else None
            )
            for row in found
        }


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory, company: Manifest) -> Iterator[Polled]:
    folder = tmp_path_factory.mktemp("polled")
    with hubspot(check=False) as crm, dialpad() as phones:
        phones.breaks_its_word = True
        stack = RunningStack(folder / "data", settings_file(folder, company, crm, phones))
        stack.start()
        try:
            yield Polled(stack, crm, phones, stack.settings)
        finally:
            code = stack.stop()
    assert code == 0


def settings_file(
    folder: Path, company: Manifest, crm: HubSpotHarness, phones: DialpadHarness
) -> Path:
    """The company's settings, and the sandboxes as sources; secrets lie in files."""
    (folder / "hubspot").write_text("token-1\n")
    (folder / "dialpad").write_text("sandbox-key\n")
    rates = ", ".join(f"{name} = 1e9" for name in phones.settings.per_minute)
    path = folder / "salesintel.toml"
    path.write_text(
        f"""{company.settings.read_text("utf-8")}
[sources.hubspot]
base_url = "{crm.address}"
token = "file:{folder / "hubspot"}"
searches_per_s = 1e9
calls_per_10_s = 1e9
calls_per_day = 1e9

[sources.dialpad]
base_url = "{phones.address}{PREFIX}"
token = "file:{folder / "dialpad"}"
objects = ["call", "user", "contact"]
company_per_s = 1e9
per_minute = {{ {rates} }}
"""
    )
    return path


def test_every_object_of_hubspot_is_held_in_its_latest_version(polled: Polled) -> None:
    result = polled.call("poll", "hubspot", "--once")
    assert result.exit_code == 0, result.stderr
    polled.written()
    expected = polled.hubspot.expected()
    assert polled.newest("hubspot") == expected
    run = polled.runs()[-1]
    assert (run["command"], run["notes"].split()[0], run["notes"].split()[-1]) == (
        "poll",
        "running",
        "succeeded",
    )
    assert run["changes"] >= len(expected)
    assert f"{run['changes']:,} changes published" in result.stdout

    again = polled.call("poll", "hubspot", "--once")
    assert again.exit_code == 0
    assert again.stdout.startswith("0 changes published")
    assert polled.runs()[-1]["changes"] == 0


def test_what_changes_meanwhile_comes_with_the_next_round(polled: Polled) -> None:
    polled.hubspot.change()
    assert polled.call("poll", "hubspot").exit_code == 0
    polled.written()
    assert polled.newest("hubspot") == polled.hubspot.expected()


def test_every_object_of_dialpad_is_held_in_its_latest_version(polled: Polled) -> None:
    for objects in (["call"], ["user", "contact"]):
        options = [part for one in objects for part in ("--objects", one)]
        result = polled.call("poll", "dialpad", *options)
        assert result.exit_code == 0, result.stderr
    polled.written()
    assert polled.newest("dialpad") == polled.dialpad.expected()
    again = polled.call("poll", "dialpad", "--once")
    assert again.exit_code == 0
    assert again.stdout.startswith("0 changes published")


def test_a_stream_that_fails_is_a_line_and_no_success_and_the_others_are_read(
    polled: Polled,
) -> None:
    polled.dialpad.faults.switch_on(Fault(name="malformed", route=f"{PREFIX}/contacts"))
    polled.dialpad.change()
    try:
        result = polled.call("poll", "dialpad")
    finally:
        polled.dialpad.faults.switch_off()
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("failed: dialpad/contact: ")
    run = polled.runs()[-1]
    assert run["notes"].split()[-1] == "failed"
    assert run["error"] == "StreamsFailed"
    assert list(json.loads(run["detail"])["failures"]) == ["dialpad/contact"]
    polled.written()
    newest = polled.newest("dialpad")
    expected = polled.dialpad.expected()
    calls = {key for key in expected if key.startswith("dialpad:call:")}
    assert {key: newest[key] for key in calls} == {key: expected[key] for key in calls}


def test_a_backfill_publishes_what_lies_in_its_time_and_once(polled: Polled) -> None:
    options = ("--since", "2000-01-01", "--objects", "call")
    result = polled.call("backfill", "dialpad", *options)
    assert result.exit_code == 0, result.stderr
    calls = [key for key in polled.dialpad.expected() if key.startswith("dialpad:call:")]
    run = polled.runs()[-1]
    assert (run["command"], run["notes"].split()[-1]) == ("backfill", "succeeded")
    assert run["changes"] == len(calls)
    polled.written()
    newest = polled.newest("dialpad")
    assert {key: newest[key] for key in calls} == {
        key: polled.dialpad.expected()[key] for key in calls
    }
    past = polled.call("backfill", "hubspot", "--since", "2000-01-01", "--until", "2000-01-02")
    assert past.stdout.startswith("0 changes published")


def test_a_backfill_that_another_has_in_hand_is_not_done(polled: Polled) -> None:
    """As after a kill: the lease stands, and nobody reads."""
    since, until = 946_684_800_000, 978_307_200_000
    name = f"dialpad/backfill/call/{since}-{until}"
    cursors = SqliteCursorStore(polled.stack.directory.path / "cursors.db")
    lease = cursors.lease(name, "killed", 300)
    options = ("--since", "2000-01-01", "--until", "2001-01-01", "--objects", "call")
    result = polled.call("backfill", "dialpad", *options)
    assert (result.exit_code, "do it again in 5 minutes" in result.stderr) == (1, True)
    assert polled.runs()[-1]["notes"].split()[-1] == "failed"
    cursors.release(lease)
    assert polled.call("backfill", "dialpad", *options).exit_code == 0


def test_rounds_go_on_until_a_signal_and_every_one_is_a_run(polled: Polled) -> None:
    before = len(polled.runs())
    command = [sys.executable, "-c", "from operations.cli import main; main()"]
    command += ["poll", "hubspot", "--every", "1", "--objects", "owner"]
    command += ["--data", str(polled.stack.directory.path), "--settings", str(polled.settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until(lambda: len(polled.runs()) >= before + 2, "two rounds have begun")
        os.kill(process.pid, signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert said.endswith(b"stopped\n")
    for run in polled.runs()[before:]:
        assert run["notes"].split()[-1] in ("succeeded", "stopped")


def test_a_signal_ends_a_round_after_the_page_in_hand_and_the_next_goes_on(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled.hubspot.change()
    read, handler = SqliteCursorStore.write, signal.getsignal(signal.SIGTERM)

    def written(*given: Any) -> int:
        signal.raise_signal(signal.SIGTERM)
        return read(*given)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteCursorStore, "write", written)
        result = polled.call("poll", "hubspot", "--objects", "contact")
    assert result.exit_code == 130
    assert result.stderr.startswith("stopped")
    assert polled.runs()[-1]["notes"].split()[-1] == "stopped"
    assert signal.getsignal(signal.SIGTERM) is handler
    assert polled.call("poll", "hubspot").exit_code == 0
    polled.written()
    assert polled.newest("hubspot") == polled.hubspot.expected()


def test_a_source_that_is_not_set_up_is_refused_in_one_line(polled: Polled) -> None:
    before = len(polled.runs())
    for source in sorted({*NAMES} - {"hubspot", "dialpad"}):
        result = polled.call("poll", source)
        assert (result.exit_code, result.stdout) == (2, "")
        (line,) = result.stderr.splitlines()
        assert f"[sources.{source}]" in line
    assert len(polled.runs()) == before


def test_the_doctor_of_a_source_tells_a_good_token_from_a_refused_one(polled: Polled) -> None:
    for source in ("hubspot", "dialpad"):
        good = polled.call("doctor", source)
        assert good.exit_code == 0, good.stdout
        assert "can be read" in good.stdout
        secret = polled.settings.parent / source
        kept = secret.read_text()
        secret.write_text("refused")
        try:
            bad = polled.call("doctor", source)
            poll = polled.call("poll", source)
        finally:
            secret.write_text(kept)
        assert bad.exit_code == 1
        assert "no" in bad.stdout
        assert "refused" not in poll.stdout
        assert poll.exit_code in (1, 2)
        assert poll.stderr.startswith("error: ")
        assert polled.runs()[-1]["notes"].split()[-1] == "failed"


def test_what_failed_before_a_fatal_error_is_in_the_run_and_said_too(
    polled: Polled, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = Rounds(StackHere(polled.stack.directory), "poll", {"source": "hubspot"})
    first = Breaking("hubspot/busy", RetriableError("it is busy"))
    second = Breaking("hubspot/keyless", ConfigurationError("no key"))
    with pytest.raises(ConfigurationError, match="no key"):
        rounds.round(lambda: [first, second])
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "failed: hubspot/busy: RetriableError: it is busy"
    run = polled.runs()[-1]
    assert (run["notes"].split()[-1], run["error"]) == ("failed", "ConfigurationError")
    assert json.loads(run["detail"])["failures"] == {
        "hubspot/busy": "RetriableError: it is busy",
        "hubspot/keyless": "ConfigurationError: no key",
    }


class Breaking:
    """A stream that raises."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        self._error = error

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        raise self._error
        yield  # A generator, as every stream's.


def test_rounds_follow_a_stack_that_was_started_again(polled: Polled) -> None:
    rounds = Rounds(StackHere(polled.stack.directory), "poll", {"source": "hubspot"})
    harness = polled.hubspot
    assert rounds.round(harness.streams)
    polled.written()
    assert polled.stack.stop() == 0
    harness.change()
    polled.stack.start()
    assert rounds.round(harness.streams)
    polled.written()
    assert polled.newest("hubspot") == harness.expected()
