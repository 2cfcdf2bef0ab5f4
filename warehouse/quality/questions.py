"""Rules as questions to the warehouse: each gives one row of figures; another its sample.

Rules about single rows are asked together, one question a table. Names of tables and columns come
from schemas/, and every question about a partitioned table names the days that it is about.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from schemas.columns import Table, columns
from schemas.tables import BY_ID, latest_sql
from warehouse.catalogue import views
from warehouse.held import TABLES as HOLDING
from warehouse.quality.conditions import column_of, condition, missing
from warehouse.quality.rule import Fresh, Held, Refers, Rule, SteadyNulls, SteadyVolume, Unique
from warehouse.query import Value

SAMPLE = 5
"""Ids that are shown of what fails."""
COUNT_DAYS = 3
"""Counts of the sources that are older say nothing of today."""
WEEKS = 4


class Question(NamedTuple):
    """A SELECT with what fills its `@names`."""

    sql: str
    parameters: dict[str, Value]


class Window(NamedTuple):
    """When it is asked, and from which day on rows of partitioned tables are looked at."""

    now: datetime
    since: date

    @property
    def yesterday(self) -> date:
        """The last day that is whole, in UTC."""
        return self.now.astimezone(UTC).date() - timedelta(days=1)

    def since_of(self, table: Table) -> date:
        """The first day that is looked at of a table: the one that expires next is left out."""
        if table.expiry_days is None:
            return self.since
        kept = self.yesterday - timedelta(days=table.expiry_days - 2)
        return max(self.since, kept)


def rows_of(table: Table) -> str:
    """What rules about a table read: what holds now of sales.* and identity.*, else every row."""
    latest = f"{table.dataset}.{table.name}_latest"
    if table.dataset not in ("sales", "identity"):
        return f"`{table.id}`"
    if latest in views():
        return f"`{latest}`"
    if not table.key:
        return f"`{table.id}`"
    newest = latest_sql(table, f"`{table.id}`")
    gone = any(column.name == "is_deleted" for column in columns(table.row))
    return f"(SELECT * FROM ({newest}){' WHERE NOT is_deleted' if gone else ''})"  # noqa: S608


def name_of(table: Table) -> str:
    """SQL of what names a row of a table to a person: never content."""
    names = {column.name: column for column in columns(table.row)}
    if "record_key" in names:
        return "record_key"
    texts = [name for name in table.key if names[name].kind == "STRING"] or [next(iter(names))]
    return " || ' ' || ".join(texts)


def counted(table: Table, rules: Sequence[Rule], window: Window) -> Question:
    """Columns checked_0, failed_0, checked_1 …: of every row rule of a table, in their order."""
    parameters: dict[str, Value] = {}
    figures = []
    for place, rule in enumerate(rules):
        found = condition(rule, f"r{place}_", window.now)
        figures.append(f"COUNTIF({found.applies}) AS checked_{place}")
        figures.append(f"COUNTIF({found.applies} AND {found.fails}) AS failed_{place}")
        parameters |= found.parameters
    sql = f"SELECT {', '.join(figures)} FROM {rows_of(table)}{_where(table, window, parameters)}"  # noqa: S608
    return Question(sql, parameters)


def question(rule: Rule, window: Window) -> Question:
    """Columns checked and failed, or whatever else `judge` knows of the rule's kind."""
    table = BY_ID[rule.table]
    parameters: dict[str, Value] = {}
    rows = rows_of(table)
    match rule:
        case Unique():
            where = _where(table, window, parameters, rule.where)
            names = ", ".join(rule.columns)
            groups = f"SELECT COUNT(*) AS n FROM {rows}{where} GROUP BY {names}"  # noqa: S608
            sql = (
                "SELECT COALESCE(SUM(n), 0) AS checked, COALESCE(SUM(n - 1), 0) AS failed "  # noqa: S608
                f"FROM ({groups})"
            )
        case Refers():
            sql = (
                "SELECT COUNT(*) AS checked, COUNTIF(known.id IS NULL) AS failed "  # noqa: S608
                f"FROM {_references(rule, window, parameters)}"
            )
        case Fresh():
            where = _where(table, window, parameters, rule.where)
            age = f"TIMESTAMP_DIFF(@now, MAX({rule.column}), SECOND) / 3600"
            had = _had(rule, window, parameters)
            sql = f"SELECT COUNT(*) AS checked, {age} AS hours, {had} AS had FROM {rows}{where}"  # noqa: S608
            parameters["now"] = window.now
        case SteadyVolume():
            day = table.partition
            same = f"MOD(DATE_DIFF(@day, {day}, DAY), 7) = 0"
            sql = (
                f"SELECT COUNTIF({day} = @day) AS checked, "  # noqa: S608
                f"COUNTIF({day} < @day AND {same}) / {WEEKS} AS usual, COUNT(*) AS n, "
                f"{_had(rule, window, parameters)} AS had "
                f"FROM {rows}{_four_weeks(table, window, parameters)}"
            )
        case SteadyNulls():
            day, gone = table.partition, missing(column_of(table, rule.column))
            sql = (
                f"SELECT COUNTIF({day} = @day) AS checked, "  # noqa: S608
                f"COUNTIF({day} = @day AND {gone}) AS failed, COUNTIF({day} < @day) AS before, "
                f"COUNTIF({day} < @day AND {gone}) AS failed_before "
                f"FROM {rows}{_four_weeks(table, window, parameters, rule.where)}"
            )
        case Held():
            sql = (
                "SELECT COALESCE(SUM(told), 0) AS checked, "  # noqa: S608
                f"COALESCE(SUM(lacking), 0) AS failed FROM ({_lacking(window, parameters)})"
            )
        case _:
            raise TypeError(f"{rule.id} is asked together with others of its table")
    return Question(sql, parameters)


def sample(rule: Rule, window: Window) -> Question | None:
    """Names, in column `name`, of some that fail; None where a rule is about no single row."""
    table = BY_ID[rule.table]
    parameters: dict[str, Value] = {}
    end = f"ORDER BY name LIMIT {SAMPLE}"
    match rule:
        case Fresh() | SteadyVolume() | SteadyNulls():
            return None
        case Unique():
            names = " || ' ' || ".join(f"CAST({one} AS STRING)" for one in rule.columns)
            where = _where(table, window, parameters, rule.where)
            group = f"GROUP BY {', '.join(rule.columns)} HAVING COUNT(*) > 1"
            sql = f"SELECT {names} AS name FROM {rows_of(table)}{where} {group} {end}"  # noqa: S608
        case Refers():
            rows = _references(rule, window, parameters)
            sql = f"SELECT DISTINCT child.name FROM {rows} WHERE known.id IS NULL {end}"  # noqa: S608
        case Held():
            rows = f"({_lacking(window, parameters)})"
            sql = f"SELECT source || ':' || object_type AS name FROM {rows} WHERE lacking > 0 {end}"  # noqa: S608
        case _:
            found = condition(rule, "r_", window.now)
            parameters |= found.parameters
            wrong = f"{found.applies} AND {found.fails}"
            where = _where(table, window, parameters, wrong)
            sql = f"SELECT DISTINCT {name_of(table)} AS name FROM {rows_of(table)}{where} {end}"  # noqa: S608
    return Question(sql, parameters)


def _where(table: Table, window: Window, parameters: dict[str, Value], more: str = "") -> str:
    """The days of the window, and what else is asked for; fills in the parameters."""
    conditions = [f"({more})"] if more else []
    if table.partition:
        conditions.append(f"{table.partition} >= @since_{table.name}")
        parameters[f"since_{table.name}"] = window.since_of(table)
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _had(rule: Rule, window: Window, parameters: dict[str, Value]) -> str:
    """How many rows the rule has found at the most in the weeks before: of a table that is empty
    nothing else tells whether it ever had any."""
    parameters["rule"] = rule.id
    parameters["remembered"] = window.yesterday - timedelta(weeks=WEEKS)
    return (
        "(SELECT COALESCE(MAX(rows_checked), 0) FROM `ops.quality` "
        "WHERE checked_date >= @remembered AND rule_id = @rule)"
    )


def _four_weeks(table: Table, window: Window, parameters: dict[str, Value], more: str = "") -> str:
    parameters["day"] = window.yesterday
    parameters["first"] = window.yesterday - timedelta(weeks=WEEKS)
    also = f" AND ({more})" if more else ""
    return f" WHERE {table.partition} BETWEEN @first AND @day{also}"


def _references(rule: Refers, window: Window, parameters: dict[str, Value]) -> str:
    """Every value that refers (child.name says of which row) beside what it should find."""
    table, other = BY_ID[rule.table], BY_ID[rule.to]
    repeated = column_of(table, rule.column).mode == "REPEATED"
    wanted = "one" if repeated else rule.column
    source = (
        f"{rows_of(table)} CROSS JOIN UNNEST({rule.column}) AS one"
        if repeated
        else (rows_of(table))
    )
    narrowed = f"({rule.where}) AND " if rule.where else ""
    where = _where(table, window, parameters, f"{narrowed}{wanted} IS NOT NULL")
    child = f"SELECT {name_of(table)} AS name, {wanted} AS wanted FROM {source}{where}"  # noqa: S608
    there = _where(other, window, parameters, f"{rule.to_column} IS NOT NULL")
    known = f"SELECT DISTINCT {rule.to_column} AS id FROM {rows_of(other)}{there}"  # noqa: S608
    return f"({child}) AS child LEFT JOIN ({known}) AS known ON known.id = child.wanted"


def _lacking(window: Window, parameters: dict[str, Value]) -> str:
    """By source and object: how many there are by the newest count, and how many more than here.

    Of interactions all days are read: the sources count all that they have."""
    parameters["counted"] = window.now.astimezone(UTC).date() - timedelta(days=COUNT_DAYS)
    newest = (
        "SELECT source, object_type, records AS told FROM `ops.source_counts` "
        "WHERE counted_date >= @counted AND created_date IS NULL AND uncounted = 0 "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY source, object_type ORDER BY counted_at DESC) = 1"
    )
    changes = BY_ID["raw.changes"]
    raw = f"(SELECT * FROM `{changes.id}`{_where(changes, window, parameters)})"  # noqa: S608
    newest_raw = latest_sql(changes, raw)
    held_rows = [f"(SELECT * FROM ({newest_raw}) WHERE NOT is_deleted)"]  # noqa: S608
    # What became a dead letter on its way to sales.* is in raw.changes alone.
    held_rows += [rows_of(BY_ID[name]) for name in HOLDING if name != "raw.changes"]
    parts = [f"SELECT source, object_type, record_key FROM {rows}" for rows in held_rows]  # noqa: S608
    held = (
        "SELECT source, object_type, COUNT(DISTINCT record_key) AS held "  # noqa: S608
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY source, object_type"
    )
    return (
        "SELECT source, object_type, told, "  # noqa: S608
        "GREATEST(told - COALESCE(held, 0), 0) AS lacking "
        f"FROM ({newest}) LEFT JOIN ({held}) USING (source, object_type)"
    )
