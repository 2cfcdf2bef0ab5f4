"""Latest rows read back as the records they were written from."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from google.cloud import bigquery

from schemas.clock import EPOCH_ORDINAL, to_us
from schemas.columns import Row, Table, columns
from schemas.tables import BY_ROW, latest_sql
from warehouse.bounded import WHOLE_TABLES_BYTES, rows

TIMEOUT_S = 600.0
PAGE_ROWS = 10_000
R = TypeVar("R", bound=Row)


def record(row: type[R], values: dict[str, Any]) -> R:
    """The record of a query's row; columns that it lacks keep their defaults."""
    fields: dict[str, Any] = {}
    for column in columns(row):
        value = values.get(column.name)
        if value is None:
            if column.mode == "NULLABLE" and column.name in values:
                fields[column.name] = None
            continue
        if column.mode == "REPEATED":
            fields[column.name] = tuple(value)
        elif isinstance(value, datetime):
            fields[column.name] = to_us(value)
        elif isinstance(value, date):
            fields[column.name] = value.toordinal() - EPOCH_ORDINAL
        elif column.kind == "JSON":
            # The client has decoded it: a str is a JSON string, not a document's text.
            fields[column.name] = msgspec.json.encode(value).decode()
        else:
            fields[column.name] = value
    return row(**fields)


def table_reference(client: bigquery.Client, table: Table, dataset_prefix: str = "") -> str:
    """The quoted name of a table."""
    return f"`{client.project}.{dataset_prefix}{table.id}`"


def latest(
    client: bigquery.Client, row: type[R], dataset_prefix: str = "", where: str = ""
) -> Iterator[R]:
    """The latest rows of a table, tombstones among them; `where` is a condition of our own on
    columns of its key."""
    table = BY_ROW[row]
    source = table_reference(client, table, dataset_prefix)
    if where:
        source = f"(SELECT * FROM {source} WHERE {where})"  # noqa: S608 (own names)
    yield from select(client, row, latest_sql(table, source))


def select(
    client: bigquery.Client,
    row: type[R],
    sql: str,
    parameters: list[bigquery.ScalarQueryParameter] | None = None,
) -> Iterator[R]:
    """The rows of a query over one table, as records."""
    found_rows = rows(
        client,
        sql,
        parameters or (),
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
        page_size=PAGE_ROWS,
    )
    yield from records(row, found_rows)


def records(row: type[R], found_rows: Iterable[Any]) -> Iterator[R]:
    """The rows of an answer as records."""
    for found in found_rows:
        # Of the row, and not its items: those are deep copies.
        yield record(row, {name: found[name] for name in found.keys()})  # noqa: SIM118
