"""Rows and identity records from the columns that a normaliser has read."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas.change import Change, opaque_id, stable_hash
from schemas.clock import partition_day
from schemas.columns import Row
from schemas.identity import IdentityRecord, Kind
from schemas.records import (
    Account,
    Body,
    Deal,
    Interaction,
    Participant,
    Person,
    Transcript,
    lineage,
)
from schemas.version import PIPELINE_VERSION
from transforms.identifiers import Email, email
from transforms.mime import ids
from transforms.normalise.context import Context
from transforms.normalise.values import Fields, as_name, extra

Result = tuple[tuple[Row, ...], tuple[IdentityRecord, ...]]

MAX_PARTICIPANTS = 500


class Reading(NamedTuple):
    """A change that is being read, under the settings, for rows made at `written_at`."""

    change: Change
    context: Context
    written_at: int

    @property
    def record(self) -> str:
        """`salesforce.contact`, as settings name it."""
        return f"{self.change.source}.{self.change.object_type}"

    def lineage(self) -> Fields:
        """The columns that say where the row comes from."""
        return lineage(self.change, self.written_at, PIPELINE_VERSION)

    def day(self, occurred_at: int | None) -> int:
        """The partition of an interaction; by the version's stamp where its own time is not
        known, so that a retry finds the same."""
        known = self.change.stamp if occurred_at is None else occurred_at
        return partition_day(known, self.written_at)


def deleted(change: Change, successor: str | None = None) -> Change:
    """A change whose payload turns out to say that the record is gone, or went into another."""
    if change.operation != "upsert":
        return change
    return replace(change, operation="merge" if successor else "delete", successor=successor or "")


def tombstone(reading: Reading, row: type[Row], kind: Kind | None, *parts: str) -> Result:
    """The rows of a record that is gone; of an interaction one for each part that it may have."""
    change = reading.change
    columns = reading.lineage()
    if row is Interaction:
        day = reading.day(None)
        interaction_id = stable_hash(change.source, change.object_type, change.object_id)
        gone = [
            Interaction(
                **columns,
                interaction_id=interaction_id,
                part=part,
                kind=interaction_kind(change.object_type),
                event_date=day,
            )
            for part in parts
        ]
        nobody = Participant(
            **columns,
            interaction_id=interaction_id,
            event_date=day,
            ordinal=0,
            role="about",
            participant_key=change.record_key,
        )
        return (*gone, nobody), ()
    if kind is None:
        return (row(**columns),), ()
    record = IdentityRecord(
        record_key=change.record_key,
        kind=kind,
        stamp=change.stamp,
        fetched=change.fetched,
        digest=change.digest,
        deleted=True,
        successor=columns["successor_key"] or "",
    )
    return (row(**columns),), (record,)


_KINDS = {
    "event": "meeting",
    "emailmessage": "email",
    "communication": "sms",
    "transcript": "call",
    "recap": "call",
    "call_event": "call",
}


def interaction_kind(object_type: str) -> str:
    """email, call, sms, meeting, note or task."""
    return _KINDS.get(object_type, object_type)


def person(reading: Reading, columns: Fields, left: Fields, **identity: Any) -> Result:
    """A Person and its identity record; `identity` are the record's fields that no column has."""
    reading.context.fill(reading.record, left, columns)
    emails = columns.get("emails", ())
    internal = columns.get("is_internal") or any(map(reading.context.is_internal, emails))
    columns["is_internal"] = internal
    change = reading.change
    account = columns.get("account_key")
    accounts = identity.pop("accounts", ())
    if account and account not in accounts:
        accounts = (account, *accounts)
    record = IdentityRecord(
        record_key=change.record_key,
        kind="person",
        stamp=change.stamp,
        fetched=change.fetched,
        digest=change.digest,
        given_name=columns.get("given_name") or "",
        family_name=columns.get("family_name") or "",
        full_name=columns.get("full_name") or "",
        organisation=columns.get("organisation") or "",
        emails=emails,
        phones=columns.get("phones", ()),
        same_as=columns.get("linked_keys", ()),
        accounts=accounts,
        street=columns.get("street") or "",
        city=columns.get("city") or "",
        region=columns.get("region") or "",
        postal_code=columns.get("postal_code") or "",
        country=columns.get("country") or "",
        internal=internal,
        **identity,
    )
    return (Person(**{**reading.lineage(), **columns}, extra=extra(left)),), (record,)


def account(reading: Reading, columns: Fields, left: Fields) -> Result:
    """An Account and its identity record."""
    reading.context.fill(reading.record, left, columns)
    change = reading.change
    record = IdentityRecord(
        record_key=change.record_key,
        kind="account",
        stamp=change.stamp,
        fetched=change.fetched,
        digest=change.digest,
        organisation=columns.get("name") or "",
        phones=columns.get("phones", ()),
        domains=columns.get("domains", ()),
        same_as=columns.get("linked_keys", ()),
        street=columns.get("street") or "",
        city=columns.get("city") or "",
        region=columns.get("region") or "",
        postal_code=columns.get("postal_code") or "",
        country=columns.get("country") or "",
    )
    return (Account(**reading.lineage(), **columns, extra=extra(left)),), (record,)


def deal(reading: Reading, columns: Fields, left: Fields) -> Result:
    """A Deal; deals have no identity of their own."""
    reading.context.fill(reading.record, left, columns)
    return (Deal(**reading.lineage(), **columns, extra=extra(left)),), ()


def interaction(
    reading: Reading, columns: Fields, left: Fields, parties: "Parties | None" = None
) -> Result:
    """An Interaction with its text and its participants.

    `columns` has at least interaction_id, part, kind; its `body` becomes a row of sales.bodies, its
    `transcript` (with `lines`) one of sales.transcripts.
    """
    body, transcript = columns.pop("body", None), columns.pop("transcript", None)
    lines = columns.pop("lines", None)
    reading.context.fill(reading.record, left, columns)
    base = reading.lineage()
    day = reading.day(columns.get("occurred_at"))
    row = Interaction(**base, **columns, event_date=day, extra=extra(left))
    place: Fields = {"interaction_id": row.interaction_id, "event_date": day}
    written: list[Row] = [row]
    if body:
        written.append(Body(**base, **place, part=row.part, mailbox=row.mailbox, body=body))
    if transcript:
        written.append(
            Transcript(**base, **place, part=row.part, transcript=transcript, lines=lines)
        )
    if parties is None:
        return tuple(written), ()
    written += (
        Participant(**base, **place, ordinal=ordinal, **facts)
        for ordinal, facts in enumerate(parties.facts)
    )
    return tuple(written), tuple(parties.records.values())


def mail_id(reading: Reading, header: str | None) -> tuple[str, str | None]:
    """interaction_id, under which every copy of a mail is one, in whatever system, and the
    Message-ID; a mail without a usable one is its own."""
    found = ids.normal_message_id(header) if header else ""
    if found:
        return ids.mail_interaction_id(found), found
    change = reading.change
    return stable_hash("mail", change.source, change.object_id), None


class Parties:
    """Who took part: facts of Participant rows in order, and identity records, one a key."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.facts: list[Fields] = []
        self.records: dict[str, IdentityRecord] = {}

    def address(self, role: str, found: Email) -> None:
        """Someone known by an e-mail address."""
        if len(self.facts) >= MAX_PARTICIPANTS:
            return
        local = found.address.rpartition("@")[0]
        key = address_key(found.address)
        internal = self._reading.context.is_internal(found.address)
        shared = email.is_role(local) or email.is_bulk_sender(local)
        self.facts.append(
            {
                "role": role,
                "participant_key": key,
                "email": found.address,
                "display_name": found.display_name or None,
                "is_internal": internal,
                "is_shared": shared,
            }
        )
        shown = as_name(found.display_name) or ""
        if key in self.records and not shown:
            return
        self._record(
            key,
            full_name=shown,
            emails=(found.address,),
            domains=(found.registrable_domain,),
            internal=internal,
            shared=shared,
        )

    def addresses(self, role: str, found: Iterable[Email]) -> None:
        """Several people in one role."""
        for one in found:
            self.address(role, one)

    def number(
        self, role: str, e164: str | None, shown: str | None, *, internal: bool, key: str = ""
    ) -> None:
        """Someone known by a number, or by none that could be dialled; ours are no evidence."""
        if len(self.facts) >= MAX_PARTICIPANTS:
            return
        own = number_key(e164) if e164 else UNKNOWN_NUMBER
        self.facts.append(
            {
                "role": role,
                "participant_key": key or own,
                "phone": e164,
                "display_name": shown,
                "is_internal": internal,
            }
        )
        if e164 and not internal:
            self._record(own, full_name=shown or "", phones=(e164,))

    def _record(self, key: str, **fields: Any) -> None:
        change = self._reading.change
        self.records[key] = IdentityRecord(
            record_key=key,
            kind="person",
            stamp=change.stamp,
            fetched=change.fetched,
            digest=change.digest,
            **fields,
        )


NUMBER_KEYS = "dialpad:number:"
"""How the participant key of somebody known by a number alone begins."""

UNKNOWN_NUMBER = f"{NUMBER_KEYS}unknown"
"""Participant key of a caller who shows no number; no identity stands behind it."""


@lru_cache(maxsize=65_536)
def number_key(e164: str) -> str:
    """record_key of a number as a participant of calls."""
    return f"{NUMBER_KEYS}{opaque_id(e164)}"


@lru_cache(maxsize=65_536)
def address_key(address: str) -> str:
    """record_key of an address as a participant of mails."""
    return f"gmail:address:{opaque_id(address)}"
