"""What a reader of everything must end with, and what one has ended with, in the same words.

The truth is told from a vendor's own records, what was read from the changes; both are brought to
the few values of a record that people look at, so that they can be compared.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.change import Change, stable_hash

Fields = dict[str, Any]
_CALL = ("state", "direction", "external_number", "internal_number", "duration")
_USER = ("display_name", "emails", "job_title", "phone_numbers", "state")
_CONTACT = ("display_name", "emails", "job_title", "phones")


class Expected(msgspec.Struct, frozen=True):
    """A record as it ends. `merged_into` is the object id of the record that lives on; of what is
    deleted or merged nothing else counts."""

    deleted: bool = False
    merged_into: str = ""
    fields: Fields = {}
    associations: tuple[str, ...] | None = None
    """`companies:51`: what a record of HubSpot is with. Only webhooks tell that it has changed;
    None where nobody can be expected to know."""

    @property
    def lives(self) -> bool:
        """Neither deleted nor merged."""
        return not self.deleted and not self.merged_into


Records = dict[str, dict[str, Expected]]
"""Object type, as in Change, to object id to record."""
Estates = Mapping[str, Records]
"""Source to its records."""

GONE = Expected(deleted=True)


def living(source: str, object_type: str, record: Fields) -> Expected:
    """A record that lives, from what the vendor shows of it."""
    listed = record.get("associations") if source == "hubspot" else None
    return Expected(
        fields=_READ[source](object_type, record),
        associations=tuple(
            f"{path}:{one['toObjectId']}"
            for path, found in sorted((listed or {}).items())
            for one in found["results"]
        ),
    )


def newest(changes: Iterable[Change]) -> dict[str, Records]:
    """What the newest version of every record says: changes in any order, any of them twice."""
    last: dict[str, Change] = {}
    for change in changes:
        known = last.get(change.record_key)
        if known is None or change.version > known.version:
            last[change.record_key] = change
    found: dict[str, Records] = {}
    for change in last.values():
        records = found.setdefault(change.source, {}).setdefault(change.object_type, {})
        records[change.object_id] = read(change)
    return found


def read(change: Change) -> Expected:
    """The record that a change leaves behind."""
    if change.operation == "merge":
        return Expected(merged_into=change.successor)
    if change.operation == "delete":
        return GONE
    return living(change.source, change.object_type, json.loads(change.payload))


def differences(expected: Estates, found: Estates) -> Iterator[str]:
    """Where what was read is not the truth, a line each; none: every record is accounted for.

    Who began to read after a record was deleted never had it: absent is as good as deleted.
    """
    for source in sorted({*expected, *found}):
        ours, theirs = expected.get(source, {}), found.get(source, {})
        for object_type in sorted({*ours, *theirs}):
            wanted, had = ours.get(object_type, {}), theirs.get(object_type, {})
            for object_id in sorted({*wanted, *had}):
                one, other = wanted.get(object_id, GONE), had.get(object_id, GONE)
                if one.associations is None:
                    other = msgspec.structs.replace(other, associations=None)
                if one != other:
                    yield f"{source}:{object_type}:{object_id}: {_said(one)}; read: {_said(other)}"


def _said(one: Expected) -> str:
    if one.merged_into:
        return f"merged into {one.merged_into}"
    if one.deleted:
        return "gone"
    return f"{one.fields}" + (f" with {', '.join(one.associations)}" if one.associations else "")


def _gmail(object_type: str, record: Fields) -> Fields:
    raw = urlsafe_b64decode(record["raw"] + "=" * (-len(record["raw"]) % 4))
    return {
        "mailbox": record["mailbox"],
        "labels": tuple(sorted(record.get("labelIds") or ())),
        "source": stable_hash(raw),
    }


def _salesforce(object_type: str, record: Fields) -> Fields:
    return {name: one for name, one in record.items() if one is not None and name != "attributes"}


def _hubspot(object_type: str, record: Fields) -> Fields:
    if object_type == "owner":
        return dict(record)
    return {name: one for name, one in record["properties"].items() if one is not None}


def _dialpad(object_type: str, record: Fields) -> Fields:
    if object_type == "transcript":
        return {"said": tuple(line["content"] for line in record["lines"])}
    if object_type == "recap":
        return {"summary": record["summary"]["content"]}
    if object_type == "sms":
        return {"text": record["text"], "direction": record["direction"]}
    if object_type == "call_event":
        return {"state": record["state"]}
    if object_type == "call":
        ended = record["date_ended"]
        return {
            **{name: record.get(name) for name in _CALL},
            "ended": None if ended is None else int(ended),
        }
    names = _USER if object_type == "user" else _CONTACT
    return {name: record.get(name) for name in names}


_READ = {"gmail": _gmail, "salesforce": _salesforce, "hubspot": _hubspot, "dialpad": _dialpad}
