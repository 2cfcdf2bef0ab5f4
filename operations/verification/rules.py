"""What has to hold after a deployment: plain functions of what the warehouse answered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from operations.notifications.settings import SOURCE_SILENCE_H, Bounds
from operations.verification.check import (
    HOUR_S,
    Check,
    Window,
    at_least,
    at_most,
    missing,
    not_applicable,
    unknown,
)
from warehouse.quality.judging import LEAST_ROWS

Rows = Sequence[Mapping[str, Any]]

ERROR_RATIO = 0.01
"""Of a source's messages within the window; the alert fires at five times as many."""
DELAY_S = 300.0
"""From publish to row: the objective for freshness (terraform/slo.tf)."""
CLOCKS_S = 60.0
"""By how much the clocks of pollers and of Pub/Sub may differ."""
MATCH_RATES: Mapping[str, float] = {"email": 0.90, "call": 0.85}
"""Kind of interaction to the share of its sightings that must be matched."""
LACKING = 0.01
"""Of a source's records, the share that we may lack: what the exclusions keep out is among it."""
NIGHT_H = 26
"""What is done each night is at most so old, hours: it takes its time, and not always the same."""


def heard(rows: Rows, expected: Iterable[str], bounds: Bounds) -> Iterator[Check]:
    """Rows of ops.freshness: every source has sent something within what is usual for it."""
    lags = {row["source"]: row["publish_lag_s"] for row in rows}
    silence = {"files": 0.0, **bounds.silence_h}
    for source in sorted({*lags, *expected}):
        hours = silence.get(source, SOURCE_SILENCE_H)
        action = f"salesintel doctor {source}; see whether its poll, webhooks or fetch run"
        if not hours:
            continue
        if lags.get(source) is None:
            yield missing(
                "source_silence_h", f"<= {hours:g}", f"it has never sent a change: {action}", source
            )
        else:
            yield at_most(
                "source_silence_h", round(lags[source] / HOUR_S, 2), hours, action, source
            )


def read(rows: Rows, expected: Iterable[str]) -> Iterator[Check]:
    """Source and number of its polls that succeeded within the window: each was read."""
    polls = {row["source"]: row["polls"] for row in rows}
    for source in sorted(expected):
        yield at_least(
            "polls_that_succeeded",
            polls.get(source, 0),
            1,
            f"salesintel poll {source}; its runs: salesintel query ops.failed_runs",
            source,
        )


def in_time(rows: Rows) -> Iterator[Check]:
    """Rows of ops.freshness: what came in live within the last hour became rows in time."""
    delays = [row["pipeline_delay_s"] for row in rows if row["pipeline_delay_s"] is not None]
    if not delays:
        yield unknown(
            "pipeline_delay_s", "nothing came in live within the last hour: ask when it has"
        )
    else:
        action = "the pipeline is behind: salesintel status, then runbooks/oldest-message.md"
        yield at_most("pipeline_delay_s", max(delays), DELAY_S, action)


def arrived(rows: Rows) -> Iterator[Check]:
    """Source, and by how much the newest run that published anything began after the newest of its
    messages that is a row, a duplicate or a dead letter: what was published has come."""
    for row in rows:
        action = "the pipeline takes nothing: salesintel status, then runbooks/oldest-message.md"
        check, about = "published_and_not_here_s", row["source"]
        if row["is_none_here"]:
            yield missing(check, f"<= {CLOCKS_S:g}", action, about)
        else:
            yield at_most(check, max(row["missing_s"], 0), CLOCKS_S, action, about)


def failed_messages(rows: Rows, bounds: Bounds) -> Iterator[Check]:
    """Source with its messages and dead letters of the window: few have failed."""
    if not rows:
        yield unknown("error_ratio", "no message came within the window: ask when one has")
    for row in rows:
        ratio = round(row["letters"] / row["messages"], 5)
        action = "salesintel query ops.dead_letters_summary says why: runbooks/error-ratio.md"
        found = at_most("error_ratio", ratio, ERROR_RATIO, action, row["source"])
        # A few are no ratio: one broken mail in a quiet hour rolls nothing back.
        few = row["letters"] < bounds.least_letters
        yield replace(found, outcome="holds", action="") if few else found


def open_letters(rows: Rows) -> Iterator[Check]:
    """Rows of ops.dead_letters_summary with letters of the window: a replay can help none."""
    waiting = sum(row["retriable_letters"] for row in rows)
    yield at_most("open_retriable_letters", waiting, 0, "salesintel replay, then with --yes")


def accounted(rows: Rows) -> Iterator[Check]:
    """Rows of ops.accounting: no duplicate stands without its first copy."""
    lost = sum(row["lost_duplicates"] for row in rows)
    action = "seek the subscription back to before the deployment: docs/deployment.md"
    yield at_most("lost_duplicates", lost, 0, action)


def quality(rows: Rows, window: Window) -> Iterator[Check]:
    """Rows of ops.quality_latest: no rule of severity error fails, and both numbers are reached."""
    if not rows and not window.nights:
        return
    action = "salesintel quality"
    if not rows:
        yield unknown("quality_errors", f"the rules have never been asked: {action}")
        return
    # A rule that is no longer asked keeps its last answer for two weeks.
    asked = [row for row in rows if not window.nights or row["hours_old"] <= NIGHT_H]
    if not asked:
        yield unknown("quality_errors", f"the rules were not asked within a day: {action}")
        return
    failing = [row for row in asked if row["severity"] == "error" and not row["passed"]]
    named = ", ".join(sorted(row["rule_id"] for row in failing)[:3])
    yield at_most("quality_errors", len(failing), 0, f"{named}: runbooks/data-quality.md")
    for row in asked:
        if row["rule_id"] in ("completeness", "accuracy") and row["value"] is not None:
            yield at_least(row["rule_id"], round(row["value"], 4), row["bound"], action)


def matched(rows: Rows, window: Window) -> Iterator[Check]:
    """Rows of ops.match_quality: mails and calls find their people, where there are any to find:
    those of a CRM or of a file."""
    if not any(row["kind"] == "record" for row in rows):
        yield not_applicable(
            "match_rate",
            "there is nobody to find: no CRM is connected, and no file of one imported",
        )
        return
    action = "salesintel match-report, and sales.unmatched_emails or sales.unmatched_calls"
    found = False
    for kind, least in MATCH_RATES.items():
        of_kind = [row for row in rows if row["kind"] == kind]
        total = sum(row["total"] for row in of_kind)
        if total >= LEAST_ROWS:
            found = True
            rate = sum(row["matched"] for row in of_kind) / total
            yield at_least("match_rate", round(rate, 4), least, action, kind)
    if not found and window.nights:
        yield unknown(
            "match_rate", f"fewer than {LEAST_ROWS} mails and calls are there to match: ask later"
        )


def runs(rows: Rows) -> Iterator[Check]:
    """Runs of the window that are lost or have failed, and that no later one has made good."""
    for state in ("lost", "failed"):
        commands = sorted(row["command"] for row in rows if row["state"] == state)
        action = f"{', '.join(dict.fromkeys(commands))}: start it again; see ops.failed_runs"
        yield at_most(f"{state}_runs", len(commands), 0, action)


def nights(rows: Rows, window: Window, expected: Iterable[str]) -> Iterator[Check]:
    """Source and the nights of the window in which `nightly` succeeded for it."""
    passed = {row["source"]: row["nights"] for row in rows}
    for source in sorted(expected):
        action = f"salesintel nightly {source}: runbooks/night-failed.md"
        yield at_least("nights", passed.get(source, 0), window.nights, action, source)


def reconciled(rows: Rows, expected: Iterable[str]) -> Iterator[Check]:
    """Rows of ops.reconciliation with the age of each: we hold what the sources have."""
    for source in sorted(expected):
        counted = [row for row in rows if row["source"] == source and row["held"] is not None]
        young = [row for row in counted if row["hours_old"] <= NIGHT_H]
        again = f"salesintel nightly {source}"
        if not young:
            old = "not within a day" if counted else "never"
            yield unknown("lacking_share", f"it was counted {old}: {again}", source)
            continue
        worst = max(young, key=_lacking)
        action = (
            f"{worst['object_type']}: {worst['there'] - worst['held']:,} are not held; see "
            f"ops.reconciliation and the exclusions, then salesintel backfill {source}"
        )
        yield at_most("lacking_share", round(_lacking(worst), 4), LACKING, action, source)


def single(rows: Rows) -> Iterator[Check]:
    """Number of rows of ops.duplicates: nothing stands twice."""
    action = "salesintel query ops.duplicates says which and where"
    yield at_most("duplicates", rows[0]["things"], 0, action)


def processes(health: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    """What the supervisor says of each process: it runs."""
    for name, seen in sorted(health.items()):
        action = "its log says why: salesintel status"
        yield at_least("process_runs", int(bool(seen["healthy"])), 1, action, name)


def moving(marks: Mapping[str, int], now: int) -> Iterator[Check]:
    """Low-water marks by subscription, microseconds: everything older is written."""
    if not marks:
        yield unknown("seconds_behind", "the pipeline has noted nothing yet: salesintel status")
    for name, mark in sorted(marks.items()):
        behind = max(now - mark, 0) // 1_000_000
        action = "logs/pipeline.log says what it waits for: runbooks/oldest-message.md"
        yield at_most("seconds_behind", behind, DELAY_S, action, name.rpartition("/")[2])


def _lacking(row: Mapping[str, Any]) -> float:
    return max(int(row["there"]) - int(row["held"]), 0) / max(int(row["there"]), 1)
