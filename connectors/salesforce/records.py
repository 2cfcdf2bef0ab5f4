"""Records as changes: the payload is the record, field for field, in one order of keys."""

from typing import Any

import msgspec

from connectors.bad_input import BadInput
from connectors.exclusions import Excluder
from connectors.salesforce.shapes import Shape
from connectors.salesforce.soql import Key, parse_stamp
from schemas.change import Change, Lane, Operation, new_change
from schemas.salesforce_id import to18

Record = dict[str, Any]
_JSON = msgspec.json.Encoder(order="sorted")


def payload_of(name: str, record: Record) -> bytes:
    """The record as JSON. Of `attributes` the type stays: the address in it names the API's
    version, and would make a new version of every record whenever that moves."""
    return _JSON.encode({**record, "attributes": {"type": name}})


def key_of(shape: Shape, record: Record) -> Key | None:
    """Where a record stands in the order (stamp, Id); None where it tells no such place."""
    stamp, record_id = parse_stamp(record.get(shape.stamp)), to18(record.get("Id"))
    return Key(stamp, record_id) if stamp is not None and record_id else None


def change_of(shape: Shape, record: Record, fetched: int | None, lane: Lane) -> Change | BadInput:
    """The change that a record is, or why it is none. `fetched`: the server's clock."""
    key = key_of(shape, record)
    payload = payload_of(shape.name, record)
    if key is None:
        where = to18(record.get("Id")) or "?"
        reason = f"no Id, or no {shape.stamp} with a zone"
        return BadInput("salesforce", f"{shape.object_type} {where}", reason, payload, lane)
    operation: Operation = "upsert"
    successor = ""
    if record.get("IsDeleted") is True:
        successor = to18(record.get("MasterRecordId")) or ""
        operation = "merge" if successor else "delete"
    return new_change(
        "salesforce",
        shape.object_type,
        key.id,
        payload,
        stamp=key.stamp,
        fetched=key.stamp if fetched is None else fetched,
        operation=operation,
        lane=lane,
        successor=successor,
    )


def gone(shape: Shape, record_id: str, stamp: int, fetched: int | None) -> Change:
    """The change of a record that the source no longer has at all."""
    payload = payload_of(shape.name, {"Id": record_id, "IsDeleted": True})
    return new_change(
        "salesforce",
        shape.object_type,
        record_id,
        payload,
        stamp=stamp,
        fetched=stamp if fetched is None else fetched,
        operation="delete",
    )


def is_excluded(excluder: Excluder, change: Change, record: Record) -> bool:
    """Whether a record must not be held: by its key, or a mail by whose it is."""
    if excluder.record(change):
        return True
    if change.object_type != "emailmessage":
        return False
    listed = ";".join(str(record.get(f"{one}Address") or "") for one in ("To", "Cc", "Bcc"))
    addresses = [one.strip() for one in listed.split(";") if one.strip()]
    return excluder.mail(str(record.get("FromAddress") or ""), addresses, ())
