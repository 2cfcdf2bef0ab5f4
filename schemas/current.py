"""Current tables: the latest rows of a table, kept beside it by the compaction.

They are a copy and never the truth: a view reads them together with the rows that came since
(`newest_sql`), and shows what `schemas.tables.latest_sql` shows over the whole table.
"""

from typing import Annotated, Any

import msgspec

from schemas.columns import Micros, Row, Table, col, columns
from schemas.tables import BY_ID, latest_sql

MARK = "compacted"
"""Label of a current table: every row made before it (microseconds) is there, or superseded."""

STAMP = "compacted_at"
"""Of a row: the compaction that put it there."""

COMPACTED: tuple[Table, ...] = tuple(
    BY_ID[table_id]
    for table_id in (
        "sales.people",
        "sales.accounts",
        "sales.deals",
        "sales.interactions",
        "sales.participants",
        "identity.links",
        "identity.entities",
        "sales.enrollments",
        "identity.records",
        "identity.overrides",
    )
)
"""Those that are current state, and those whose latest rows every reader's view goes by."""


def written_column(table: Table) -> str:
    """The column that says when a row was made: never before what it comes from was published."""
    names = {column.name for column in columns(table.row)}
    return "written_at" if "written_at" in names else "resolved_at"


def _row_of(table: Table) -> type[Row]:
    stamp = Annotated[Micros, col("The compaction that put the row here.")]
    # msgspec types a class that it makes as a Struct; it is a Row by its base.
    made: Any = msgspec.defstruct(
        f"Current{table.row.__name__}",
        [(STAMP, stamp)],
        bases=(table.row,),
        frozen=True,
        kw_only=True,
        module=__name__,
    )
    made.__doc__ = f"{table.id}_current: the latest rows, by the last compaction."
    return made  # type: ignore[no-any-return]


def _current(table: Table) -> Table:
    return table._replace(
        name=f"{table.name}_current",
        row=_row_of(table),
        description=f"The latest rows of {table.id}, by the last compaction; a copy.",
        primary_key=(*table.key, "ordinal") if table.partset else table.key,
    )


CURRENT: dict[str, Table] = {table.id: _current(table) for table in COMPACTED}
"""The current table of each, by the id of the table that it is of."""


def newest_sql(table: Table, mark: int) -> str:
    """The rows of `latest_sql` over a whole table, from its current table and its rows since `mark`
    (microseconds): every older row has to be in the current table, or be superseded there.

    Only keys that have rows since then are compared; of any other the current table has the one
    row. The columns of the two tables are in one order, as `warehouse.provision` makes them;
    references are `` `dataset.table` ``.
    """
    first = table.key[0]
    untouched = f"{_kept(table, mark, 'LEFT JOIN')} WHERE fresh.{first} IS NULL"
    return f"{untouched} UNION ALL {touched_sql(table, mark)}"


def touched_sql(table: Table, mark: int) -> str:
    """The latest rows of the keys that have rows since `mark`."""
    since = f"SELECT * FROM `{table.id}` WHERE {_is_since(table, mark)}"  # noqa: S608 (own names)
    return latest_sql(table, f"({since} UNION ALL {_kept(table, mark, 'JOIN')})")


def same_key_sql(table: Table, one: str, other: str) -> str:
    """That two rows have one key."""
    return " AND ".join(f"{one}.{key} = {other}.{key}" for key in table.key)


def _kept(table: Table, mark: int, join: str) -> str:
    """Rows of the current table beside the keys that have rows since the mark. By a join, which
    DuckDB does ten times as fast as EXISTS."""
    kept = f"SELECT kept.* EXCEPT ({STAMP}) FROM `{CURRENT[table.id].id}` AS kept"  # noqa: S608
    keys = ", ".join(table.key)
    fresh = f"SELECT DISTINCT {keys} FROM `{table.id}` WHERE {_is_since(table, mark)}"  # noqa: S608
    return f"{kept} {join} ({fresh}) AS fresh ON {same_key_sql(table, 'fresh', 'kept')}"


def _is_since(table: Table, mark: int) -> str:
    """With the mark as a constant, so that partitions can be left out."""
    return f"{written_column(table)} >= TIMESTAMP_MICROS({mark:d})"
