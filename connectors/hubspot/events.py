"""Webhook events as hints: which record, what kind of thing, when. No value of a property.

https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide#webhook-payloads
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from connectors.hubspot.kinds import BY_TYPE_ID, KINDS, Kind
from schemas.change import stable_hash
from schemas.clock import MAX_US

CHANGE, DELETION, RESTORE, MERGE, PRIVACY = "change", "deletion", "restore", "merge", "privacy"
_KIND_OF = {
    "creation": CHANGE,
    "propertyChange": CHANGE,
    "associationChange": CHANGE,
    "deletion": DELETION,
    "restore": RESTORE,
    "merge": MERGE,
    "privacyDeletion": PRIVACY,
}
LATEST_MS = MAX_US // 1_000
TEST_EVENT = (100, 123)
"""eventId and objectId of what the settings page sends when one presses Test."""


class RecordHint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something happened to a record; times in milliseconds, by HubSpot's clock."""

    object: str
    id: str
    at: int
    """The latest event."""
    deleted: int = 0
    restored: int = 0
    private: int = 0
    """When it was erased for privacy; 0: it was not."""
    losers: tuple[str, ...] = ()
    """Records that went into this one."""
    merged: int = 0
    associated: int = 0
    """When it was put together with another, or taken apart."""


def event_key(event: dict[str, Any]) -> str:
    """Identity of an event: eventId alone is not promised to be one, and a repeated delivery
    differs in nothing but attemptNumber."""
    names = ("portalId", "subscriptionId", "eventId", "occurredAt", "objectId", "propertyName")
    return stable_hash(*(str(event.get(name, "")) for name in names))


def hints_of(event: dict[str, Any]) -> list[RecordHint] | None:
    """The records that an event is about; none for objects that we do not read. None: it has not
    the fields of an event."""
    object_name, _, what = str(event.get("subscriptionType") or "").partition(".")
    at = event.get("occurredAt")
    if not what or type(at) is not int or not 0 <= at <= LATEST_MS:
        return None
    kind_of = _KIND_OF.get(what)
    if kind_of is None:
        return []
    if what == "associationChange" and "fromObjectId" in event:
        return _associated(event, at)
    kind = _kind(object_name, event)
    if kind is None:
        return []
    record_id = _id(event.get("objectId"))
    if kind_of == MERGE:
        return _merged(kind, event, at)
    if not record_id:
        return None
    return [
        RecordHint(
            object=kind.name,
            id=record_id,
            at=at,
            deleted=at if kind_of == DELETION else 0,
            restored=at if kind_of == RESTORE else 0,
            private=at if kind_of == PRIVACY else 0,
        )
    ]


def coalesced(hints: Iterable[RecordHint]) -> list[RecordHint]:
    """One hint a record, with the latest of everything: order is not kept on the way."""
    found: dict[tuple[str, str], RecordHint] = {}
    for hint in hints:
        key = (hint.object, hint.id)
        known = found.get(key)
        if known is not None:
            hint = RecordHint(
                object=hint.object,
                id=hint.id,
                at=max(known.at, hint.at),
                deleted=max(known.deleted, hint.deleted),
                restored=max(known.restored, hint.restored),
                private=max(known.private, hint.private),
                losers=tuple(dict.fromkeys((*known.losers, *hint.losers))),
                merged=max(known.merged, hint.merged),
                associated=max(known.associated, hint.associated),
            )
        found[key] = hint
    return list(found.values())


def _merged(kind: Kind, event: dict[str, Any], at: int) -> list[RecordHint] | None:
    """Of a merge: the record that lives on may be a new one, and then the primary is lost too."""
    primary = _id(event.get("primaryObjectId"))
    winner = _id(event.get("newObjectId")) or primary or _id(event.get("objectId"))
    listed = event.get("mergedObjectIds")
    losers = [_id(one) for one in listed] if isinstance(listed, list) else []
    lost = tuple(dict.fromkeys(one for one in (*losers, primary) if one and one != winner))
    if not winner:
        return None
    return [RecordHint(object=kind.name, id=winner, at=at, losers=lost, merged=at)]


def _associated(event: dict[str, Any], at: int) -> list[RecordHint] | None:
    """Both ends of an association: `CONTACT_TO_COMPANY` says what they are, or type ids do."""
    first, _, second = str(event.get("associationType") or "").lower().partition("_to_")
    hints = []
    for name, end in ((first, "from"), (second, "to")):
        record_id = _id(event.get(f"{end}ObjectId"))
        if not record_id:
            return None
        kind = KINDS.get(name) or BY_TYPE_ID.get(str(event.get(f"{end}ObjectTypeId")))
        if kind is not None:
            hints.append(RecordHint(object=kind.name, id=record_id, at=at, associated=at))
    return hints


def _kind(object_name: str, event: dict[str, Any]) -> Kind | None:
    if object_name == "object":
        return BY_TYPE_ID.get(str(event.get("objectTypeId")))
    return KINDS.get(object_name)


def _id(value: Any) -> str:
    """An id, which comes as a number; none where it is no such thing."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdigit() else ""
