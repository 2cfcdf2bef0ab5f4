"""A row of every table, with every column filled."""

from typing import Any

from schemas.columns import Column, Row, Table, columns
from schemas.tables import TABLES

_FILLERS: dict[str, Any] = {
    "STRING": "text – ünï",
    "INT64": 7,
    "FLOAT64": 0.25,
    "BOOL": True,
    "BYTES": b"\x00\xffbytes",
    "TIMESTAMP": 1_767_225_600_123_456,
    "DATE": 20_454,
    "JSON": '{"a": [1, "b"]}',
}


def value(column: Column) -> Any:
    filler = _FILLERS[column.kind]
    return (filler, filler) if column.mode == "REPEATED" else filler


def a_row(table: Table, **fields: Any) -> Row:
    values = {column.name: value(column) for column in columns(table.row)}
    return table.row(**{**values, **fields})


def one_of_each() -> list[Row]:
    return [a_row(table) for table in TABLES]
