"""The rows of ops.*: dead letters, runs, erasures, sources, readers, and who did what."""

from typing import Annotated

from schemas.columns import Days, Json, Micros, Row, col
from schemas.records import Versioned


class DeadLetter(Row, frozen=True, kw_only=True):
    """ops.dead_letters: what could not be processed, with its exact bytes and the reason."""

    dead_letter_id: Annotated[str, col("Hash of message, stage and attempt: the same on a retry.")]
    failed_at: Annotated[Micros, col("When it failed.")]
    failed_date: Annotated[Days, col("Day of failed_at; the partition.")]
    stage: Annotated[str, col("Step that failed: import, decode, normalise, redact, write …")]
    error_type: Annotated[str, col("Class of the error.")]
    error_message: Annotated[str, col("What was wrong, where, and what to do.")]
    stack_trace: Annotated[str | None, col("Of an unexpected error, at most 8 KB.")] = None
    source: Annotated[str | None, col("Source, where it could be read.")] = None
    object_type: Annotated[str | None, col("Object type, where it could be read.")] = None
    object_id: Annotated[
        str | None, col("Object id, where it could be read; of an import, its file, hashed.")
    ] = None
    change_id: Annotated[str | None, col("Id of the change, where it could be read.")] = None
    message_id: Annotated[str | None, col("Pub/Sub's id of the message.")] = None
    publish_time: Annotated[Micros | None, col("When the message was published.")] = None
    attempt: Annotated[int, col("Attempt that failed.")]
    retriable: Annotated[bool, col("False where a replay without new code cannot help.")]
    pipeline_version: Annotated[int, col("Version of the code that failed, as a number.")]
    job_name: Annotated[str, col("Job or command that failed.")]
    topic: Annotated[str | None, col("Topic that a replay publishes to.")] = None
    attributes: Annotated[Json, col("Attributes of the message.", "personal")] = "{}"
    payload: Annotated[bytes, col("Exact original bytes.", "content")] = b""
    payload_uri: Annotated[str | None, col("Claim check of a payload too large for a row.")] = None
    table_id: Annotated[str | None, col("Of a row that a table refused: the table.")] = None


class Replay(Row, frozen=True, kw_only=True):
    """ops.replays: a change that was accepted as a replay, which settles its dead letters."""

    change_id: Annotated[str, col("Id of the change.")]
    source: Annotated[str, col("Source of the change.")]
    attempt: Annotated[int, col("Attempt that was accepted: above that of the letters it settles.")]
    written_at: Annotated[Micros, col("When the row was made.")]
    written_date: Annotated[Days, col("Day of written_at; the partition.")]


SILENT_S = 300.0
"""A run that has noted nothing for so long is over, killed or not: thirty heartbeats of a command,
five of a job of many workers. The views of ops have the same bound."""


class Run(Row, frozen=True, kw_only=True):
    """ops.runs: a start row, heartbeats and an end row for every run of a command or job."""

    run_id: Annotated[str, col("The run.")]
    command: Annotated[str, col("What ran: import, replay, rebuild, stream …")]
    status: Annotated[str, col("running, succeeded, failed, or stopped by hand.")]
    started_at: Annotated[Micros, col("When it started.")]
    noted_at: Annotated[Micros, col("When this row was made: start, heartbeat or end.")]
    noted_date: Annotated[Days, col("Day of noted_at; the partition.")]
    changes: Annotated[int, col("Changes published or processed so far.")]
    skipped: Annotated[int, col("Inputs left out on purpose so far.")]
    failed: Annotated[int, col("Inputs that became dead letters so far.")]
    detail: Annotated[Json | None, col("Parameters and counts, no personal data.")] = None
    error_message: Annotated[str | None, col("Of a failed run: why.")] = None


class SchemaChange(Versioned, frozen=True, kw_only=True):
    """ops.schema_changes: a field of an object that came, went or changed type at its source."""

    object_name: Annotated[str, col("Object that has the field, as its source names it.")]
    field: Annotated[str, col("Name of the field.")]
    event: Annotated[str, col("added, gone or retyped; gone is also what may no longer be read.")]
    type_before: Annotated[str | None, col("Its type before; null of one that is new.")] = None
    type_after: Annotated[str | None, col("Its type now; null of one that is gone.")] = None
    noticed_at: Annotated[Micros, col("When it was noticed, by the source's clock.")]
    noticed_date: Annotated[Days, col("Day of noticed_at; the partition.")]


class SourceCount(Row, frozen=True, kw_only=True):
    """ops.source_counts: how many records a source says it has, asked for once a night."""

    counted_at: Annotated[Micros, col("When the source had answered.")]
    counted_date: Annotated[Days, col("Day of counted_at; the partition.")]
    source: Annotated[str, col("Source that was asked.")]
    object_type: Annotated[str, col("Type of the objects, as changes name it.")]
    created_date: Annotated[
        Days | None, col("Day (UTC) on which they were made or began; null: all there are now.")
    ] = None
    records: Annotated[int, col("Records that are not deleted; those that we exclude, too.")]
    method: Annotated[str, col("How the source was asked: a count, a search, a whole list …")]
    uncounted: Annotated[
        int, col("Parts (mailboxes) that could not be asked: above 0, the records are too few.")
    ] = 0
    run_id: Annotated[str, col("The run of ops.runs that asked.")]


class Erasure(Row, frozen=True, kw_only=True):
    """ops.erasures: who must stay forgotten, as keyed hashes that name nobody.

    Everything that is written is held against it, and a restored backup, too.
    """

    erasure_id: Annotated[str, col("The erasure.")]
    part: Annotated[int, col("Place among the rows of one erasure, from 0.")]
    marks: Annotated[
        tuple[str, ...], col("Keyed hashes of the identifiers, records and interactions.")
    ]
    asked_at: Annotated[Micros, col("When it was asked for.")]
    asked_by: Annotated[str, col("Who asked for it.", "personal")]
    reason: Annotated[str, col("Case number or the like.")]
    is_lifted: Annotated[bool, col("True: what comes from then on is kept again.")]
    message_id: Annotated[str, col("Id that Pub/Sub gave the message.")]
    publish_time: Annotated[Micros, col("When Pub/Sub took the message.")]
    written_at: Annotated[Micros, col("When the row was made.")]


class Audit(Row, frozen=True, kw_only=True):
    """ops.audit: who asked for, looked at, changed, took out or erased what; a row at the end, and
    of what must not go unseen one before it begins."""

    audit_id: Annotated[str, col("What was done; its rows share it, and the newest counts.")]
    command: Annotated[str, col("query, explain, link, unlink, export-person, erase …")]
    actor: Annotated[str, col("Who did it: name of the account, or given.", "personal")]
    parameters: Annotated[
        Json,
        col("With what: views, ids, keyed hashes of addresses, questions as asked.", "personal"),
    ]
    outcome: Annotated[str, col("begun, succeeded, failed, or stopped by hand.")]
    error_type: Annotated[str | None, col("Class of the error, of what failed.")] = None
    rows_given: Annotated[int | None, col("Rows shown, written or erased.")] = None
    started_at: Annotated[Micros, col("When it began.")]
    noted_at: Annotated[Micros, col("When this row was made.")]
    noted_date: Annotated[Days, col("Day of noted_at; the partition.")]


class Reader(Row, frozen=True, kw_only=True):
    """ops.readers: who may read what was written in which mailbox; the newest row counts."""

    reader: Annotated[
        str, col("E-mail address that the reader signs in with, lower case.", "identifier")
    ]
    mailbox: Annotated[
        str, col("Mailbox, lower case; * is every one, and what is in none.", "identifier")
    ]
    granted_at: Annotated[Micros, col("When it was granted, or taken back.")]
    granted_by: Annotated[str, col("Who did it.", "personal")]
    revoked: Annotated[bool, col("True where it was taken back.")] = False
    written_at: Annotated[Micros, col("When the row was made.")]
