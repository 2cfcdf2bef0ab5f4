"""Fields of a source's objects that came, went or changed type: rows for those who operate it."""

from schemas.change import Change
from schemas.clock import partition_day
from schemas.errors import InvalidPayload
from schemas.operations import SchemaChange
from schemas.records import lineage
from schemas.version import PIPELINE_VERSION
from transforms.normalise.values import Fields, as_text, decode_object

SCHEMA = "schema"
"""Object type of such changes, of every source."""


def normalise_schema(change: Change, written_at: int) -> tuple[tuple[SchemaChange, ...], tuple[()]]:
    """A row for each field; InvalidPayload where the change names none."""
    payload = decode_object(change.payload)
    drift = payload.get("drift")
    name = as_text(payload.get("object"))
    if name is None or not isinstance(drift, list):
        raise InvalidPayload("object or drift is missing")
    rows = tuple(_row(change, name, one, written_at) for one in drift)
    return rows, ()


def _row(change: Change, name: str, one: Fields, written_at: int) -> SchemaChange:
    field = as_text(one.get("field")) if isinstance(one, dict) else None
    if field is None:
        raise InvalidPayload("a part of drift names no field")
    before, after = as_text(one.get("before")), as_text(one.get("after"))
    event = "added" if before is None else "gone" if after is None else "retyped"
    return SchemaChange(
        **lineage(change, written_at, PIPELINE_VERSION),  # type: ignore[arg-type]
        object_name=name,
        field=field,
        event=event,
        type_before=before,
        type_after=after,
        noticed_at=change.stamp,
        noticed_date=partition_day(change.stamp, written_at),
    )
