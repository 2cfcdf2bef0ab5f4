"""Each runbook is rehearsed: its condition is brought about here and its commands are followed, or
another test does it, or it is said why nobody can without the cloud."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from msgspec.structs import replace
from rehearsals import (
    BEGIN,
    BESIDES,
    CLOUD_ALONE,
    END,
    HERE,
    LEFT,
    PAGE,
    REHEARSED,
    rehearsing,
    table,
)
from small_stack import SmallStack
from test_watching import running_stack
from typer.testing import CliRunner, Result
from watched_rows import a_change, a_run

from embedded.pubsub import FaultPlan
from operations import cli
from schemas.change import new_change
from schemas.clock import DAY_US, wall_clock
from schemas.envelope import encode, topic_of
from schemas.errors import InvalidPayload
from schemas.flow import Received
from schemas.operations import DeadLetter, Replay
from schemas.records import RawChange
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS
from transforms.dead_letters import dead_letter, original
from warehouse.runs import noted_run

__all__ = ["running_stack"]
"""Fixture: one stack for these and for what watches."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching")]

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000
TABLES = ("raw.changes", "ops.dead_letters", "ops.replays", "ops.runs")


class Rehearsal:
    """The commands of a runbook, each of which has to be followed or left to another test."""

    def __init__(self, name: str, stack: SmallStack) -> None:
        self.stack = stack
        self._name = name
        text = (ROOT / "runbooks" / f"{name}.md").read_text("utf-8")
        self._commands = set(re.findall(r"`salesintel ([^`]+)`", text))
        self._followed = set[str]()

    def follow(self, command: str, *more: str, blank: str = "") -> Result:
        """Types a command as the runbook has it, with what stands for its `…`."""
        assert command in self._commands, f"runbooks/{self._name}.md does not say `{command}`"
        self._followed.add(command)
        return self.stack.call(*shlex.split(command.replace("…", blank)), *more)

    def rows(self, command: str) -> list[dict[str, object]]:
        """What a question of the runbook gives."""
        result = self.follow(command, "--format", "json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert isinstance(found, list)
        return found

    def over(self) -> None:
        """Nothing of the runbook is left but what another test follows."""
        assert self._commands - self._followed == LEFT.get(self._name, {}).keys()


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest, running_stack: SmallStack) -> Iterator[Rehearsal]:
    """Of the runbook that the test is named after, on a stack to which nothing has happened."""
    running_stack.empty(*TABLES)
    name = request.node.name.removeprefix("test_runbook_").replace("_", "-")
    rehearsed = Rehearsal(name, running_stack)
    yield rehearsed
    running_stack.pubsub.faults.set(FaultPlan())
    running_stack.directory.marks.unlink(missing_ok=True)
    running_stack.process("pipeline")
    rehearsed.over()


def checks(rows: list[dict[str, object]]) -> set[object]:
    """Names of the checks that are not well."""
    return {row["name"] for row in rows if not row["ok"]}


def letters(stage: str, count: int) -> list[DeadLetter]:
    """Changes that a step could not process, with their exact bytes."""
    made = []
    for number in range(count):
        change = new_change("files", "contact", f"c{number}", b"{}", stamp=1, fetched=2)
        message = encode(change)
        attributes = dict(message.attributes)
        came = original(Received(message.data, attributes, f"m{number}", wall_clock()))
        letter = dead_letter(
            came, stage, InvalidPayload("no id"), now=wall_clock(), job_name="rehearsal"
        )
        made.append(replace(letter, topic=topic_of("files")))
    return made


def accepted(letter: DeadLetter) -> tuple[RawChange, Replay]:
    """The rows of a change that a replay has brought through."""
    raw = a_change("files:contact:c")
    raw = replace(raw, change_id=letter.change_id, attempt=letter.attempt + 1)
    replay = Replay(
        change_id=raw.change_id,
        source=raw.source,
        attempt=raw.attempt,
        written_at=raw.written_at,
        written_date=raw.written_at // DAY_US,
    )
    return raw, replay


def mark(stack: SmallStack, seconds_ago: int) -> None:
    """How far the pipeline has written what was published."""
    now = wall_clock() - seconds_ago * SECOND
    read = (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)
    names = [f"projects/p/subscriptions/{one.name}" for one in read]
    stack.directory.marks.write_text(json.dumps(dict.fromkeys(names, now)))


def waiting(stack: SmallStack, topic: str) -> list[bytes]:
    """What waits for the pipeline, taken."""
    (name,) = (one.name for one in PIPELINE_SUBSCRIPTIONS if one.topic == topic)
    with pubsub_v1.SubscriberClient() as client:
        path = client.subscription_path(stack.stack.project, name)
        got = client.pull(subscription=path, max_messages=100, timeout=10).received_messages
        if got:
            client.acknowledge(subscription=path, ack_ids=[one.ack_id for one in got])
    return [one.message.data for one in got]


def test_runbook_data_quality(rehearsal: Rehearsal) -> None:
    assert "open_dead_letter_share" not in checks(rehearsal.rows("query ops.health"))
    rehearsal.stack.write([a_change("hubspot:contact:1"), *letters("normalise", 2)])
    (row,) = (
        one for one in rehearsal.rows("query ops.health") if one["name"] == "open_dead_letter_share"
    )
    assert not row["ok"] and "ops.dead_letters_summary" in str(row["action"])
    told = [json.loads(line) for line in rehearsal.stack.call("figures").stdout.splitlines()]
    assert [one["ok"] for one in told if one["figure"] == row["name"]] == [False]


def test_runbook_error_ratio(rehearsal: Rehearsal) -> None:
    failed = letters("normalise", 3)
    rehearsal.stack.write([*(a_change(f"hubspot:contact:{n}") for n in range(20)), *failed])
    (kind,) = rehearsal.rows("query ops.dead_letters_summary")
    assert (kind["stage"], kind["error_type"], kind["open_letters"]) == (
        "normalise",
        "InvalidPayload",
        3,
    )
    command = "replay --error-type …"
    dry = rehearsal.follow(command, blank="InvalidPayload")
    assert "Nothing has been done" in dry.stdout and not waiting(rehearsal.stack, topic_of("files"))
    done = rehearsal.follow(command, "--yes", blank="InvalidPayload")
    assert "3 published" in done.stdout
    assert waiting(rehearsal.stack, topic_of("files")) == [b"{}"] * 3
    # The pipeline that can read them now accepts them.
    rehearsal.stack.write([row for letter in failed for row in accepted(letter)])
    assert rehearsal.rows("query ops.dead_letters_summary")[0]["open_letters"] == 0


def test_runbook_warehouse_write_failures(rehearsal: Rehearsal) -> None:
    rehearsal.stack.write(letters("write", 2))
    (kind,) = rehearsal.rows("query ops.dead_letters_summary")
    assert (kind["stage"], kind["letters"]) == ("write", 2)
    assert "2 published" in rehearsal.follow("replay --stage write --yes").stdout
    assert len(waiting(rehearsal.stack, topic_of("files"))) == 2


def test_runbook_hints_waiting(rehearsal: Rehearsal) -> None:
    rehearsal.stack.write([a_run("fetch", "failed", 60, "RetriableError")])
    (run,) = rehearsal.rows("query ops.failed_runs")
    assert run["command"] == "fetch"
    assert (run["outcome"], run["error_message"]) == ("failed", "RetriableError")


def test_runbook_job_failed(rehearsal: Rehearsal) -> None:
    rehearsal.stack.write([a_run("poll", "failed", 60, "RetriableError")])
    (run,) = rehearsal.rows("query ops.failed_runs")
    assert (run["command"], run["error_message"]) == ("poll", "RetriableError")
    (day,) = rehearsal.rows("query ops.runs_daily")
    assert (day["command"], day["failed"]) == ("poll", 1)


def test_runbook_job_by_hand_failed(rehearsal: Rehearsal) -> None:
    stack, failed = rehearsal.stack, letters("normalise", 3)
    stack.write([*(a_change(f"hubspot:contact:{n}") for n in range(20)), *failed])
    # An erasure is at work, and then no more.
    with noted_run(stack.endpoint, "erase"):
        refused = rehearsal.follow("replay --yes")
        assert refused.exit_code == 1 and "an erasure is at work" in refused.output, refused.output
        days = {day["command"]: day for day in rehearsal.rows("query ops.runs_daily")}
        assert (days["erase"]["running"], days["replay"]["failed"]) == (1, 1)
    # A right is missing.
    stack.pubsub.faults.set(FaultPlan(errors={"Publish": "PERMISSION_DENIED"}))
    refused = rehearsal.follow("replay --yes")
    assert refused.exit_code == 1 and "PermissionDenied" in refused.output, refused.output
    for run in rehearsal.rows("query ops.failed_runs"):
        assert (run["command"], run["outcome"], run["is_settled"]) == ("replay", "failed", False)
    assert not waiting(stack, topic_of("files"))
    open_letters = "query ops.dead_letters_summary"
    assert rehearsal.rows(open_letters)[0]["open_letters"] == 3
    # It is granted.
    stack.pubsub.faults.set(FaultPlan())
    assert "3 published" in rehearsal.follow("replay --yes").stdout
    assert waiting(stack, topic_of("files")) == [b"{}"] * 3
    assert all(run["is_settled"] for run in rehearsal.rows("query ops.failed_runs"))
    stack.write([row for letter in failed for row in accepted(letter)])
    assert rehearsal.rows(open_letters)[0]["open_letters"] == 0


def test_runbook_night_failed(rehearsal: Rehearsal) -> None:
    # Nothing says how far the pipeline is: the compaction cannot know what it may rely on.
    assert rehearsal.follow("compact").exit_code == 1
    health = rehearsal.stack.call("query", "ops.health", "--format", "json")
    assert "failed_runs_last_day" in checks(json.loads(health.stdout))
    mark(rehearsal.stack, 5)
    assert rehearsal.follow("compact").exit_code == 0
    assert rehearsal.follow("retention").exit_code == 0
    health = rehearsal.stack.call("query", "ops.health", "--format", "json")
    assert "failed_runs_last_day" not in checks(json.loads(health.stdout))
    assert rehearsal.rows("query ops.reconciliation") == []
    assert rehearsal.rows("query ops.quality_latest") == []


def test_runbook_figures_missing(rehearsal: Rehearsal, tmp_path: Path) -> None:
    lost = CliRunner().invoke(cli.app, ["figures", "--data", str(tmp_path)])
    assert (lost.exit_code, lost.stdout) == (2, "")
    printed = rehearsal.stack.call("figures").stdout.splitlines()
    by_hand = rehearsal.rows("query ops.health")
    figures = {json.loads(line)["figure"]: json.loads(line)["value"] for line in printed}
    assert by_hand and all(figures[str(row["name"])] == row["value"] for row in by_hand)


def test_runbook_freshness_slo(rehearsal: Rehearsal) -> None:
    row = a_change("hubspot:contact:1", ago_s=900)
    rehearsal.stack.write([replace(row, written_at=wall_clock())])
    (source,) = rehearsal.rows("query ops.freshness")
    assert source["source"] == "hubspot" and int(str(source["pipeline_delay_s"])) >= 899


def test_runbook_stuck_work(rehearsal: Rehearsal) -> None:
    late = a_change("hubspot:contact:1", ago_s=2_000)
    rehearsal.stack.write([late, a_change("files:contact:1")])
    lags = {row["source"]: row["write_lag_s"] for row in rehearsal.rows("query ops.freshness")}
    assert int(str(lags["hubspot"])) >= 1_999 and int(str(lags["files"])) < 300


def test_runbook_oldest_message(rehearsal: Rehearsal) -> None:
    mark(rehearsal.stack, 4_000)
    rehearsal.stack.write([a_change("hubspot:contact:1", ago_s=4_000)])
    said = rehearsal.follow("status")
    assert said.exit_code == 1 and "messages wait" in said.stdout
    assert rehearsal.rows("query ops.freshness") and rehearsal.rows("query ops.health")
    mark(rehearsal.stack, 0)
    assert "messages wait" not in rehearsal.follow("status").stdout


def test_runbook_pipeline_not_running(rehearsal: Rehearsal) -> None:
    rehearsal.stack.process("pipeline", given_up=True)
    said = rehearsal.stack.call("status")
    assert said.exit_code == 1 and "given up" in said.stdout
    rehearsal.stack.process("pipeline")
    rehearsal.stack.write([a_change("hubspot:contact:1"), *letters("normalise", 1)])
    accounted = rehearsal.rows("query ops.accounting")
    assert sum(int(str(row["messages"])) for row in accounted) == 2


def test_runbook_query_failures(rehearsal: Rehearsal) -> None:
    refused = rehearsal.stack.call("query", "SELECT missing FROM `ops.runs`")
    assert refused.exit_code == 2
    assert rehearsal.follow("query … --timeout 120", blank="ops.health").exit_code == 0


def test_runbook_source_quota(rehearsal: Rehearsal) -> None:
    detail = {"source": "hubspot", "failures": {"contacts": "BudgetSpent: calls of the day"}}
    run = replace(a_run("poll", "failed", 60, "StreamsFailed"), detail=json.dumps(detail))
    rehearsal.stack.write([run])
    told = [json.loads(line) for line in rehearsal.stack.call("figures").stdout.splitlines()]
    refusals = {
        one["source"]: one["value"] for one in told if one["figure"] == "quota_refusals_last_hour"
    }
    assert refusals == {"hubspot": 1.0}


def test_every_runbook_is_rehearsed_or_it_is_said_why_nobody_can() -> None:
    names = {path.stem for path in (ROOT / "runbooks").glob("*.md")}
    assert names == REHEARSED.keys() | CLOUD_ALONE.keys()
    assert not REHEARSED.keys() & CLOUD_ALONE.keys()
    assert BESIDES.keys() | LEFT.keys() <= REHEARSED.keys()


def test_tests_that_rehearse_exist() -> None:
    named = {one for name in REHEARSED for one in rehearsing(name)}
    named |= {one for left in LEFT.values() for one in left.values()}
    for one in sorted(named):
        path, _, function = one.partition("::")
        assert f"def {function}(" in (ROOT / path).read_text("utf-8"), one
    mine = {name for name in globals() if name.startswith("test_runbook_")}
    assert {f"{HERE}::{name}" for name in mine} <= named


def test_the_docs_say_which_test_rehearses_which_runbook() -> None:
    assert BEGIN + table() + END in PAGE.read_text("utf-8"), "run `make permissions`"
