"""Rules asked of a warehouse, those of one table's rows in one question."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from google.cloud import bigquery

from schemas.errors import SalesIntelError
from schemas.tables import BY_ID
from warehouse.quality.conditions import is_row_rule
from warehouse.quality.judging import Judgement, judge
from warehouse.quality.questions import SAMPLE, Question, Window, counted, question, sample
from warehouse.quality.rule import Rule
from warehouse.query import run_own

DAYS = 35
"""Of partitioned tables, the days that are looked at: five weeks, as drift needs."""
TIMEOUT_S = 300.0


class NotAsked(NamedTuple):
    """A rule to which the warehouse gave no answer, and why."""

    rule: Rule
    reason: str


def window_of(now: datetime, days: int = DAYS) -> Window:
    """The days before now that are looked at."""
    today: date = now.date()
    return Window(now, today - timedelta(days=days))


def check(
    client: bigquery.Client, rules: Sequence[Rule], window: Window, dataset_prefix: str = ""
) -> Iterator[Judgement | NotAsked]:
    """Every rule's judgement as it comes; one that cannot be asked does not stop the others."""
    asking = _Asking(client, window, dataset_prefix)
    by_table = defaultdict[str, list[Rule]](list)
    for rule in rules:
        if is_row_rule(rule):
            by_table[rule.table].append(rule)
    for table_id, together in by_table.items():
        yield from asking.together(table_id, together)
    for rule in rules:
        if not is_row_rule(rule):
            yield asking.alone(rule)


class _Asking(NamedTuple):
    client: bigquery.Client
    window: Window
    dataset_prefix: str

    def together(self, table_id: str, rules: Sequence[Rule]) -> Iterator[Judgement | NotAsked]:
        try:
            (row,) = self._rows(counted(BY_ID[table_id], rules, self.window))
        except SalesIntelError as error:
            yield from (NotAsked(rule, str(error)) for rule in rules)
            return
        for place, rule in enumerate(rules):
            figures = {"checked": row[f"checked_{place}"], "failed": row[f"failed_{place}"]}
            yield self._judged(rule, figures)

    def alone(self, rule: Rule) -> Judgement | NotAsked:
        try:
            (row,) = self._rows(question(rule, self.window))
        except SalesIntelError as error:
            return NotAsked(rule, str(error))
        return self._judged(rule, row)

    def _judged(self, rule: Rule, figures: dict[str, Any]) -> Judgement | NotAsked:
        judged = judge(rule, figures)
        asked = sample(rule, self.window) if judged.failed else None
        if asked is None:
            return judged
        try:
            names = tuple(str(row["name"]) for row in self._rows(asked))
        except SalesIntelError as error:
            return NotAsked(rule, str(error))
        return judged._replace(sample=names)

    def _rows(self, asked: Question) -> list[dict[str, Any]]:
        found = run_own(
            self.client,
            asked.sql,
            asked.parameters,
            limit=SAMPLE,
            timeout_s=TIMEOUT_S,
            dataset_prefix=self.dataset_prefix,
        )
        return found.rows


def with_bounds(rules: Sequence[Rule], bounds: dict[str, float]) -> tuple[Rule, ...]:
    """The rules with the bounds that a deployment has set for some of them."""
    return tuple(
        replace(rule, bound=bounds[rule.id]) if rule.id in bounds else rule for rule in rules
    )
