"""The SQL of view ops.cost, made from the schemas: `python -m warehouse.cost` rewrites it.

BigQuery's INFORMATION_SCHEMA has the storage of tables and the embedded warehouse's has not, and
neither tells what came on which day. Bytes are those of BigQuery's price list: 8 for a number or a
time, 1 for a BOOL, 2 and its length for a text. A null and an empty list count as their fixed part.
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes
"""

from schemas.columns import Column, Table, columns
from schemas.tables import TABLES
from warehouse.catalogue import VIEWS

PATH = VIEWS / "ops" / "cost" / "view.sql"
DAYS = 7
PARTITION_DAYS = 30
FIXED = {"INT64": 8, "FLOAT64": 8, "TIMESTAMP": 8, "DATE": 8, "BOOL": 1}
TEXT = 2
WRITTEN = ("written_at", "noted_at", "failed_at", "checked_at", "counted_at", "resolved_at")
"""When a row was written, in the order in which it is looked for."""

RULES = f"""\
-- What is written, in rows and bytes: one row a table and day (UTC), of the last {DAYS} days.
-- Rules: bytes are what BigQuery calls logical bytes, worked out from the columns: 8 for a number
-- or a time, 1 for a BOOL, 2 and the length for a text, a null as an empty one. Of tables by
-- partition only those of the last {PARTITION_DAYS} days are read: older mails that are filled back
-- now are left out. Made by warehouse/cost.py.
"""


def sql() -> str:
    """The view's text."""
    parts = "\n  UNION ALL\n".join(_of(table) for table in TABLES)
    return (
        f"{RULES}WITH sizes AS (\n{parts}\n)\n"
        "SELECT\n"
        "  day,\n"
        "  table_id,\n"
        "  COUNT(*) AS row_count,\n"
        "  SUM(row_bytes) AS bytes,\n"
        "  ROUND(AVG(row_bytes)) AS bytes_a_row,\n"
        "  MAX(written) AS newest_written\n"
        "FROM sizes\n"
        "GROUP BY day, table_id\n"
    )


def written_column(table: Table) -> str:
    """The column that says when a row of the table was written."""
    names = [column.name for column in columns(table.row) if column.kind == "TIMESTAMP"]
    return next((name for name in WRITTEN if name in names), names[-1])


def _of(table: Table) -> str:
    written = written_column(table)
    fixed = sum(FIXED.get(column.kind, TEXT) for column in columns(table.row))
    texts = ",\n      ".join(text for column in columns(table.row) if (text := _text(column)))
    size = [f"{fixed}", f"BYTE_LENGTH(ARRAY_TO_STRING([\n      {texts}\n    ], ''))"]
    size += [f"BYTE_LENGTH({c.name})" for c in columns(table.row) if c.kind == "BYTES"]
    conditions = [f"TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), {written}, SECOND) < {DAYS * 86_400}"]
    if table.partition:
        since = f"DATE_SUB(CURRENT_DATE(), INTERVAL {PARTITION_DAYS} DAY)"
        conditions.insert(0, f"{table.partition} >= {since}")
    where = "\n    AND ".join(conditions)
    return (
        f"  SELECT\n    '{table.id}' AS table_id,\n    DATE({written}) AS day,\n"
        f"    {written} AS written,\n    {' + '.join(size)} AS row_bytes\n"
        f"  FROM `{table.id}`\n  WHERE\n    {where}"
    )


def _text(column: Column) -> str:
    """The column as text, whose nulls are left out of a list; empty for one of fixed size."""
    if column.mode == "REPEATED":
        return f"ARRAY_TO_STRING({column.name}, '  ')"
    texts = {"STRING": column.name, "JSON": f"TO_JSON_STRING({column.name})"}
    return texts.get(column.kind, "")


if __name__ == "__main__":
    PATH.write_text(sql(), encoding="utf-8")
