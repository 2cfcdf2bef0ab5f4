"""Dialpad: calls, their transcripts and recaps, messages, users and contacts.

Ids come as text or as numbers above 2^53, anything may be null, and fields come that the
specification does not have. https://developers.dialpad.com/reference
"""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.change import Change, stable_hash
from schemas.columns import Row
from schemas.errors import InvalidPayload
from schemas.identity import Kind
from schemas.records import Interaction, Person
from transforms.identifiers import phone
from transforms.normalise import rows
from transforms.normalise.context import Context
from transforms.normalise.rows import Parties, Reading, Result, tombstone
from transforms.normalise.values import (
    NO_CONTENT,
    Fields,
    as_bool,
    as_float,
    as_id,
    as_list,
    as_name,
    as_text,
    as_utc_micros,
    content,
    decode_object,
    filled,
    first,
    take,
    take_emails,
    take_phones,
    text,
)

_DIRECTIONS = ("inbound", "outbound")


def normalise_dialpad(change: Change, context: Context, written_at: int) -> Result:
    """Rows and identities of one object; InvalidPayload for a type that we do not know."""
    found = _OBJECTS.get(change.object_type)
    if found is None:
        raise InvalidPayload(f"unknown object type dialpad {change.object_type}")
    read, row, kind, parts = found
    reading = Reading(change, context, written_at)
    if change.operation != "upsert":
        return tombstone(reading, row, kind, *parts)
    return read(reading, decode_object(change.payload))


def call_interaction_id(fields: Fields, call_id: str) -> tuple[str, bool]:
    """The conversation that a leg belongs to, and whether the leg is its first: legs are counted by
    their master, or by the call that came in."""
    master = as_id(fields.get("master_call_id")) or as_id(fields.get("entry_point_call_id"))
    root = master or call_id
    return stable_hash("call", root), root == call_id


def _side(reading: Reading, fields: Fields, name: str) -> str | None:
    """The E.164 number of one side; None for a caller who shows none, and for short codes."""
    shown = as_text(fields.get(name))
    found = phone.parse(shown, reading.context.region) if shown else None
    if found is None:
        return None
    del fields[name]
    return found.e164


def _part(fields: Fields, name: str) -> Fields:
    """A nested object, which leaves `fields`; empty where there is none."""
    found = fields.get(name)
    if not isinstance(found, dict):
        return {}
    del fields[name]
    return dict(found)


def _owner(target: Fields) -> str | None:
    target_id = as_id(target.get("id"))
    return f"dialpad:user:{target_id}" if target_id and target.get("type") == "user" else None


def _call(reading: Reading, fields: Fields) -> Result:
    call_id = take(fields, "call_id", as_id) or reading.change.object_id
    interaction_id, is_first = call_interaction_id(fields, call_id)
    given = str(fields.pop("direction", None) or "").lower()
    direction = given if given in _DIRECTIONS else "unknown"
    contact, target = _part(fields, "contact"), _part(fields, "target")
    external = _side(reading, fields, "external_number")
    ours = _side(reading, fields, "internal_number")
    between_us = external is not None and external in reading.context.own_numbers
    parties = Parties(reading)
    outbound = direction == "outbound"
    shown = as_name(contact.get("name"))
    if not outbound:
        parties.number("caller", external, shown, internal=between_us)
    parties.number(
        "caller" if outbound else "callee",
        ours,
        as_text(target.get("name")),
        internal=True,
        key="" if ours else _owner(target) or "",
    )
    if outbound:
        parties.number("callee", external, shown, internal=between_us)
    millis = take(fields, "duration", as_float)
    said, labels = fields.pop("transcription_text", None), fields.pop("labels", None)
    body = content(said) if said else NO_CONTENT
    columns = {
        "interaction_id": interaction_id,
        "part": "call" if is_first else "leg",
        "kind": "call",
        "direction": "internal" if between_us else direction,
        "occurred_at": first(
            fields, ("date_started", "date_rang", "date_connected"), as_utc_micros
        ),
        "duration_s": None if millis is None else millis / 1_000,
        "outcome": text(fields, "state"),
        "our_number": ours,
        "owner_key": _owner(target),
        "body": body.body,
        "snippet": body.snippet,
        "labels": as_list(labels) if labels else (),
        "defects": body.defects,
    }
    fields["contact"], fields["target"] = filled(contact), filled(target)
    return rows.interaction(reading, columns, fields, parties)


def _sms(reading: Reading, fields: Fields) -> Result:
    message_id = take(fields, "id", as_id) or reading.change.object_id
    given = str(fields.pop("direction", None) or "").lower()
    direction = given if given in _DIRECTIONS else "unknown"
    contact, target = _part(fields, "contact"), _part(fields, "target")
    region, own = reading.context.region, reading.context.own_numbers
    sender = take_phones(fields, region, "from_number")
    receivers = take_phones(fields, region, "to_number", "to_numbers")
    shown = as_name(contact.get("name"))
    parties = Parties(reading)
    for role, numbers, is_ours in (
        ("from", sender or (None,), direction == "outbound"),
        ("to", receivers, direction == "inbound"),
    ):
        for number in numbers:
            internal = is_ours or number in own
            # A message to many has one contact: whose of them it is, nobody can tell.
            known = shown if not internal and len(numbers) == 1 else None
            parties.number(role, number, known, internal=internal)
    texts = [fields.pop(name, None) for name in ("text", "text_content")]
    body = content(next((one for one in texts if one), None))
    columns = {
        "interaction_id": stable_hash("sms", message_id),
        "part": "message",
        "kind": "sms",
        "direction": direction,
        "occurred_at": first(fields, ("created_date", "event_timestamp"), as_utc_micros),
        "body": body.body,
        "snippet": body.snippet,
        "defects": body.defects,
        "outcome": first(fields, ("message_delivery_result", "message_status"), as_text),
        "our_number": _ours(direction, sender, receivers),
        "owner_key": _owner(target),
    }
    fields["contact"], fields["target"] = filled(contact), filled(target)
    return rows.interaction(reading, columns, fields, parties)


def _ours(direction: str, sender: tuple[str, ...], receivers: tuple[str, ...]) -> str | None:
    side = {"outbound": sender, "inbound": receivers}.get(direction, ())
    return side[0] if side else None


def _of_call(reading: Reading, fields: Fields, part: str, said: str) -> Fields:
    call_id = take(fields, "call_id", as_id) or reading.change.object_id
    interaction_id, _ = call_interaction_id(fields, call_id)
    read = content(said)
    return {
        "interaction_id": interaction_id,
        "part": part,
        "kind": "call",
        "transcript" if part == "transcript" else "body": read.body,
        "snippet": read.snippet,
        "defects": read.defects,
    }


def _transcript(reading: Reading, fields: Fields) -> Result:
    """Lines come in any order, with times that name no zone and are UTC."""
    spoken: list[tuple[int, int, str | None, str]] = []
    times = []
    lines = fields.pop("lines", None)
    for place, line in enumerate(lines if isinstance(lines, list) else []):
        if not isinstance(line, dict):
            continue
        when = as_utc_micros(line.get("time"))
        said = as_text(line.get("content"))
        if when is not None:
            times.append(when)
        if said and (line.get("type") or "transcript") == "transcript":
            spoken.append((when or 0, place, as_text(line.get("name")), said))
    spoken.sort(key=lambda one: one[:2])
    text = "\n".join(f"{who}: {said}" if who else said for _, _, who, said in spoken)
    columns = _of_call(reading, fields, "transcript", text)
    began = columns["occurred_at"] = min(times, default=None)
    columns["lines"] = _lines(spoken, began or 0)
    return rows.interaction(reading, columns, fields)


def _lines(spoken: list[tuple[int, int, str | None, str]], began: int) -> str | None:
    """Who said what, and when, in seconds since the first line; of one without a time null."""
    lines = [
        {"speaker": who, "offset_s": (when - began) / 1_000_000 if when else None, "text": said}
        for when, _, who, said in spoken
    ]
    return msgspec.json.encode(lines).decode() if lines else None


def _recap(reading: Reading, fields: Fields) -> Result:
    """Summary and what is to be done; it is made after the call, so its time is not the call's."""
    texts = [*_contents(fields.pop("summary", None))]
    texts += (f"- {todo}" for todo in _contents(fields.pop("action_items", None)))
    outcome = next(iter(_contents(fields.pop("disposition", None))), None)
    columns = _of_call(reading, fields, "recap", "\n".join(texts))
    columns["outcome"] = outcome
    return rows.interaction(reading, columns, fields)


def _call_event(reading: Reading, fields: Fields) -> Result:
    """What an event tells of a call besides its state: a recap, a transcription, a recording, a
    voicemail. It is a part of its own, and its `state` is no outcome of the call."""
    state = (as_text(fields.get("state")) or "").lower()
    texts = _said(fields, "recap_summary")
    texts += (f"- {todo}" for todo in _said(fields, "recap_action_items"))
    texts += _said(fields, "transcription_text")
    part = "recap" if state.startswith("recap_") else _EVENT_PARTS.get(state, "event")
    columns = _of_call(reading, fields, part, "\n".join(texts))
    columns["outcome"] = next(iter(_said(fields, "recap_outcome")), None)
    return rows.interaction(reading, columns, fields)


_EVENT_PARTS = {
    "transcription": "transcript",
    "call_transcription": "transcript",
    "recording": "recording",
    "admin_recording": "recording",
    "voicemail_uploaded": "voicemail",
}


def _said(fields: Fields, name: str) -> list[str]:
    """The texts in a field, which leaves `fields` if there are any."""
    found = _contents(fields.get(name))
    if found:
        del fields[name]
    return found


def _contents(found: Any) -> list[str]:
    """The texts in a recap's part: a text, an object with `content`, or a list of either."""
    if isinstance(found, list):
        return [said for one in found for said in _contents(one)]
    if isinstance(found, dict):
        return _contents(
            next((found[n] for n in ("content", "name", "text") if found.get(n)), None)
        )
    shown = as_text(found)
    return [shown] if shown else []


def _contact(reading: Reading, fields: Fields) -> Result:
    fields.pop("id", None)
    region = reading.context.region
    columns = {
        "given_name": text(fields, "first_name"),
        "family_name": text(fields, "last_name"),
        "full_name": text(fields, "display_name"),
        "title": text(fields, "job_title"),
        "emails": take_emails(fields, "primary_email", "emails"),
        "phones": take_phones(fields, region, "primary_phone", "phones"),
        "organisation": text(fields, "company_name"),
    }
    return rows.person(reading, columns, fields)


def _user(reading: Reading, fields: Fields) -> Result:
    fields.pop("id", None)
    region = reading.context.region
    columns = {
        "given_name": text(fields, "first_name"),
        "family_name": text(fields, "last_name"),
        "full_name": text(fields, "display_name"),
        "title": text(fields, "job_title"),
        "emails": take_emails(fields, "emails"),
        "phones": take_phones(fields, region, "phone_numbers"),
        "status": text(fields, "state"),
        "is_internal": True,
        "country": text(fields, "country"),
        "created_at": take(fields, "date_added", as_utc_micros),
    }
    if columns["status"] == "deleted" or as_bool(fields.get("is_deleted")):
        gone = Reading(rows.deleted(reading.change), reading.context, reading.written_at)
        return tombstone(gone, Person, "person")
    return rows.person(reading, columns, fields)


_AFTERTHOUGHTS = ("recap", "transcript", "recording", "voicemail", "event")
_Read = Callable[[Reading, Fields], Result]
_OBJECTS: dict[str, tuple[_Read, type[Row], Kind | None, tuple[str, ...]]] = {
    # What a deleted call was, its tombstone cannot know: both are taken away.
    "call": (_call, Interaction, None, ("call", "leg")),
    "sms": (_sms, Interaction, None, ("message",)),
    "transcript": (_transcript, Interaction, None, ("transcript",)),
    "recap": (_recap, Interaction, None, ("recap",)),
    "call_event": (_call_event, Interaction, None, _AFTERTHOUGHTS),
    "contact": (_contact, Person, "person", ()),
    "user": (_user, Person, "person", ()),
}
