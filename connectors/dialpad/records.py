"""Dialpad's records: their ids, times and versions, and the changes made of them.

Ids come as text or as numbers above 2^53, times as epoch milliseconds or as ISO 8601 without a
zone, which is UTC, and anything may be null. https://developers.dialpad.com/reference
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from connectors.exclusions import Excluder
from schemas.change import Change, Lane, new_change, stable_hash
from schemas.clock import MAX_US, MIN_US, to_us
from schemas.errors import InvalidPayload

Fields = dict[str, Any]

STATES = frozenset(
    "calling ringing preanswer connected queued hold parked merged barge monitor takeover "
    "eavesdrop hangup missed blocked voicemail".split()
)
"""States that a call itself is in. What else an event calls its state says that something about the
call has come: a recap, a recording, or what nobody has told us of yet."""

_ENCODE = msgspec.json.Encoder(order="sorted").encode


def fields_of(raw: bytes) -> Fields:
    """The JSON object of a record; InvalidPayload where it is none."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidPayload("not JSON") from None
    if not isinstance(found, dict):
        raise InvalidPayload("JSON, but no object")
    return found


def id_of(value: Any) -> str:
    """An id as text, no digit lost; empty where there is none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def micros(value: Any) -> int | None:
    """Microseconds of epoch milliseconds, as number or text, or of ISO 8601, UTC where it names no
    zone; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit():
            value = int(text) if len(text) < 16 else None
        else:
            try:
                moment = datetime.fromisoformat(text)
                return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
            except (ValueError, OverflowError):
                return None
    if isinstance(value, float) and value == value and abs(value) < 1e16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    us = value * 1_000
    return us if MIN_US <= us <= MAX_US else None


def first_of(fields: Fields, *names: str) -> int | None:
    """The first of several times that can be read, in microseconds."""
    return next((us for name in names if (us := micros(fields.get(name))) is not None), None)


def started_ms(fields: Fields) -> int | None:
    """When a call started, in milliseconds, or the best that is known."""
    names = ("date_started", "date_rang", "date_connected", "event_timestamp", "date_ended")
    found = first_of(fields, *names)
    return None if found is None else found // 1_000


def call_stamp(fields: Fields) -> int | None:
    """The version of a call. All that is said of an ended call has the stamp of its end, so that
    the later reading wins: the record of the API over the event that came before it."""
    return first_of(
        fields, "date_ended", "event_timestamp", "date_connected", "date_rang", "date_started"
    )


def digest_of(fields: Fields, without: tuple[str, ...] = ()) -> str:
    """Of what a record says, in whatever order; short, for cursors."""
    kept = {name: one for name, one in fields.items() if name not in without}
    return stable_hash(_ENCODE(kept))[:12]


class CallRecord(NamedTuple):
    """A call as it was listed: `raw` byte for byte; `started` in milliseconds."""

    call_id: str
    fields: Fields
    raw: bytes
    started: int | None

    def change(self, read_at: int | None, lane: Lane) -> Change:
        """The change that it is."""
        stamp = call_stamp(self.fields)
        stamp = read_at if stamp is None else stamp
        if stamp is None:
            raise InvalidPayload("neither the call nor the answer says when it was")
        fetched = stamp if read_at is None else read_at
        return new_change(
            "dialpad", "call", self.call_id, self.raw, stamp=stamp, fetched=fetched, lane=lane
        )


def call_record(raw: bytes) -> CallRecord:
    """A listed call; InvalidPayload where it is none."""
    fields = fields_of(raw)
    call_id = id_of(fields.get("call_id"))
    if not call_id:
        raise InvalidPayload("no call_id")
    return CallRecord(call_id, fields, raw, started_ms(fields))


def detail_change(
    kind: str, call: Fields, raw: bytes, *, stamp: int, read_at: int | None, lane: Lane
) -> Change:
    """A transcript or recap under its call; `call` names the call and those it is a leg of."""
    call_id = id_of(call.get("call_id"))
    fields = fields_of(raw)
    added = {
        name: call[name]
        for name in ("call_id", "master_call_id", "entry_point_call_id")
        if call.get(name) is not None and fields.get(name) is None
    }
    payload = _ENCODE({**fields, **added}) if added else raw
    own = first_of(fields, "date_modified", "date_created")
    fetched = stamp if read_at is None else read_at
    return new_change(
        "dialpad", kind, call_id, payload, stamp=own or stamp, fetched=fetched, lane=lane
    )


def excludes(excluder: Excluder, change: Change, fields: Fields) -> bool:
    """Whether a record may not be held: by its key, its call's, or whose mailbox it belongs to."""
    if excluder.record(change):
        return True
    call_id = id_of(fields.get("call_id"))
    if call_id and change.object_type != "call":
        of_call = new_change("dialpad", "call", call_id, b"", stamp=0, fetched=0)
        if excluder.record(of_call):
            return True
    ours, theirs = fields.get("target"), fields.get("contact")
    for party in (ours, theirs):
        address = party.get("email") if isinstance(party, dict) else None
        if isinstance(address, str) and address and _drops(excluder, address):
            return True
    emails = fields.get("emails")
    listed = emails if isinstance(emails, list) else []
    return any(_drops(excluder, one) for one in listed if isinstance(one, str))


def _drops(excluder: Excluder, address: str) -> bool:
    return excluder.mailbox(address) or excluder.mail(address, (), ())
