"""What tables hold, as numbers that two moments or two places can be compared by.

A row's digest is the MD5 of its columns as JSON; a table's checksum is made of all digests and
knows no order. Both are worked out where the rows are, by SQL that BigQuery and the embedded
warehouse take.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from google.cloud import bigquery

from schemas.columns import Column, Table, columns
from schemas.tables import latest_sql
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.latest import table_reference

TIMEOUT_S = 600.0
VOLATILE = frozenset(
    {
        "written_at",
        "resolved_at",
        "revision",
        "pipeline_version",
        "attempt",
        "lane",
        "message_id",
        "publish_time",
    }
)
"""When a row was made, by which code and on which way its change came: what may differ between two
rows that say the same."""

RECORD_VERSION = frozenset({"version_stamp", "version_fetched", "version_digest"})
"""Of identity.records: which version of a record stands there that says the same as the one before
is a matter of the order in which they came."""

_RECORD_VERSION = r"""r'^(\["(?:[^"\\]|\\.)*","\w+"),-?\d+,-?\d+,"[^"]*"'"""
"""The version within the record, after its key and its kind."""


class Checksum(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a table, and what they hold."""

    rows: int
    checksum: str
    columns: tuple[str, ...] = ()
    """Those that were looked at."""


def ask(client: bigquery.Client, sql: str, **values: datetime) -> list[Any]:
    """All rows of a query over whole tables; `values` are its parameters."""
    parameters = [
        bigquery.ScalarQueryParameter(name, "TIMESTAMP", value) for name, value in values.items()
    ]
    found = rows(
        client,
        sql,
        parameters,
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
    )
    return list(found)


def checksum_of(client: bigquery.Client, table: Table, dataset_prefix: str = "") -> Checksum:
    """Of every row and column of a table."""
    of = columns(table.row)
    name = table_reference(client, table, dataset_prefix)
    digests = f"SELECT {_digest(of)} AS digest FROM {name}"  # noqa: S608 (own names)
    [row] = ask(client, f"SELECT {summed('digest')} FROM ({digests})")  # noqa: S608
    return Checksum(rows=row.n, checksum=told(row), columns=tuple(column.name for column in of))


def summed(digest: str, suffix: str = "") -> str:
    """The expressions of number and sums of a column of digests; NULLs do not count.

    Equal rows would cancel one another out of the XOR, so there is a sum beside it.
    """
    return (
        f"COUNT({digest}) AS n{suffix}, "
        f"BIT_XOR(CAST(CONCAT('0x', SUBSTR({digest}, 1, 15)) AS INT64)) AS mixed{suffix}, "
        f"SUM(CAST(CONCAT('0x', SUBSTR({digest}, 16, 8)) AS INT64)) AS summed{suffix}"
    )


def told(row: Any, suffix: str = "") -> str:
    """What a row of `summed` says, as text."""
    return f"{row['mixed' + suffix] or 0:015x}{int(row['summed' + suffix] or 0):x}"


def latest_digests(table: Table, source: str, without: frozenset[str] = VOLATILE) -> str:
    """The query of `row_key` and `digest` of a table's latest rows, by the rule of the views."""
    # Long columns go into the digest before the rows are put in order, which would hold them all.
    needed = ", ".join(dict.fromkeys((*_identity(table), *table.order)))
    left = without | RECORD_VERSION if table.id == "identity.records" else without
    digest = _digest([one for one in columns(table.row) if one.name not in left], table.id)
    digested = f"(SELECT {needed}, {row_key(table)} AS row_key, {digest} AS digest FROM {source})"  # noqa: S608
    return f"SELECT row_key, digest FROM ({latest_sql(table, digested)})"  # noqa: S608 (own names)


def row_key(table: Table) -> str:
    """The expression that names a latest row of a table."""
    names = ", '/', ".join(f"CAST({name} AS STRING)" for name in _identity(table))
    return f"CONCAT({names})"


def _identity(table: Table) -> tuple[str, ...]:
    return (*table.key, "ordinal") if table.partset else table.key


def _digest(of: Iterable[Column], table_id: str = "") -> str:
    values = ", ".join(_value(column, table_id) for column in of)
    return f"TO_HEX(MD5(TO_JSON_STRING(STRUCT({values}))))"


def _value(column: Column, table_id: str) -> str:
    if (table_id, column.name) != ("identity.records", "record"):
        return column.name
    text = f"TO_JSON_STRING({column.name})"
    return rf"REGEXP_REPLACE({text}, {_RECORD_VERSION}, r'\1') AS record"
