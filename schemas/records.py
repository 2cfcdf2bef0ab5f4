"""Domain records: the rows of raw.* and sales.*.

Every row that comes from a change carries where it comes from and which version it is, so that a
view can take the newest and a person can find the change behind any figure.
"""

from typing import Annotated

from schemas.change import Change
from schemas.columns import Days, Json, Micros, Row, col


class Versioned(Row, frozen=True, kw_only=True):
    """What every row made from a change says of that change."""

    change_id: Annotated[str, col("Id of the change that this row comes from (ce-id).")]
    source: Annotated[str, col("Source: gmail, salesforce, hubspot, dialpad or files.")]
    object_type: Annotated[str, col("Type of the object in its source, lower case.")]
    object_id: Annotated[str, col("Id of the object in its source.")]
    record_key: Annotated[str, col("source:object_type:object_id, the record's name everywhere.")]
    is_deleted: Annotated[bool, col("True for a tombstone: deleted or merged away at the source.")]
    successor_key: Annotated[
        str | None, col("Of a merge or a converted lead: record_key of the one that lives on.")
    ]
    version_stamp: Annotated[Micros, col("The source's own stamp of this version.")]
    version_fetched: Annotated[Micros, col("When this version was read, by the server's clock.")]
    version_digest: Annotated[str, col("Digest of the payload; breaks ties of the two stamps.")]
    attempt: Annotated[int, col("1, or higher where a dead letter was replayed.")]
    lane: Annotated[str, col("Way it came: live, backfill, import or replay.")]
    pipeline_version: Annotated[int, col("Version of the code that made the row, as a number.")]
    written_at: Annotated[
        Micros,
        col(
            "When the row was made, or written where that took long; one for all rows of a change."
        ),
    ]


def lineage(change: Change, written_at: int, pipeline_version: int) -> dict[str, object]:
    """The `Versioned` columns of a row that comes from `change`."""
    key = change.record_key
    return {
        "change_id": change.change_id,
        "source": change.source,
        "object_type": change.object_type,
        "object_id": change.object_id,
        "record_key": key,
        "is_deleted": change.operation != "upsert",
        "successor_key": f"{change.source}:{change.object_type}:{change.successor}"
        if change.successor
        else None,
        "version_stamp": change.stamp,
        "version_fetched": change.fetched,
        "version_digest": change.digest,
        "attempt": change.attempt,
        "lane": change.lane,
        "pipeline_version": pipeline_version,
        "written_at": written_at,
    }


class RawChange(Versioned, frozen=True, kw_only=True):
    """raw.changes: every accepted change with its exact payload."""

    operation: Annotated[str, col("upsert, delete or merge.")]
    message_id: Annotated[str, col("Pub/Sub's id of the message that carried the change.")]
    publish_time: Annotated[Micros, col("When the message was published.")]
    publish_date: Annotated[Days, col("Day of publish_time; the partition.")]
    content_type: Annotated[
        str, col("Media type of the payload; `erased` where an erasure has taken that.")
    ]
    dataref: Annotated[str | None, col("Claim check: where a payload above 7 MB lies.")] = None
    payload: Annotated[bytes, col("Exact bytes as the source gave them.", "content")] = b""


class Duplicate(Row, frozen=True, kw_only=True):
    """raw.duplicates: every message whose change had already been accepted."""

    message_id: Annotated[str, col("Pub/Sub's id of the duplicate message.")]
    change_id: Annotated[str, col("Id of the change that it repeated.")]
    source: Annotated[str, col("Source of the change.")]
    attempt: Annotated[int, col("Attempt of the change; a replay is no duplicate.")]
    publish_time: Annotated[Micros, col("When the duplicate was published.")]
    publish_date: Annotated[Days, col("Day of publish_time; the partition.")]
    written_at: Annotated[Micros, col("When it was recognised.")]


class Person(Versioned, frozen=True, kw_only=True):
    """sales.people: contacts, leads, users and whoever else a source keeps as a person."""

    given_name: Annotated[str | None, col("Given name.", "personal")] = None
    family_name: Annotated[str | None, col("Family name.", "personal")] = None
    full_name: Annotated[str | None, col("Name as the source shows it.", "personal")] = None
    title: Annotated[str | None, col("Job title.", "personal")] = None
    emails: Annotated[tuple[str, ...], col("E-mail addresses, canonical.", "identifier")] = ()
    phones: Annotated[tuple[str, ...], col("Phone numbers, E.164.", "identifier")] = ()
    organisation: Annotated[
        str | None, col("Name of the organisation, as on the record.", "personal")
    ] = None
    account_key: Annotated[str | None, col("record_key of the account it belongs to.")] = None
    owner_key: Annotated[str | None, col("record_key of the user who owns the record.")] = None
    linked_keys: Annotated[
        tuple[str, ...], col("record_keys that the source says are the same person.")
    ] = ()
    street: Annotated[str | None, col("Street and number.", "personal")] = None
    city: Annotated[str | None, col("City.", "personal")] = None
    region: Annotated[str | None, col("State or region.", "personal")] = None
    postal_code: Annotated[str | None, col("Postal code.", "personal")] = None
    country: Annotated[str | None, col("Country, as the source has it.", "personal")] = None
    status: Annotated[str | None, col("Lead status or lifecycle stage.")] = None
    is_internal: Annotated[bool, col("True for one of our own users.")] = False
    do_not_contact: Annotated[bool | None, col("Must not be contacted at all.")] = None
    email_opt_out: Annotated[bool | None, col("Has opted out of e-mail.")] = None
    do_not_call: Annotated[bool | None, col("Must not be called.")] = None
    created_at: Annotated[Micros | None, col("When the source made the record.")] = None
    extra: Annotated[Json | None, col("What the schema does not know.", "personal")] = None


class Account(Versioned, frozen=True, kw_only=True):
    """sales.accounts: organisations."""

    name: Annotated[str | None, col("Name of the organisation.")] = None
    domains: Annotated[tuple[str, ...], col("Internet domains, registrable part.")] = ()
    phones: Annotated[tuple[str, ...], col("Phone numbers, E.164.")] = ()
    street: Annotated[str | None, col("Street and number.")] = None
    city: Annotated[str | None, col("City.")] = None
    region: Annotated[str | None, col("State or region.")] = None
    postal_code: Annotated[str | None, col("Postal code.")] = None
    country: Annotated[str | None, col("Country, as the source has it.")] = None
    industry: Annotated[str | None, col("Industry, as the source has it.")] = None
    employees: Annotated[int | None, col("Number of employees.")] = None
    annual_revenue: Annotated[float | None, col("Annual revenue, in the source's currency.")] = None
    owner_key: Annotated[str | None, col("record_key of the user who owns the record.")] = None
    parent_key: Annotated[str | None, col("record_key of the parent account.")] = None
    linked_keys: Annotated[
        tuple[str, ...], col("record_keys that the source says are the same account.")
    ] = ()
    created_at: Annotated[Micros | None, col("When the source made the record.")] = None
    extra: Annotated[Json | None, col("What the schema does not know.", "personal")] = None


class Deal(Versioned, frozen=True, kw_only=True):
    """sales.deals: opportunities and deals."""

    name: Annotated[str | None, col("Name of the deal.", "content")] = None
    account_key: Annotated[str | None, col("record_key of the account.")] = None
    person_keys: Annotated[tuple[str, ...], col("record_keys of the people in the deal.")] = ()
    stage: Annotated[str | None, col("Stage, as the source names it.")] = None
    amount: Annotated[float | None, col("Amount, in `currency`.")] = None
    currency: Annotated[str | None, col("ISO 4217 code; null where the source gives none.")] = None
    close_date: Annotated[Days | None, col("Expected or actual day of closing.")] = None
    is_closed: Annotated[bool | None, col("Closed, won or lost.")] = None
    is_won: Annotated[bool | None, col("Closed and won.")] = None
    owner_key: Annotated[str | None, col("record_key of the user who owns the deal.")] = None
    linked_keys: Annotated[
        tuple[str, ...], col("record_keys that the source says are the same deal.")
    ] = ()
    created_at: Annotated[Micros | None, col("When the source made the record.")] = None
    extra: Annotated[Json | None, col("What the schema does not know.", "personal")] = None


class Interaction(Versioned, frozen=True, kw_only=True):
    """sales.interactions: e-mails, calls, messages, meetings, notes and tasks; parts as rows."""

    interaction_id: Annotated[
        str, col("The thing itself: copies of a mail and legs of a call share it.")
    ]
    part: Annotated[
        str,
        col(
            "Which part: message, call, leg, recap, transcript, recording, voicemail, event, "
            "meeting, note, task."
        ),
    ]
    kind: Annotated[str, col("email, call, sms, meeting, note or task.")]
    direction: Annotated[str, col("inbound, outbound, internal or unknown.")] = "unknown"
    occurred_at: Annotated[Micros | None, col("When it happened, as the source says.")] = None
    event_date: Annotated[Days, col("Day of occurred_at, clamped; the partition.")]
    thread_id: Annotated[str | None, col("Conversation, hashed: the same in every mailbox.")] = None
    message_id_header: Annotated[str | None, col("Message-ID header, without brackets.")] = None
    in_reply_to: Annotated[str | None, col("Message-ID that this one answers.")] = None
    subject: Annotated[str | None, col("Subject or title.", "content")] = None
    snippet: Annotated[str | None, col("First 200 characters of the text.", "content")] = None
    mailbox: Annotated[str | None, col("Mailbox that held this copy.", "identifier")] = None
    labels: Annotated[tuple[str, ...], col("Labels or folders of this copy.", "content")] = ()
    attachment_names: Annotated[tuple[str, ...], col("File names.", "content")] = ()
    is_bulk: Annotated[bool, col("Sent by a machine or to a list.")] = False
    is_draft: Annotated[bool, col("Not sent.")] = False
    duration_s: Annotated[float | None, col("Length of a call or meeting, in seconds.")] = None
    outcome: Annotated[str | None, col("Disposition of a call, status of a task.")] = None
    our_number: Annotated[str | None, col("Our side of a call, E.164.", "identifier")] = None
    owner_key: Annotated[str | None, col("record_key of our user who took part or owns it.")] = None
    person_keys: Annotated[
        tuple[str, ...], col("record_keys of people whom the source names (WhoId).")
    ] = ()
    account_keys: Annotated[tuple[str, ...], col("record_keys of accounts it is about.")] = ()
    deal_keys: Annotated[tuple[str, ...], col("record_keys of deals it is about.")] = ()
    defects: Annotated[
        tuple[str, ...], col("What was wrong with the input and how it was read, as short codes.")
    ] = ()
    extra: Annotated[Json | None, col("What the schema does not know.", "content")] = None


class Body(Versioned, frozen=True, kw_only=True):
    """sales.bodies: what was written, apart from the facts: restricted, and kept for less long.

    A version without a text has no row here; a text counts while the newest version of its
    interaction has its change_id.
    """

    interaction_id: Annotated[str, col("The interaction.")]
    part: Annotated[str, col("Which part of it, as in sales.interactions.")]
    event_date: Annotated[Days, col("Day of the interaction, clamped; the partition.")]
    mailbox: Annotated[
        str | None,
        col(
            "Mailbox that held this copy: whose text it is. Null of what is in none.", "identifier"
        ),
    ] = None
    body: Annotated[str, col("The text, without quoted history.", "content")]


class Transcript(Versioned, frozen=True, kw_only=True):
    """sales.transcripts: what was said in a call, restricted as bodies are.

    A version without words has no row here, as with bodies.
    """

    interaction_id: Annotated[str, col("The call.")]
    part: Annotated[str, col("Which part of it, as in sales.interactions.")]
    event_date: Annotated[Days, col("Day of the call, clamped; the partition.")]
    transcript: Annotated[str, col("All that was said, a line each, with who said it.", "content")]
    lines: Annotated[
        Json | None,
        col(
            "The lines in order: speaker, offset_s (seconds since the first line; null where no "
            "time is told), text. Null where the source gives one text only.",
            "content",
        ),
    ] = None


class Participant(Versioned, frozen=True, kw_only=True):
    """sales.participants: one identity key in one interaction. A version's rows are one set."""

    interaction_id: Annotated[str, col("The interaction.")]
    event_date: Annotated[Days, col("Day of the interaction, clamped; the partition.")]
    ordinal: Annotated[int, col("Place among the participants, from 0.")]
    role: Annotated[str, col("from, to, cc, bcc, reply_to, caller, callee, attendee or about.")]
    participant_key: Annotated[str, col("record_key under which identity.links knows them.")]
    email: Annotated[str | None, col("E-mail address, canonical.", "identifier")] = None
    phone: Annotated[str | None, col("Phone number, E.164.", "identifier")] = None
    display_name: Annotated[str | None, col("Name as shown in the interaction.", "personal")] = None
    is_internal: Annotated[bool, col("On our side.")] = False
    is_shared: Annotated[
        bool, col("A role mailbox, a switchboard or a machine: not one person.")
    ] = False


class Enrollment(Versioned, frozen=True, kw_only=True):
    """sales.enrollments: a person in a sequence of mails and tasks; its parts as rows.

    The record is the person's, for sources tell of enrolments with the contact. Of one that is
    gone sales.people has the tombstone.
    """

    enrollment_id: Annotated[
        str, col("Hash of person, sequence and moment of enrolment: its parts share it.")
    ]
    part: Annotated[
        str, col("status, as the person's record has it; detail, as the enrolment has it.")
    ]
    person_key: Annotated[str, col("record_key of the person who is enrolled.")]
    sequence_id: Annotated[str | None, col("Id of the sequence in its source.")] = None
    sequence_name: Annotated[str | None, col("Name of the sequence.")] = None
    enrolled_at: Annotated[Micros | None, col("When the person was enrolled.")] = None
    is_active: Annotated[
        bool | None, col("Enrolled when this version was read; null where it is not told.")
    ] = None
    ended_at: Annotated[Micros | None, col("When it ended; null while it lasts or unknown.")] = None
    end_reason: Annotated[str | None, col("finished or unenrolled; null where not told.")] = None
    enrolled_by: Annotated[str | None, col("Id of our user who enrolled the person.")] = None
    enrolled_by_email: Annotated[
        str | None, col("E-mail address of that user, canonical.", "identifier")
    ] = None
    to_email: Annotated[
        str | None, col("E-mail address that the sequence writes to, canonical.", "identifier")
    ] = None
    extra: Annotated[Json | None, col("What the schema does not know.", "personal")] = None
