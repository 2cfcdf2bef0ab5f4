"""Rules about one row as conditions of SQL."""

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.columns import Column, Table, columns
from schemas.tables import BY_ID
from warehouse.quality.rule import (
    Format,
    Holds,
    InOrder,
    InRange,
    OneOf,
    Past,
    Required,
    RowRule,
    Rule,
)
from warehouse.query import Value

AHEAD = timedelta(days=1)
"""By so much a clock elsewhere may be fast."""


class Condition(NamedTuple):
    """Which rows a rule is about, and which of them fail; `parameters` fill the `@names`."""

    applies: str
    fails: str
    parameters: dict[str, Value]


def column_of(table: Table, name: str) -> Column:
    """A column of a table of ours; LookupError where it has none of that name."""
    for column in columns(table.row):
        if column.name == name:
            return column
    raise LookupError(f"{table.id} has no column {name}")


def is_row_rule(rule: Rule) -> bool:
    """Whether a look at one row decides it."""
    return isinstance(rule, RowRule)


def missing(column: Column) -> str:
    """That a column has no value: an empty text is none."""
    if column.mode == "REPEATED":
        return f"COALESCE(ARRAY_LENGTH({column.name}), 0) = 0"
    return f"COALESCE({column.name}, '') = ''" if column.kind == "STRING" else _null(column.name)


def condition(rule: Rule, prefix: str, now: datetime) -> Condition:
    """A row rule as SQL; its parameters begin with `prefix`."""
    table = BY_ID[rule.table]
    applies, fails, parameters = _judged(rule, table, prefix, now)
    return Condition(f"({rule.where}) AND {applies}" if rule.where else applies, fails, parameters)


def _judged(rule: Rule, table: Table, prefix: str, now: datetime) -> Condition:
    match rule:
        case Required():
            return Condition("TRUE", missing(column_of(table, rule.column)), {})
        case Format():
            return _written(column_of(table, rule.column), rule.pattern, f"{prefix}pattern")
        case OneOf():
            name = f"{prefix}words"
            fails = f"{rule.column} NOT IN UNNEST(@{name})"
            return Condition(_known(rule.column), fails, {name: list(rule.words)})
        case InRange():
            return _within(rule, prefix)
        case Past():
            name = f"{prefix}latest"
            return Condition(_known(rule.column), f"{rule.column} > @{name}", {name: now + AHEAD})
        case InOrder():
            applies = f"{_known(rule.first)} AND {_known(rule.second)}"
            return Condition(applies, f"{rule.first} > {rule.second}", {})
        case Holds():
            return Condition("TRUE", f"NOT COALESCE(({rule.holds}), FALSE)", {})
    raise TypeError(f"{rule.id} is not decided by one row")


def _written(column: Column, pattern: str, name: str) -> Condition:
    if column.mode == "REPEATED":
        wrong = f"NOT REGEXP_CONTAINS(one, @{name})"
        fails = f"EXISTS (SELECT 1 FROM UNNEST({column.name}) AS one WHERE {wrong})"  # noqa: S608
        return Condition(f"NOT ({missing(column)})", fails, {name: pattern})
    wrong = f"NOT REGEXP_CONTAINS({column.name}, @{name})"
    return Condition(_known(column.name), wrong, {name: pattern})


def _within(rule: InRange, prefix: str) -> Condition:
    parameters: dict[str, Value] = {}
    outside = []
    for bound, sign in ((rule.least, "<"), (rule.most, ">")):
        if bound is not None:
            name = f"{prefix}{'least' if sign == '<' else 'most'}"
            outside.append(f"{rule.column} {sign} @{name}")
            parameters[name] = bound
    return Condition(_known(rule.column), f"({' OR '.join(outside)})", parameters)


def _known(column: str) -> str:
    return f"{column} IS NOT NULL"


def _null(column: str) -> str:
    return f"{column} IS NULL"
