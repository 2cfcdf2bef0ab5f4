"""Gmail: a message resource with its raw mail becomes an interaction and its participants.

The payload is Gmail's users.messages resource in format `raw`, with one key added: `mailbox`.
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import binascii
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas.change import Change, opaque_id, stable_hash
from schemas.clock import DAY_US, FIRST_PARTITION_DAY, partition_day
from schemas.columns import Row
from schemas.errors import InvalidPayload
from schemas.identity import IdentityRecord
from schemas.records import Body, Interaction, Participant, lineage
from schemas.version import PIPELINE_VERSION
from transforms.identifiers import email
from transforms.identifiers.email import Email
from transforms.mime import dates, ids
from transforms.mime.message import Mail, read_mail
from transforms.mime.text import snippet, tidy
from transforms.mime.words import decode_words
from transforms.normalise import values
from transforms.normalise.context import Context, context_of
from transforms.settings import Settings

MAX_PARTICIPANTS = 500
_KNOWN = frozenset(("id", "threadId", "internalDate", "raw", "mailbox", "snippet", "sizeEstimate"))
_LIST_HEADERS = frozenset(("list-id", "list-unsubscribe", "feedback-id"))
_LIST_ID = re.compile(r"<\s*([^<>\s]+)\s*>\s*\Z")
_ROLES = (("from", "from"), ("to", "to"), ("cc", "cc"), ("bcc", "bcc"), ("reply-to", "reply_to"))

Result = tuple[tuple[Row, ...], tuple[IdentityRecord, ...]]


class Party(NamedTuple):
    """A participant of a mail: role and address."""

    role: str
    email: Email


def normalise_message(change: Change, settings: Settings, written_at: int) -> Result:
    """Rows and records of one message; InvalidPayload where there is nothing to read."""
    if change.object_type != "message":
        raise InvalidPayload(f"gmail has no object type {change.object_type} here")
    base: dict[str, Any] = lineage(change, written_at, PIPELINE_VERSION)
    if change.operation != "upsert":
        return _tombstone(base, change, written_at), ()
    found = values.decode_object(change.payload)
    mail = read_mail(_raw(found))
    labels = values.take(found, "labelIds", _labels) or ()
    defects = list(mail.defects)
    parties = _parties(mail, defects)
    mailbox = email.parse(values.as_text(found.get("mailbox")) or "")
    context = context_of(settings)
    own = _Own(context, mailbox)
    sent = _sent(mail, defects)
    occurred = _occurred(sent, values.as_micros(found.get("internalDate")), defects)
    message_id = _message_id(mail, defects)
    references = ids.ids_in(mail.first("references"))
    answers = ids.ids_in(mail.first("in-reply-to"))
    subject = tidy(decode_words(mail.first("subject"))) or None
    nobody = is_sent_by_machine(mail, parties, context)
    interaction_id = (
        ids.mail_interaction_id(message_id)
        if message_id
        else _known_by_content(change, parties, subject or "", sent, mail)
    )
    shared: dict[str, Any] = {
        "interaction_id": interaction_id,
        # By the version's stamp where its own time is not known, so that a retry finds the same.
        "event_date": partition_day(change.stamp if occurred is None else occurred, written_at),
    }
    records: dict[str, IdentityRecord] = {}
    participants: list[Row] = []
    for ordinal, party in enumerate(parties):
        record = _record(change, party.email, own, nobody and party.role in ("from", "reply_to"))
        known = records.get(record.record_key)
        records[record.record_key] = record if known is None else _joined(known, record)
        participants.append(
            Participant(
                **base,
                **shared,
                ordinal=ordinal,
                role=party.role,
                participant_key=record.record_key,
                email=party.email.address,
                display_name=party.email.display_name or None,
                is_internal=record.internal,
                is_shared=record.shared,
            )
        )
    left = {name: value for name, value in found.items() if name not in _KNOWN}
    interaction = Interaction(
        **base,
        **shared,
        part="message",
        kind="email",
        direction=own.direction(parties, labels),
        occurred_at=occurred,
        thread_id=ids.thread_of(message_id or interaction_id, references, answers),
        message_id_header=message_id or None,
        in_reply_to=answers[0] if answers else None,
        subject=subject,
        snippet=snippet(mail.text) or None,
        mailbox=mailbox.address if mailbox else None,
        labels=labels,
        attachment_names=mail.attachment_names,
        is_bulk=nobody or is_automatic_reply(mail),
        is_draft="DRAFT" in labels,
        defects=tuple(dict.fromkeys(defects)),
        extra=values.extra(left),  # noqa: S610 (no Django here)
    )
    text = _body(base, interaction, mail.text)
    return (interaction, *text, *participants), tuple(records.values())


def _body(base: dict[str, Any], interaction: Interaction, text: str) -> tuple[Body, ...]:
    if not text:
        return ()
    body = Body(
        **base,
        interaction_id=interaction.interaction_id,
        part=interaction.part,
        event_date=interaction.event_date,
        mailbox=interaction.mailbox,
        body=text,
    )
    return (body,)


def _labels(value: Any) -> tuple[str, ...] | None:
    return values.as_list(value) if isinstance(value, list) else None


def _message_id(mail: Mail, defects: list[str]) -> str:
    written = mail.all("message-id")
    found = next(filter(None, map(ids.normal_message_id, written)), "")
    if not found:
        defects.append("message_id_missing")
    elif len(written) > 1:
        defects.append("message_id_repeated")
    return found


def _known_by_content(
    change: Change, parties: list[Party], subject: str, sent: int | None, mail: Mail
) -> str:
    """interaction_id of a mail without an id: copies in several mailboxes say the same, but for
    whom only the sender's copy names. One that says nothing and no time is a mail by itself."""
    if sent is None and not mail.body.strip():
        return stable_hash("mail that says nothing", change.record_key)
    named = {party.email.address for party in parties if party.role != "bcc"}
    return stable_hash(
        "mail without id", *sorted(named), subject, str(sent), mail.text, mail.body.strip()
    )


def _sent(mail: Mail, defects: list[str]) -> int | None:
    """By the Date header; where there is none that can be read, by the last hop's."""
    written = mail.first("date")
    moment = dates.parse_date(written)
    if not written:
        defects.append("date_missing")
    elif moment.defect:
        defects.append(moment.defect)
    if moment.us is not None:
        return moment.us
    return dates.parse_date(mail.first("received").rpartition(";")[2].strip()).us


def _occurred(sent: int | None, received: int | None, defects: list[str]) -> int | None:
    """When it was sent; where that is unknown, or cannot be, when the mailbox got it.

    The Date header is preferred, as every copy has the same, and mail that was brought over from
    elsewhere is received long after it was sent. But nothing is received before it is sent: a Date
    of more than a day later is a wrong clock or a trick. A time of receipt from before there was
    such mail (0 is common) shows nothing.
    """
    if sent is None or received is None:
        return received if sent is None else sent
    if sent - received <= DAY_US or received < FIRST_PARTITION_DAY * DAY_US:
        return sent
    defects.append("date_after_receipt")
    return received


class _Own:
    """Who is on our side of a mail."""

    def __init__(self, context: Context, mailbox: Email | None) -> None:
        self._context = context
        self._mailbox = mailbox.match_key if mailbox else ""

    def is_internal(self, found: Email) -> bool:
        """One of our domains, or the mailbox itself."""
        return found.match_key == self._mailbox or self._context.is_internal(found.address)

    def direction(self, parties: list[Party], labels: tuple[str, ...]) -> str:
        """By who wrote and who reads; by Gmail's label where nobody can be told."""
        sides = {party.role: self.is_internal(party.email) for party in reversed(parties)}
        ours = sides.get("from")
        if ours is None:
            return "outbound" if "SENT" in labels else "unknown"
        readers = [p.email for p in parties if p.role in ("to", "cc", "bcc")]
        if not ours:
            return "inbound"
        if readers and all(self.is_internal(reader) for reader in readers):
            return "internal"
        return "outbound"


def _raw(found: dict[str, Any]) -> bytes:
    encoded = found.get("raw")
    if not isinstance(encoded, str) or not encoded:
        raise InvalidPayload("raw is missing: a message is read in format raw")
    try:
        clean = encoded.encode("ascii").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        raw = binascii.a2b_base64(clean + b"=" * (-len(clean) % 4), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidPayload("raw is not base64url") from None
    if not raw.strip():
        raise InvalidPayload("raw is an empty mail")
    return raw


def _parties(mail: Mail, defects: list[str]) -> list[Party]:
    parties: list[Party] = []
    seen: set[tuple[str, str]] = set()
    for party in _all_parties(mail, defects):
        place = (party.role, party.email.address)
        if place in seen:
            continue
        seen.add(place)
        if len(parties) >= MAX_PARTICIPANTS:
            defects.append("too_many_participants")
            break
        parties.append(party)
    return parties


def _all_parties(mail: Mail, defects: list[str]) -> Iterator[Party]:
    for header, role in _ROLES:
        for value in mail.all(header):
            found = email.read_list(value)
            if found.broken:
                defects.append("address_unreadable")
            for one in found.addresses:
                yield Party(role, one)


def is_sent_by_machine(mail: Mail, parties: list[Party], context: Context) -> bool:
    """Whether its sender is no person but a machine or a list: RFC 2369, RFC 3834 and common
    practice. What customers write to a list of ours comes with its headers and is theirs; an
    absence note is nobody's letter, but it comes from the person who is away."""
    if mail.is_report:
        return True
    if any(p.role == "from" and email.is_bulk_sender(_local(p.email)) for p in parties):
        return True
    ours = _is_list_of_ours(mail, context)
    if not ours and not _LIST_HEADERS.isdisjoint(mail.headers):
        return True
    if is_automatic_reply(mail):
        return False
    precedence = mail.first("precedence").strip().lower()
    if precedence in ("bulk", "junk") or (precedence == "list" and not ours):
        return True
    automatic = _auto_submitted(mail)
    return bool(automatic) and not automatic.startswith("no")


def is_automatic_reply(mail: Mail) -> bool:
    """Whether it was answered in somebody's place, as while they are away (RFC 3834, 5)."""
    return _auto_submitted(mail).startswith("auto-replied")


def _auto_submitted(mail: Mail) -> str:
    return mail.first("auto-submitted").strip().lower()


def _is_list_of_ours(mail: Mail, context: Context) -> bool:
    """By the list's name, whose end is a domain of those who run it (RFC 2919)."""
    name = _LIST_ID.search(mail.first("list-id"))
    return name is not None and context.is_internal(f"@{name[1]}")


def _local(found: Email) -> str:
    return found.address.rpartition("@")[0]


def _record(change: Change, found: Email, own: _Own, bulk_sender: bool) -> IdentityRecord:
    local = _local(found)
    return IdentityRecord(
        record_key=f"gmail:address:{opaque_id(found.address)}",
        kind="person",
        stamp=change.stamp,
        fetched=change.fetched,
        digest=change.digest,
        full_name=values.as_name(found.display_name) or "",
        emails=(found.address,),
        domains=(found.registrable_domain,),
        internal=own.is_internal(found),
        shared=bulk_sender or email.is_role(local) or email.is_bulk_sender(local),
    )


def _joined(known: IdentityRecord, other: IdentityRecord) -> IdentityRecord:
    """One address, one record: the spelling that carries a name; shared where any role says so."""
    shared = known.shared or other.shared
    return replace(known, full_name=known.full_name or other.full_name, shared=shared)


def _tombstone(base: dict[str, Any], change: Change, written_at: int) -> tuple[Row, ...]:
    shared: dict[str, Any] = {
        "interaction_id": stable_hash("object", change.record_key),
        "event_date": partition_day(change.stamp, written_at),
    }
    # The participants are gone with it: the newest set is this one.
    nobody = Participant(
        **base, **shared, ordinal=0, role="about", participant_key=change.record_key
    )
    return Interaction(**base, **shared, part="message", kind="email"), nobody
