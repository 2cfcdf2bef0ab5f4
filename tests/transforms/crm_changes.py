"""Changes of CRM records and calls for tests of their normalisers."""

import json
from typing import Any, cast

from schemas.change import Change, Operation, Source, new_change
from schemas.columns import Row
from schemas.identity import IdentityRecord
from schemas.records import Account, Body, Deal, Interaction, Participant, Person, Transcript
from transforms.normalise import normalise
from transforms.settings import Settings

STAMP = 1_769_846_400_000_000
"""2026-01-31 08:00 UTC."""
WRITTEN_AT = 1_770_000_000_000_000
SETTINGS = Settings(own_domains=("own.example",), own_numbers=("+14152340100",))


def a_change(
    kind: str,
    payload: object = None,
    *,
    object_id: str = "77",
    operation: str = "upsert",
    successor: str = "",
) -> Change:
    source, object_type = kind.split(".")
    body = b"" if payload is None else payload if isinstance(payload, bytes) else _json(payload)
    return new_change(
        cast(Source, source),
        object_type,
        object_id,
        body,
        stamp=STAMP,
        fetched=STAMP + 1,
        operation=cast(Operation, operation),
        successor=successor,
    )


def _json(payload: object) -> bytes:
    return json.dumps(payload).encode()


def facts(
    change: Change, settings: Settings = SETTINGS
) -> tuple[tuple[Row, ...], tuple[IdentityRecord, ...]]:
    rows, identities = normalise(change, settings, WRITTEN_AT)
    for row in rows:
        assert cast(Any, row).change_id == change.change_id
        assert cast(Any, row).record_key == change.record_key
        assert cast(Any, row).written_at == WRITTEN_AT
    return rows, identities


def person(change: Change, settings: Settings = SETTINGS) -> tuple[Person, IdentityRecord]:
    (row,), (identity,) = facts(change, settings)
    assert isinstance(row, Person)
    assert identity.record_key == row.record_key
    return row, identity


def account(change: Change, settings: Settings = SETTINGS) -> tuple[Account, IdentityRecord]:
    (row,), (identity,) = facts(change, settings)
    assert isinstance(row, Account)
    assert identity.kind == "account"
    return row, identity


def deal(change: Change, settings: Settings = SETTINGS) -> Deal:
    (row,), identities = facts(change, settings)
    assert isinstance(row, Deal)
    assert identities == ()
    return row


def interaction(
    change: Change, settings: Settings = SETTINGS
) -> tuple[Interaction, list[Participant], tuple[IdentityRecord, ...]]:
    rows, identities = facts(change, settings)
    first, *others = rows
    assert isinstance(first, Interaction)
    participants = [one for one in others if isinstance(one, Participant)]
    texts = [one for one in others if isinstance(one, Body | Transcript)]
    assert len(participants) + len(texts) == len(others)
    # A text says of what it is: the same as the facts beside it.
    shared = ("change_id", "record_key", "interaction_id", "part", "event_date", "written_at")
    for one in texts:
        assert [getattr(one, name) for name in shared] == [getattr(first, name) for name in shared]
    assert [one.ordinal for one in participants] == list(range(len(participants)))
    return first, participants, identities


def body_of(change: Change, settings: Settings = SETTINGS) -> str | None:
    """What was written or said; None where the change has no text."""
    texts = [row for row in facts(change, settings)[0] if isinstance(row, Body | Transcript)]
    assert len(texts) <= 1
    return next((t.body if isinstance(t, Body) else t.transcript for t in texts), None)


def extra(row: Any) -> dict[str, Any]:
    return dict(json.loads(row.extra)) if row.extra else {}
