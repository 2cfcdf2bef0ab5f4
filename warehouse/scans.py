"""Which partitions a SELECT reads of the tables that nobody may read whole by accident.

BigQuery's dry run tells the bytes, and the embedded warehouse's does not: so it is worked out from
the SQL, before anything is sent. A partition is left out where the WHERE, or ON, right beside the
table compares its partition column, bare, with what is known before the query runs: a literal, a
parameter, CURRENT_DATE() and days added to it.
https://cloud.google.com/bigquery/docs/querying-partitioned-tables#pruning_partitions
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp

from schemas.tables import BY_ID
from warehouse.statement import RefusedQuery

GUARDED = ("raw.changes",)
"""Every payload of 90 days: the only table whose bytes cost more than a question is worth."""

_FLIPPED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}
_LATER = (exp.DateAdd, exp.Add)
_EARLIER = (exp.DateSub, exp.Sub)


class Scan(NamedTuple):
    """One place where a SELECT reads a guarded table: days from `first` to `last`, None = open."""

    table: str
    first: date | None = None
    last: date | None = None

    def partitions(self, today: date) -> int:
        """How many are read at the most: those that the table keeps, without what is left out."""
        kept = today - timedelta(days=(BY_ID[self.table].expiry_days or 0))
        first = max(self.first or kept, kept)
        last = min(self.last or today, today)
        return max((last - first).days + 1, 0)

    def is_whole(self, today: date) -> bool:
        """Whether nothing is left out."""
        return self.partitions(today) >= Scan(self.table).partitions(today)


def scans(
    sql: str, parameters: Mapping[str, Any] | None = None, *, today: date, prefix: str = ""
) -> list[Scan]:
    """Every place where one SELECT, as `check_allowed` lets it pass, reads a guarded table by
    itself; what it reads through our views is theirs, and none of them reads one whole."""
    names = {f"{before}{one}": one for one in GUARDED for before in ("", prefix)}
    found = []
    for table in sqlglot.parse_one(sql, read="bigquery").find_all(exp.Table):
        table_id = names.get(f"{table.db}.{table.name}")
        select = table.find_ancestor(exp.Select)
        if table_id is None:
            continue
        column = BY_ID[table_id].partition
        first, last = None, None
        for condition in _beside(select) if select else ():
            low, high = _days(condition, column, table, parameters or {}, today)
            first = max(filter(None, (first, low)), default=None)
            last = min(filter(None, (last, high)), default=None)
        found.append(Scan(table_id, first, last))
    return found


def check_scans(
    sql: str, parameters: Mapping[str, Any] | None = None, *, today: date, prefix: str = ""
) -> None:
    """RefusedQuery where a SELECT reads a guarded table whole."""
    for scan in scans(sql, parameters, today=today, prefix=prefix):
        if scan.is_whole(today):
            raise whole(scan.table, today)


def whole(table_id: str, today: date) -> RefusedQuery:
    """What is said of a question that would read all of a guarded table."""
    days = Scan(table_id).partitions(today)
    return RefusedQuery(
        f"this reads all of {table_id}, {days} days: put WHERE {BY_ID[table_id].partition} >= "
        "DATE '2026-01-31' beside it (--since with its name), or ask with --whole"
    )


def _beside(select: exp.Select) -> Iterator[exp.Expr]:
    """The conditions that all have to hold."""
    where = select.args.get("where")
    # An outer join keeps rows that its condition does not hold for.
    inner = (join for join in select.args.get("joins") or () if not join.side)
    joins = [join.args.get("on") for join in inner]
    for all_of in (where.this if where else None, *joins):
        if all_of is not None:
            yield from all_of.flatten() if isinstance(all_of, exp.And) else (all_of,)


def _days(
    condition: exp.Expr,
    column: str,
    table: exp.Table,
    parameters: Mapping[str, Any],
    today: date,
) -> tuple[date | None, date | None]:
    """The first and the last day that a condition lets through; None where it says nothing."""

    def is_column(side: exp.Expr | None) -> bool:
        names = ("", table.alias_or_name)
        return isinstance(side, exp.Column) and side.name == column and side.table in names

    if isinstance(condition, exp.Paren):
        return _days(condition.this, column, table, parameters, today)
    if isinstance(condition, exp.Between) and is_column(condition.this):
        low, high = condition.args["low"], condition.args["high"]
        return _day(low, parameters, today), _day(high, parameters, today)
    kind = type(condition)
    if kind not in _FLIPPED:
        return None, None
    left, right = condition.this, condition.expression
    if is_column(right):
        left, right, kind = right, left, _FLIPPED[kind]
    day = _day(right, parameters, today) if is_column(left) else None
    if day is None:
        return None, None
    return (
        day if kind in (exp.EQ, exp.GT, exp.GTE) else None,
        day if kind in (exp.EQ, exp.LT, exp.LTE) else None,
    )


def _day(value: exp.Expr, parameters: Mapping[str, Any], today: date) -> date | None:
    """A value that is known before the query runs, as a day; None of any other."""
    if isinstance(value, exp.CurrentDate):
        return today
    if isinstance(value, exp.Parameter):
        given = parameters.get(value.name)
        return given.date() if isinstance(given, datetime) else _iso(given)
    if isinstance(value, exp.Literal):
        return _iso(value.name)
    if isinstance(value, exp.Cast | exp.Date | exp.TsOrDsToDate | exp.Paren):
        return _day(value.this, parameters, today) if value.this is not None else None
    if isinstance(value, (*_LATER, *_EARLIER)):
        start, days = _day(value.this, parameters, today), _whole_days(value)
        if start is None or days is None:
            return None
        try:
            return start + timedelta(days=days if isinstance(value, _LATER) else -days)
        except OverflowError:
            return None
    return None


def _whole_days(value: exp.Expr) -> int | None:
    amount, unit = value.expression, value.args.get("unit")
    if isinstance(amount, exp.Interval):
        amount, unit = amount.this, amount.args.get("unit")
    weeks = unit is not None and unit.name.upper() == "WEEK"
    if unit is not None and unit.name.upper() not in ("DAY", "WEEK"):
        return None
    try:
        return int(amount.name) * (7 if weeks else 1)
    except (AttributeError, ValueError):
        return None


def _iso(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
