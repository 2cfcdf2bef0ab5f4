"""What the figures of a rule mean: passed or not, and in which words."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from warehouse.quality.rule import Fresh, Rule, SteadyNulls, SteadyVolume

LEAST_ROWS = 50
"""Of a day, before it can depart from what is usual: small numbers always do."""


class Judgement(NamedTuple):
    """Of one rule. `value` is None where there was nothing to check."""

    rule: Rule
    checked: int
    failed: int
    value: float | None
    message: str
    sample: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the value is within the rule's bound."""
        return self.value is None or self.value <= self.rule.bound


def judge(rule: Rule, row: Mapping[str, Any]) -> Judgement:
    """What the answer to the rule's question means."""
    checked = int(row["checked"] or 0)
    match rule:
        case Fresh():
            hours = float(row["hours"] or 0.0) if checked else None
            return Judgement(rule, checked, 0, hours, _age(rule, hours))
        case SteadyVolume():
            usual = float(row["usual"] or 0.0)
            if usual < LEAST_ROWS:
                return Judgement(rule, checked, 0, None, "too few rows to know what is usual")
            departs = abs(checked - usual) / usual
            words = f"{checked:,} rows yesterday, {usual:,.0f} are usual on that day of the week"
            return Judgement(rule, checked, 0, departs, _with_hint(rule, words, departs))
        case SteadyNulls():
            return _nulls(rule, checked, row)
    failed = int(row["failed"] or 0)
    value = failed / checked if checked else None
    words = f"{failed:,} of {checked:,} fail" if checked else "nothing to check"
    return Judgement(rule, checked, failed, value, _with_hint(rule, words, value))


def share_that_holds(judged: Sequence[Judgement]) -> tuple[int, int, float | None]:
    """Checked, failed, and the share of all that was checked that holds; None where nothing was."""
    checked = sum(one.checked for one in judged)
    failed = sum(one.failed for one in judged)
    return checked, failed, 1 - failed / checked if checked else None


def _nulls(rule: Rule, checked: int, row: Mapping[str, Any]) -> Judgement:
    before, failed = int(row["before"] or 0), int(row["failed"] or 0)
    if min(checked, before) < LEAST_ROWS:
        return Judgement(rule, checked, failed, None, "too few rows to know what is usual")
    now, usual = failed / checked, int(row["failed_before"] or 0) / before
    words = f"{now:.1%} were empty yesterday, {usual:.1%} in the weeks before"
    departs = abs(now - usual)
    return Judgement(rule, checked, failed, departs, _with_hint(rule, words, departs))


def _age(rule: Rule, hours: float | None) -> str:
    words = "no rows" if hours is None else f"the newest is {hours:,.1f} hours old"
    return _with_hint(rule, words, hours)


def _with_hint(rule: Rule, words: str, value: float | None) -> str:
    wrong = value is not None and value > rule.bound
    return f"{words}: {rule.hint}" if wrong and rule.hint else words
