"""What is amiss, as notices: plain functions of what was observed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from operations.notifications.settings import SOURCE_SILENCE_H, Bounds
from schemas.notice import Kind, Notice
from schemas.quality import Severity

RUNBOOK = "docs/operations.md"
HOUR_S = 3_600
DAY_H = 24


class Letters(NamedTuple):
    """Of one source, within the window."""

    source: str
    messages: int
    letters: int


class Growth(NamedTuple):
    """Dead letters of one stage: of the last hour, and of the day before that."""

    stage: str
    last_hour: int
    day_before: int


class SourceAge(NamedTuple):
    """Seconds since a source has sent anything."""

    source: str
    seconds: int


class RunSeen(NamedTuple):
    """A run that is lost or has failed, and that no later one of its command has made good."""

    command: str
    run_id: str
    state: str
    """lost or failed"""
    error: str


class RuleSeen(NamedTuple):
    """A rule of ops.quality that fails."""

    rule_id: str
    severity: Severity
    message: str


class Observed(NamedTuple):
    """All that is looked at in one round; where `stack` or `warehouse` is False, nothing is known
    of what it would have said."""

    letters: tuple[Letters, ...] = ()
    growth: tuple[Growth, ...] = ()
    ages: tuple[SourceAge, ...] = ()
    runs: tuple[RunSeen, ...] = ()
    rules: tuple[RuleSeen, ...] = ()
    given_up: tuple[str, ...] = ()
    warehouse: bool = True
    stack: bool = True

    def tells_of(self, kind: Kind) -> bool:
        """Whether a condition of this kind that is not seen is known to be over."""
        if kind == "no_answer":
            return True
        return self.stack and (self.warehouse or kind == "process_given_up")


def conditions(seen: Observed, bounds: Bounds, now: int) -> dict[str, Notice]:
    """Everything that is amiss, by key."""
    found = (
        *_error_ratios(seen.letters, bounds, now),
        *_growing(seen.growth, bounds, now),
        *_stopped(seen.ages, bounds.silence_h, now),
        *_runs(seen.runs, now),
        *_rules(seen.rules, now),
        *_given_up(seen.given_up, now),
        *_no_answer(seen, now),
    )
    return {notice.key: notice for notice in found}


AGED = ("run_lost", "run_failed")
"""Kinds that end by themselves, after two weeks: what nobody has mended since has not recovered."""


def recovered(notice: Notice, now: int) -> Notice:
    """That a condition no longer holds."""
    well = "nothing: it is well again"
    return Notice(
        kind=notice.kind,
        key=notice.key,
        state="recovered",
        severity=notice.severity,
        subject=notice.subject,
        action=f"{well}, or two weeks have passed" if notice.kind in AGED else well,
        runbook=notice.runbook,
        happened_at=now,
    )


def _notice(
    kind: Kind, about: str, severity: Severity, subject: str, action: str, now: int
) -> Notice:
    return Notice(
        kind=kind,
        key=f"{kind}:{about}",
        severity=severity,
        subject=subject,
        action=action,
        runbook=f"{RUNBOOK}#notifications",
        happened_at=now,
    )


def _error_ratios(seen: Iterable[Letters], bounds: Bounds, now: int) -> Iterator[Notice]:
    for source, messages, letters in seen:
        ratio = letters / messages if messages else 0.0
        if letters >= bounds.least_letters and ratio > bounds.error_ratio:
            yield _notice(
                "error_ratio",
                source,
                "error",
                f"{source}: {letters:,} of {messages:,} messages became dead letters within "
                f"{bounds.window_min} minutes ({ratio:.0%})",
                "salesintel query ops.dead_letters_summary says why; mend it, then salesintel "
                "replay",
                now,
            )


def _growing(seen: Iterable[Growth], bounds: Bounds, now: int) -> Iterator[Notice]:
    for stage, last_hour, day_before in seen:
        usual = day_before / DAY_H
        if last_hour >= bounds.least_letters and last_hour > bounds.growth * usual:
            yield _notice(
                "dead_letter_growth",
                stage,
                "warning",
                f"{last_hour:,} dead letters of stage {stage} in the last hour, {usual:,.1f} an "
                "hour in the day before",
                "salesintel query ops.dead_letters_summary says why",
                now,
            )


def _stopped(
    seen: Iterable[SourceAge], silence_h: Mapping[str, float], now: int
) -> Iterator[Notice]:
    for source, seconds in seen:
        hours = silence_h.get(source, 0.0 if source == "files" else SOURCE_SILENCE_H)
        if hours and seconds > hours * HOUR_S:
            yield _notice(
                "source_stopped",
                source,
                "error",
                f"{source} has sent nothing for {seconds / HOUR_S:,.0f} hours",
                f"salesintel doctor {source}; see whether its poll, webhooks or fetch still run",
                now,
            )


def _runs(seen: Iterable[RunSeen], now: int) -> Iterator[Notice]:
    for command, run_id, state, error in seen:
        lost = state == "lost"
        words = "has gone silent without an end" if lost else f"has failed ({error})"
        yield _notice(
            "run_lost" if lost else "run_failed",
            # Of one command that fails again and again it is one condition.
            command,
            "error" if lost else "warning",
            f"a run of {command} {words}",
            f"start it again; its rows: salesintel query ops.runs, run_id {run_id}",
            now,
        )


def _rules(seen: Iterable[RuleSeen], now: int) -> Iterator[Notice]:
    for rule_id, severity, message in seen:
        yield _notice(
            "quality",
            rule_id,
            severity,
            f"{rule_id}: {message}",
            "salesintel query ops.quality_latest has the ids of some rows that fail",
            now,
        )


def _given_up(seen: Iterable[str], now: int) -> Iterator[Notice]:
    for name in seen:
        yield _notice(
            "process_given_up",
            name,
            "error",
            f"process {name} of the stack is given up",
            "salesintel status names its log; mend what it says there, then salesintel up again",
            now,
        )


def _no_answer(seen: Observed, now: int) -> Iterator[Notice]:
    if not seen.stack:
        yield _notice(
            "no_answer",
            "stack",
            "error",
            "the stack has ended: what comes in now waits at its sources",
            "salesintel up starts it where it was; logs/supervisor.log says why it ended",
            now,
        )
    elif not seen.warehouse:
        yield _notice(
            "no_answer",
            "warehouse",
            "error",
            "the warehouse gives no answer: nothing else can be looked at",
            "salesintel status; it is started again by itself unless it is given up",
            now,
        )
