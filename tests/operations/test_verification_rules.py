"""What has to hold after a deployment: each rule says so, says it does not, or that it cannot."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from operations.notifications.settings import Bounds
from operations.verification import rules
from operations.verification.check import (
    WINDOWS,
    Check,
    at_least,
    at_most,
    exit_code,
    in_order,
    missing,
    unknown,
    window_of,
)
from schemas.errors import ConfigurationError

HOUR, DAY, WEEK = WINDOWS["1h"], WINDOWS["24h"], WINDOWS["7d"]
HOLDS = at_most("a", 1, 1, "mend it")
AMISS = at_least("b", 0, 1, "mend it")
UNKNOWN = unknown("c", "ask later")


def outcomes(checks: Iterable[Check]) -> dict[str, str]:
    return {one.about or one.check: one.outcome for one in checks}


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([HOLDS, HOLDS], 0),
        ([HOLDS, AMISS], 1),
        ([UNKNOWN, AMISS, HOLDS], 1),
        ([HOLDS, UNKNOWN], 2),
        ([], 2),
    ],
)
def test_the_exit_code_says_well_amiss_or_cannot_tell(checks: list[Check], code: int) -> None:
    assert exit_code(checks) == code


def test_what_is_amiss_comes_first_and_only_it_says_what_to_do() -> None:
    assert in_order([HOLDS, UNKNOWN, AMISS]) == [AMISS, UNKNOWN, HOLDS]
    assert (HOLDS.action, HOLDS.bound) == ("", "<= 1")
    assert (AMISS.action, AMISS.bound) == ("mend it", ">= 1")
    assert missing("d", ">= 1", "mend it").outcome == "amiss"


def test_a_window_is_an_hour_a_day_or_a_week() -> None:
    assert window_of("24h") is DAY
    with pytest.raises(ConfigurationError, match="1h, 24h, 7d"):
        window_of("2h")


def test_a_source_that_is_silent_or_has_never_sent_anything_is_amiss_and_files_never_are() -> None:
    rows = [
        {"source": "gmail", "publish_lag_s": 71 * 3_600},
        {"source": "hubspot", "publish_lag_s": 73 * 3_600},
        {"source": "files", "publish_lag_s": 10**9},
    ]
    found = outcomes(rules.heard(rows, ("gmail", "dialpad"), Bounds()))
    assert found == {"gmail": "holds", "hubspot": "amiss", "dialpad": "amiss"}
    bounds = Bounds(silence_h={"hubspot": 100, "dialpad": 0, "files": 1})
    found = outcomes(rules.heard(rows, ("gmail", "dialpad"), bounds))
    assert found == {"gmail": "holds", "hubspot": "holds", "files": "amiss"}


def test_every_source_of_the_settings_was_read_within_the_window() -> None:
    found = rules.read([{"source": "gmail", "polls": 3}], ("gmail", "hubspot"))
    assert outcomes(found) == {"gmail": "holds", "hubspot": "amiss"}


@pytest.mark.parametrize(
    ("delays", "outcome"),
    [([1, None, 300], "holds"), ([301], "amiss"), ([None], "unknown"), ([], "unknown")],
)
def test_rows_come_in_time(delays: list[int | None], outcome: str) -> None:
    rows = [{"pipeline_delay_s": one} for one in delays]
    assert outcomes(rules.in_time(rows)) == {"pipeline_delay_s": outcome}


@pytest.mark.parametrize(
    ("messages", "letters", "outcome"),
    [(1_000, 10, "holds"), (1_000, 11, "amiss"), (10, 4, "holds"), (10, 5, "amiss")],
)
def test_few_messages_fail_and_a_handful_is_no_ratio(
    messages: int, letters: int, outcome: str
) -> None:
    rows = [{"source": "gmail", "messages": messages, "letters": letters}]
    assert outcomes(rules.failed_messages(rows, Bounds())) == {"gmail": outcome}
    assert outcomes(rules.failed_messages([], Bounds())) == {"error_ratio": "unknown"}


def test_letters_that_a_replay_can_help_and_duplicates_without_a_first_copy_are_amiss() -> None:
    for number, outcome in ((0, "holds"), (1, "amiss")):
        letters = rules.open_letters([{"retriable_letters": number}])
        assert outcomes(letters) == {"open_retriable_letters": outcome}
        lost = rules.accounted([{"lost_duplicates": number}])
        assert outcomes(lost) == {"lost_duplicates": outcome}
        assert outcomes(rules.single([{"things": number}])) == {"duplicates": outcome}


def a_rule(rule: str, *, passed: bool, severity: str = "error", **more: Any) -> dict[str, Any]:
    row = {"rule_id": rule, "severity": severity, "passed": passed, "hours_old": 1}
    return {**row, "value": 0.9, "bound": 0.9, **more}


def test_rules_of_severity_error_hold_and_both_numbers_are_reached() -> None:
    well = [
        a_rule("a", passed=True),
        a_rule("b", passed=False, severity="warning"),
        a_rule("accuracy", passed=True, severity="warning"),
    ]
    assert outcomes(rules.quality(well, DAY)) == {"quality_errors": "holds", "accuracy": "holds"}
    poor = [a_rule("a", passed=False), a_rule("completeness", passed=False, bound=0.95)]
    found = list(rules.quality(poor, HOUR))
    assert outcomes(found) == {"quality_errors": "amiss", "completeness": "amiss"}
    assert "a, completeness" in found[0].action


def test_rules_that_were_not_asked_for_a_day_are_unknown_once_a_night_has_passed() -> None:
    assert outcomes(rules.quality([], HOUR)) == {}
    assert outcomes(rules.quality([], DAY)) == {"quality_errors": "unknown"}
    old = [a_rule("a", passed=False, hours_old=27)]
    assert outcomes(rules.quality(old, DAY)) == {"quality_errors": "unknown"}
    assert outcomes(rules.quality(old, HOUR)) == {"quality_errors": "amiss"}
    young = [*old, a_rule("b", passed=True)]
    assert outcomes(rules.quality(young, DAY)) == {"quality_errors": "holds"}


def test_mails_and_calls_are_matched_over_all_sources_together() -> None:
    rows = [
        {"kind": "email", "total": 50, "matched": 50},
        {"kind": "email", "total": 50, "matched": 40},
        {"kind": "call", "total": 100, "matched": 84},
        {"kind": "record", "total": 10, "matched": 0},
    ]
    assert outcomes(rules.matched(rows, HOUR)) == {"email": "holds", "call": "amiss"}
    few = [{"kind": "call", "total": 49, "matched": 0}]
    few += rows[3:]
    assert outcomes(rules.matched(few, HOUR)) == outcomes(rules.matched(rows[3:], HOUR)) == {}
    assert outcomes(rules.matched(rows[3:], DAY)) == {"match_rate": "unknown"}


def test_without_a_crm_there_is_nobody_to_match_with_and_that_is_no_fault() -> None:
    mails = [{"kind": "email", "total": 500, "matched": 0}]
    for rows in (mails, []):
        found = list(rules.matched(rows, DAY))
        assert outcomes(found) == {"match_rate": "not applicable yet"}
        assert "no CRM is connected" in found[0].action
        assert exit_code([*found, HOLDS]) == 0
        assert exit_code(found) == 2, "nothing that applies was asked"
    crm = {"kind": "record", "total": 10, "matched": 0}
    assert outcomes(rules.matched([*mails, crm], DAY)) == {"email": "amiss"}


def test_runs_that_are_lost_or_have_failed_are_named() -> None:
    rows = [{"state": "lost", "command": "poll"}, {"state": "lost", "command": "poll"}]
    lost, failed = rules.runs(rows)
    assert (lost.outcome, lost.figure, failed.outcome) == ("amiss", 2, "holds")
    assert lost.action.startswith("poll: start it again")


def test_every_night_of_the_window_was_looked_after() -> None:
    rows = [{"source": "gmail", "nights": 6}, {"source": "hubspot", "nights": 5}]
    sources = ("gmail", "hubspot", "dialpad")
    found = outcomes(rules.nights(rows, WEEK, sources))
    assert found == {"gmail": "holds", "hubspot": "amiss", "dialpad": "amiss"}


def counted(source: str, there: int, held: int | None, hours_old: int = 1) -> Mapping[str, Any]:
    row = {"source": source, "object_type": "contact", "hours_old": hours_old}
    return {**row, "there": there, "held": held}


def test_what_a_source_counts_is_held_but_for_a_hundredth() -> None:
    rows = [
        counted("gmail", 1_000, 990),
        counted("gmail", 0, 5),
        counted("gmail", 100, None),
        counted("hubspot", 1_000, 989),
        counted("dialpad", 10, 10, hours_old=27),
    ]
    sources = ("gmail", "hubspot", "dialpad", "salesforce")
    found = list(rules.reconciled(rows, sources))
    assert outcomes(found) == {
        "gmail": "holds",
        "hubspot": "amiss",
        "dialpad": "unknown",
        "salesforce": "unknown",
    }
    assert any("11 are not held" in one.action for one in found)


def test_processes_run_and_marks_move() -> None:
    health = {"pipeline": {"healthy": True}, "pubsub": {"healthy": False}}
    assert outcomes(rules.processes(health)) == {"pipeline": "holds", "pubsub": "amiss"}
    now = 10**15
    marks = {"projects/p/subscriptions/a": now + 5, "projects/p/subscriptions/b": now - 301 * 10**6}
    assert outcomes(rules.moving(marks, now)) == {"a": "holds", "b": "amiss"}
    assert outcomes(rules.moving({}, now)) == {"seconds_behind": "unknown"}
