"""Rows as the Storage Write API takes them: protobuf messages made from the record classes.

TIMESTAMP travels as microseconds, DATE as days, JSON as text.
https://cloud.google.com/bigquery/docs/supported-data-types#supported-protocol-buffer-data-types
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from schemas.columns import Column, Row, columns
from schemas.errors import InvalidRow

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


@cache
def _columns(row: type[Row]) -> tuple[tuple[str, Column], ...]:
    return tuple((column.name, column) for column in columns(row))


def encode(row: Row) -> bytes:
    """The bytes of a row; InvalidRow names a column that is empty and may not be, or of wrong type.

    The embedded warehouse enforces neither required nor unknown columns, BigQuery both: so we do.
    """
    kind = type(row)
    values = {
        name: value
        for name in kind.__struct_fields__
        if (value := getattr(row, name)) is not None and value != ()
    }
    try:
        return bytes(message_class(kind)(**values).SerializeToString())
    except Exception as error:
        repaired = _repaired(row, values)
        if repaired is None:
            raise InvalidRow(_fault(row, error)) from error
        return repaired


def _repaired(row: Row, values: dict[str, Any]) -> bytes | None:
    """Text that is no Unicode (lone surrogates) is written with replacement characters."""
    clean = {name: _clean(value) for name, value in values.items()}
    try:
        return bytes(message_class(type(row))(**clean).SerializeToString())
    except Exception:
        return None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, tuple):
        return tuple(_clean(one) for one in value)
    return value


def _fault(row: Row, error: Exception) -> str:
    for name, column in _columns(type(row)):
        value = getattr(row, name)
        if value is None and column.mode == "REQUIRED":
            return f"column {name} is required and empty"
        if value is None:
            continue
        try:
            message_class(type(row))(**{name: _clean(value)})
        except Exception:
            return f"column {name} is no {column.kind}"
    return f"the row cannot be encoded: {type(error).__name__}"
