"""Rows as the Storage Write API takes them: protobuf messages made from the record classes.

TIMESTAMP travels as microseconds, DATE as days, JSON as text.
https://cloud.google.com/bigquery/docs/supported-data-types#supported-protocol-buffer-data-types
"""

import re
from functools import cache
from typing import Any, NamedTuple

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from schemas.clock import DAY_US, MAX_US, MIN_US
from schemas.columns import Column, Row, columns
from schemas.errors import FatalError, InvalidRow

MAX_ROW_BYTES = 9_900_000
"""A request has at most 10 MB, and the schema travels with it.
https://cloud.google.com/bigquery/quotas#write-api-limits"""

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "STRING": _Field.TYPE_STRING,
    "JSON": _Field.TYPE_STRING,
    "INT64": _Field.TYPE_INT64,
    "TIMESTAMP": _Field.TYPE_INT64,
    "DATE": _Field.TYPE_INT32,
    "FLOAT64": _Field.TYPE_DOUBLE,
    "BOOL": _Field.TYPE_BOOL,
    "BYTES": _Field.TYPE_BYTES,
}
_LABELS = {
    "REQUIRED": _Field.LABEL_REQUIRED,
    "NULLABLE": _Field.LABEL_OPTIONAL,
    "REPEATED": _Field.LABEL_REPEATED,
}


@cache
def descriptor(row: type[Row]) -> descriptor_pb2.DescriptorProto:
    """The message of a record class, field by field in the order of its columns."""
    proto = descriptor_pb2.DescriptorProto(name=row.__name__)
    for number, column in enumerate(columns(row), 1):
        proto.field.add(
            name=column.name,
            number=number,
            type=_KINDS[column.kind],
            label=_LABELS[column.mode],
        )
    return proto


@cache
def message_class(row: type[Row]) -> Any:
    """The protobuf class of a record class."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"salesintel/{row.__name__}.proto", package="salesintel", syntax="proto2"
    )
    file.message_type.add().CopyFrom(descriptor(row))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"salesintel.{row.__name__}")
    return message_factory.GetMessageClass(found)


_JSON = msgspec.json.Decoder(msgspec.Raw)
# The embedded warehouse stores any number and then answers 500 to every query that reads it.
_RANGES = {"TIMESTAMP": (MIN_US, MAX_US), "DATE": (MIN_US // DAY_US, MAX_US // DAY_US)}


class _Narrow(NamedTuple):
    """Columns whose type holds less than its protobuf type does."""

    json: tuple[str, ...]
    ranges: tuple[tuple[str, int, int], ...]


@cache
def _narrow(row: type[Row]) -> _Narrow:
    kinds = [(column.name, column.kind) for column in columns(row)]
    if any(
        column.mode == "REPEATED" and column.kind in ("JSON", *_RANGES) for column in columns(row)
    ):
        raise FatalError(f"{row.__name__}: a repeated JSON, TIMESTAMP or DATE is not checked yet")
    return _Narrow(
        tuple(name for name, kind in kinds if kind == "JSON"),
        tuple((name, *_RANGES[kind]) for name, kind in kinds if kind in _RANGES),
    )


def encode(row: Row) -> bytes:
    """The bytes of a row; InvalidRow names a column that is empty and may not be, or of wrong type.

    The embedded warehouse enforces neither required columns nor ranges, and takes the connection
    down for JSON that is none; BigQuery refuses all of them: so we do. Text that is no Unicode
    (lone surrogates) is written with U+FFFD in their place.
    """
    kind = type(row)
    narrow = _narrow(kind)
    values = {
        name: value
        for name in kind.__struct_fields__
        if (value := getattr(row, name)) is not None and value != ()
    }
    try:
        body = _serialized(kind, narrow, values)
    except Exception:
        values = {column.name: _repaired(column, values) for column in _present(kind, values)}
        try:
            body = _serialized(kind, narrow, values)
        except Exception as error:
            raise InvalidRow(_fault(kind, values, error)) from None
    if len(body) > MAX_ROW_BYTES:
        raise InvalidRow(f"the row has {len(body)} bytes, {MAX_ROW_BYTES} are the limit")
    return body


def _serialized(kind: type[Row], narrow: _Narrow, values: dict[str, Any]) -> bytes:
    for name, low, high in narrow.ranges:
        if name in values and not low <= values[name] <= high:
            raise InvalidRow(name)
    for name in narrow.json:
        if name in values:
            _JSON.decode(values[name])
    return bytes(message_class(kind)(**values).SerializeToString())


def _present(kind: type[Row], values: dict[str, Any]) -> list[Column]:
    return [column for column in columns(kind) if column.name in values]


def _repaired(column: Column, values: dict[str, Any]) -> Any:
    value = values[column.name]
    repair = _unicode_json if column.kind == "JSON" else _unicode
    return tuple(map(repair, value)) if isinstance(value, tuple) else repair(value)


def _unicode(value: Any) -> Any:
    """Surrogates that make a pair become the character they mean, others U+FFFD."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# An escape of one half of a pair without the other; all other escapes are matched to step over.
_HALF = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _unicode_json(value: Any) -> Any:
    """A document may also escape half of a pair: JSON's grammar allows it, Unicode does not."""
    if not isinstance(value, str):
        return value
    return _HALF.sub(lambda found: "\\ufffd" if found[1] else found[0], _unicode(value))


def _fault(kind: type[Row], values: dict[str, Any], error: Exception) -> str:
    """What is wrong, by the column's name: a value may be private."""
    for column in columns(kind):
        if column.name not in values:
            if column.mode == "REQUIRED":
                return f"column {column.name} is required and empty"
            continue
        try:
            value = values[column.name]
            low, high = _RANGES.get(column.kind, (None, None))
            if low is not None and high is not None and not low <= value <= high:
                raise InvalidRow(column.name)
            if column.kind == "JSON":
                _JSON.decode(value)
            message_class(kind)(**{column.name: value})
        except Exception:
            return f"column {column.name} is no {column.kind}"
    return f"the row cannot be encoded: {type(error).__name__}"
