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
    vanished: bool = False
    """There is no row at all, where there were some in the weeks before."""

    @property
    def passed(self) -> bool:
        """Whether the value is within the rule's bound."""
        if self.vanished:
            return False
        return self.value is None or self.value <= self.rule.bound


def judge(rule: Rule, row: Mapping[str, Any]) -> Judgement:
    """What the answer to the rule's question means."""
    checked = int(row["checked"] or 0)
    match rule:
        case Fresh() if not checked:
            return _empty(rule, row)
        case Fresh():
            hours = float(row["hours"] or 0.0)
            words = f"the newest is {hours:,.1f} hours old"
            return Judgement(rule, checked, 0, hours, _with_hint(rule, words, hours))
        case SteadyVolume() if not row["n"]:
            return _empty(rule, row)
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


class Number(NamedTuple):
    """What rules of one measure come to: each weighs alike, however many rows it is about."""

    value: float | None
    """The mean of the shares that hold; None where nothing was checked."""
    checked: int
    failed: int
    message: str


def number_of(judged: Sequence[Judgement]) -> Number:
    """The number of these rules, and which of them lowers it most."""
    asked = [one for one in judged if one.checked]
    if not asked:
        return Number(None, 0, 0, "nothing to check")
    shares = {one.rule.id: 1 - one.failed / one.checked for one in asked}
    least = min(shares, key=lambda rule: shares[rule])
    return Number(
        sum(shares.values()) / len(shares),
        sum(one.checked for one in asked),
        sum(one.failed for one in asked),
        f"the mean of {len(shares):,} rules; least: {least} with {shares[least]:.1%}",
    )


def _nulls(rule: Rule, checked: int, row: Mapping[str, Any]) -> Judgement:
    before, failed = int(row["before"] or 0), int(row["failed"] or 0)
    if min(checked, before) < LEAST_ROWS:
        return Judgement(rule, checked, failed, None, "too few rows to know what is usual")
    now, usual = failed / checked, int(row["failed_before"] or 0) / before
    words = f"{now:.1%} were empty yesterday, {usual:.1%} in the weeks before"
    departs = abs(now - usual)
    return Judgement(rule, checked, failed, departs, _with_hint(rule, words, departs))


def _empty(rule: Rule, row: Mapping[str, Any]) -> Judgement:
    if not row["had"]:
        return Judgement(rule, 0, 0, None, "not applicable: no rows yet")
    words = f"no rows, where there were {int(row['had']):,} before"
    hint = f": {rule.hint}" if rule.hint else ""
    return Judgement(rule, 0, 0, None, words + hint, vanished=True)


def _with_hint(rule: Rule, words: str, value: float | None) -> str:
    wrong = value is not None and value > rule.bound
    return f"{words}: {rule.hint}" if wrong and rule.hint else words
