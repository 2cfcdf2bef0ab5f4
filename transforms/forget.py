"""What is left of rows and records once the people in them are forgotten.

A row that is the person's own goes. Of a thing with others in it the fact stays: the person's part
in it is nobody's, and what was written or said, with the raw payload, is dropped.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from schemas.columns import Column, Row, columns
from schemas.flow import Normalised
from schemas.identity import (
    EntityChange,
    IdentityRecord,
    Link,
    Override,
    PairCandidate,
    PairEvidence,
    StoredRecord,
)
from schemas.operations import DeadLetter
from schemas.records import Body, Enrollment, Participant, Person, RawChange, Transcript
from transforms.erasure import NOBODY, Marks

ERASED = "erased"
"""Stands where a column must say something and may not say who."""

Known = Callable[[], Marks]
"""Gives the marks that stand now: the same object as long as they do not change."""

OpenKnown = Callable[[], Known]
"""What a step carries to its worker."""

_OWN: tuple[type[Row], ...] = (
    *(Person, StoredRecord, Link, Enrollment, Override),
    *(PairEvidence, PairCandidate),
)
"""Rows that are about the record they name and nothing else."""
_TEXTS: tuple[type[Row], ...] = (Body, Transcript)
"""Rows that are what was written or said and nothing else."""
_NAMING = ("_id", "_ids", "_key", "_keys", "_digest")


@cache
def _keys(row: type[Row]) -> tuple[Column, ...]:
    """Columns that name records."""
    return tuple(c for c in columns(row) if c.name.endswith(("_key", "_keys")) and not c.policy)


@cache
def text_columns(row: type[Row]) -> tuple[Column, ...]:
    """Columns where people may be named: also an account or a deal may be called after somebody."""
    return tuple(
        c
        for c in columns(row)
        if c.policy or (c.kind in ("STRING", "JSON", "BYTES") and not c.name.endswith(_NAMING))
    )


def nobody() -> Known:
    """Of a pipeline that has nobody to forget."""
    return lambda: NOBODY


class Forget:
    """Step Redact's second half: the resolver is not told of those who are forgotten."""

    def __init__(self, open_known: OpenKnown) -> None:
        self._open_known = open_known
        self._known: Known | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"_open_known": self._open_known, "_known": None}

    def __call__(self, element: Normalised) -> Normalised:
        """The element without their records."""
        if self._known is None:
            self._known = self._open_known()
        return forget_records(element, self._known())


def forget_rows(rows: Sequence[Row], marks: Marks, traced: Collection[object] = ()) -> list[Row]:
    """The rows without those who are forgotten; rows of one change are treated together.

    `traced` are groups (`group_of`) in which they were found by other means (transforms/traces.py).
    """
    if not marks:
        return list(rows)
    touched = {group_of(row) for row in rows if touches(row, marks)} | set(traced)
    left = (_left(row, marks, group_of(row) in touched) for row in rows)
    return [row for row in left if row is not None]


def forget_records(element: Normalised, marks: Marks) -> Normalised:
    """The change without the records that the resolver must not know: its rows are treated where
    they are written."""
    if not marks or not element.identities:
        return element
    kept = (without(record, marks) for record in element.identities)
    identities = tuple(record for record in kept if record is not None)
    return msgspec.structs.replace(element, identities=identities)


def is_forgotten(record: IdentityRecord, marks: Marks) -> bool:
    """True where a record is that of somebody forgotten. A number alone says nothing: two people
    may share it."""
    if marks.bears("record", record.record_key):
        return True
    return record.kind == "person" and any(marks.bears("email", one) for one in record.emails)


def without(record: IdentityRecord, marks: Marks) -> IdentityRecord | None:
    """What may be known of a record: itself, itself without a number, or nothing."""
    if is_forgotten(record, marks):
        return None
    phones = tuple(one for one in record.phones if not marks.bears("phone", one))
    if len(phones) == len(record.phones):
        return record
    # A sighting of a number is nothing but the number.
    return msgspec.structs.replace(record, phones=phones) if phones or record.emails else None


def group_of(row: Row) -> object:
    """What says which rows are treated together: their change, or the row itself."""
    return getattr(row, "change_id", None) or id(row)


def touches(row: Row, marks: Marks) -> bool:
    """Whether a row is about somebody forgotten, or names them, by what it says itself."""
    interaction = getattr(row, "interaction_id", "")
    if interaction and marks.bears("interaction", interaction):
        return True
    if isinstance(row, DeadLetter) and marks.bears("record", _record_of(row)):
        return True
    return any(_key_hits(row, c, marks) for c in _keys(type(row))) or any(
        _said(getattr(row, c.name), marks) for c in text_columns(type(row))
    )


def _record_of(letter: DeadLetter) -> str:
    """The record_key of what could not be processed."""
    return f"{letter.source}:{letter.object_type}:{letter.object_id}"


def _key_hits(row: Row, column: Column, marks: Marks) -> bool:
    value = getattr(row, column.name)
    named = value if isinstance(value, tuple) else (value,) if value else ()
    return any(marks.bears("record", one) for one in named)


def _said(value: Any, marks: Marks) -> bool:
    if isinstance(value, tuple):
        return any(marks.in_text(one) for one in value)
    if isinstance(value, bytes):
        return marks.in_bytes(value)
    return isinstance(value, str) and marks.in_text(value)


def _left(row: Row, marks: Marks, touched: bool) -> Row | None:
    if isinstance(row, EntityChange) and _names_record(row.reason, marks):
        row = msgspec.structs.replace(row, reason=ERASED)
    if not touched:
        return row
    if isinstance(row, _TEXTS) or (isinstance(row, _OWN) and _is_theirs(row, marks)):
        return None
    changed: dict[str, Any] = {}
    for column in _keys(type(row)):
        if _key_hits(row, column, marks):
            changed[column.name] = _without(getattr(row, column.name), column, marks)
    if isinstance(row, RawChange):
        if "record_key" in changed:
            key = f"{row.source}:{row.object_type}:{ERASED}"
            changed |= {"object_id": ERASED, "record_key": key}
        if row.dataref is not None:
            changed["dataref"] = None
        if row.dataref is not None or row.payload:
            # So that an empty payload is known from one that was lost.
            changed["content_type"] = ERASED
    if isinstance(row, DeadLetter):
        # An empty payload cannot be published again.
        changed |= {"topic": None, "payload_uri": None}
        if marks.bears("record", _record_of(row)):
            changed["object_id"] = None
    for column in text_columns(type(row)):
        value = getattr(row, column.name)
        if value and (column.policy == "content" or _said(value, marks)):
            content = column.policy == "content" or not isinstance(value, tuple)
            # Of several addresses only that of the person goes.
            changed[column.name] = (
                empty(column) if content else _kept(value, lambda one: not marks.in_text(one))
            )
    if isinstance(row, StoredRecord) and "record" in changed:
        changed["record"] = _stored_left(row.record, marks)
    if changed and isinstance(row, Participant):
        changed |= {"participant_key": ERASED, "email": None, "phone": None, "display_name": None}
    return msgspec.structs.replace(row, **changed) if changed else row


def _stored_left(stored: str, marks: Marks) -> str:
    """Of somebody else's record, which the resolver has to be able to read again."""
    try:
        record = msgspec.json.decode(stored, type=IdentityRecord)
    except msgspec.DecodeError:
        return "{}"
    texts = ("given_name", "family_name", "full_name", "organisation", "street")
    changed: dict[str, Any] = {one: "" for one in texts if marks.in_text(getattr(record, one))}
    changed["emails"] = _kept(record.emails, lambda one: not marks.bears("email", one))
    changed["phones"] = _kept(record.phones, lambda one: not marks.bears("phone", one))
    for name in ("same_as", "accounts"):
        changed[name] = _kept(getattr(record, name), lambda one: not marks.bears("record", one))
    return msgspec.json.encode(msgspec.structs.replace(record, **changed)).decode()


def _names_record(text: str, marks: Marks) -> bool:
    return any(marks.bears("record", word) for word in text.split())


def _is_theirs(row: Row, marks: Marks) -> bool:
    if any(_key_hits(row, column, marks) for column in _named_by(type(row))):
        return True
    return isinstance(row, Person) and any(marks.bears("email", one) for one in row.emails)


@cache
def _named_by(row: type[Row]) -> tuple[Column, ...]:
    names = ("record_key", "person_key", "left_key", "right_key")
    return tuple(column for column in columns(row) if column.name in names)


def _without(value: Any, column: Column, marks: Marks) -> Any:
    if isinstance(value, tuple):
        return _kept(value, lambda one: not marks.bears("record", one))
    return None if column.mode == "NULLABLE" else ERASED


def empty(column: Column) -> Any:
    """What stands in a column that says nothing."""
    if column.mode == "REPEATED":
        return ()
    if column.mode == "NULLABLE":
        return None
    return b"" if column.kind == "BYTES" else "{}" if column.kind == "JSON" else ""


def _kept(values: Iterable[str], keep: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(value for value in values if keep(value))
