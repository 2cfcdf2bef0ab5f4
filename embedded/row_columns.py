"""Appended rows as the columns of an Arrow table, a column at a time.

bqemulator makes a dictionary of each row and asks of each value anew what its type is, which takes
most of an append. Here that is asked once a column, of the plain types; any other goes bqemulator's
way.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from bqemulator.storage import arrow_bridge
from bqemulator.streaming import proto_deserializer
from bqemulator.streaming.proto_deserializer import ProtoRowDecoder
from google.protobuf.descriptor import FieldDescriptor

_INTEGERS = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32)


def _counts(kind: pa.DataType) -> bool:
    """Numbers as such, microseconds and days."""
    kinds = (pa.types.is_int64, pa.types.is_timestamp, pa.types.is_date)
    return any(is_kind(kind) for is_kind in kinds)


_PLAIN: dict[int, Callable[[pa.DataType], bool]] = {
    **dict.fromkeys(_INTEGERS, _counts),
    FieldDescriptor.TYPE_STRING: pa.types.is_string,
    FieldDescriptor.TYPE_BYTES: pa.types.is_binary,
    FieldDescriptor.TYPE_BOOL: pa.types.is_boolean,
    FieldDescriptor.TYPE_DOUBLE: pa.types.is_floating,
}
"""Types of protobuf, and the types of columns that take their values as they are."""


def columns_of_rows(
    decoder: ProtoRowDecoder, serialized_rows: Sequence[bytes], target_schema: pa.Schema
) -> pa.Table:
    """What `bqemulator.streaming.proto_deserializer.proto_rows_to_arrow_table` makes."""
    parse = decoder._message_class.FromString
    messages = [parse(row) for row in serialized_rows]
    described = {field.name: field for field in decoder._descriptor.fields}
    arrays = [
        pa.array(_values(messages, described.get(column.name), column.type), type=column.type)
        for column in target_schema
    ]
    return pa.table(arrays, schema=target_schema)


def _values(messages: list[Any], field: Any, kind: pa.DataType) -> list[Any]:
    if field is None:
        return [None] * len(messages)
    name = field.name
    if field.is_repeated:
        if pa.types.is_list(kind) and _is_plain(field, kind.value_type):
            return [list(getattr(message, name)) for message in messages]
    elif field.has_presence and _is_plain(field, kind):
        return [getattr(message, name) if message.HasField(name) else None for message in messages]
    return [_value(message, field, kind) for message in messages]


def _is_plain(field: Any, kind: pa.DataType) -> bool:
    takes = _PLAIN.get(field.type)
    return takes is not None and takes(kind)


def _value(message: Any, field: Any, kind: pa.DataType) -> Any:
    decoded = proto_deserializer._message_to_dict(message, _Only(field))
    return arrow_bridge._coerce_to_arrow_value(decoded[field.name], kind)


class _Only:
    """A description of a message of which one field is looked at."""

    def __init__(self, field: Any) -> None:
        self.fields = (field,)
