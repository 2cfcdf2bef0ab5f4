"""Appended rows become the columns that bqemulator itself would make of them, in less time."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from bqemulator.api.routes.tabledata import _build_arrow_schema
from bqemulator.streaming.proto_deserializer import ProtoRowDecoder, proto_rows_to_arrow_table
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.row_columns import columns_of_rows
from schemas.clock import DAY_US, MAX_US, MIN_US
from schemas.columns import Column, Table, columns
from schemas.tables import TABLES
from warehouse.protobuf import descriptor, encode

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": st.text("aÄ\u0000\U0001f600", max_size=4),
    "JSON": st.sampled_from(['{"a": 1}', "[]", '"x"']),
    "BYTES": st.binary(max_size=8),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(allow_nan=False),
    "BOOL": st.booleans(),
    "TIMESTAMP": st.integers(MIN_US, MAX_US),
    "DATE": st.integers(MIN_US // DAY_US, MAX_US // DAY_US),
}


def values_of(column: Column) -> st.SearchStrategy[Any]:
    values = VALUES[column.kind]
    if column.mode == "REPEATED":
        return st.lists(values, max_size=3).map(tuple)
    return values if column.mode == "REQUIRED" else st.none() | values


def as_arrow(of: Iterable[tuple[str, str, str]]) -> pa.Schema:
    names = ("name", "type", "mode")
    return _build_arrow_schema([dict(zip(names, column, strict=True)) for column in of])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_rows_of_every_table_become_the_same_columns(table: Table, data: st.DataObject) -> None:
    of = columns(table.row)
    one = st.fixed_dictionaries({column.name: values_of(column) for column in of})
    rows = [encode(table.row(**values)) for values in data.draw(st.lists(one, max_size=3))]
    decoder = ProtoRowDecoder(descriptor(table.row))
    schema = as_arrow((column.name, column.kind, column.mode) for column in of)
    ours = columns_of_rows(decoder, rows, schema)
    assert ours.equals(proto_rows_to_arrow_table(decoder, rows, schema))


def test_what_is_not_plain_goes_bqemulator_s_way() -> None:
    """A number for text, a day as text, and a column that the rows do not have."""
    field = descriptor_pb2.FieldDescriptorProto
    message = descriptor_pb2.DescriptorProto(name="Other")
    message.field.add(name="n", number=1, type=field.TYPE_INT64, label=field.LABEL_OPTIONAL)
    message.field.add(name="day", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    message.field.add(name="ns", number=3, type=field.TYPE_INT64, label=field.LABEL_REPEATED)
    decoder = ProtoRowDecoder(message)
    row = decoder._message_class
    rows = [row(n=7, day="2026-11-30", ns=[1, 2]).SerializeToString(), row().SerializeToString()]
    schema = as_arrow(
        [
            ("n", "STRING", "NULLABLE"),
            ("day", "DATE", "NULLABLE"),
            ("ns", "STRING", "REPEATED"),
            ("absent", "TIMESTAMP", "NULLABLE"),
        ]
    )
    ours = columns_of_rows(decoder, rows, schema)
    assert ours.equals(proto_rows_to_arrow_table(decoder, rows, schema))
    assert ours.to_pylist() == [
        {"n": "7", "day": date(2026, 11, 30), "ns": ["1", "2"], "absent": None},
        {"n": None, "day": None, "ns": [], "absent": None},
    ]
