"""Every table, once: dataset, record class, partition, clustering, key and version order."""

from schemas.columns import Row, Table
from schemas.identity import (
    Entity,
    EntityChange,
    Link,
    Override,
    PairCandidate,
    PairEvidence,
    StoredRecord,
)
from schemas.operations import (
    Audit,
    DeadLetter,
    Erasure,
    Reader,
    Replay,
    Run,
    SchemaChange,
    SourceCount,
)
from schemas.quality import RuleResult
from schemas.records import (
    Account,
    Body,
    Deal,
    Duplicate,
    Enrollment,
    Interaction,
    Participant,
    Person,
    RawChange,
    Transcript,
)

VERSION_ORDER = (
    "version_stamp",
    "version_fetched",
    "version_digest",
    "pipeline_version",
    "written_at",
)
"""Newest wins; a replay after a parser fix wins by the last two."""

DATASETS = {
    "raw": "Changes as the sources gave them. Restricted and short-lived.",
    "sales": "People, accounts, deals and every interaction with them.",
    "identity": "Which records are the same person or account, and why.",
    "ops": "Dead letters, runs, counts, health: what the engineer on call reads.",
}

TABLES: tuple[Table, ...] = (
    Table(
        "raw",
        "changes",
        RawChange,
        "Every accepted change with its exact payload.",
        partition="publish_date",
        cluster=("source", "object_type", "object_id"),
        key=("record_key",),
        order=VERSION_ORDER,
        retention="raw",
    ),
    Table(
        "raw",
        "duplicates",
        Duplicate,
        "Every message whose change had already been accepted.",
        partition="publish_date",
        cluster=("source", "change_id"),
        retention="raw",
    ),
    Table(
        "sales",
        "people",
        Person,
        "Contacts, leads and users of every source.",
        cluster=("record_key",),
        key=("record_key",),
        order=VERSION_ORDER,
    ),
    Table(
        "sales",
        "accounts",
        Account,
        "Organisations of every source.",
        cluster=("record_key",),
        key=("record_key",),
        order=VERSION_ORDER,
    ),
    Table(
        "sales",
        "deals",
        Deal,
        "Opportunities and deals of every source.",
        cluster=("record_key",),
        key=("record_key",),
        order=VERSION_ORDER,
    ),
    Table(
        "sales",
        "interactions",
        Interaction,
        "E-mails, calls, messages, meetings, notes and tasks; the parts of one thing as rows.",
        partition="event_date",
        cluster=("kind", "interaction_id"),
        key=("record_key", "part"),
        order=VERSION_ORDER,
        retention="facts",
    ),
    Table(
        "sales",
        "participants",
        Participant,
        "Who took part in which interaction.",
        partition="event_date",
        cluster=("participant_key", "interaction_id"),
        key=("record_key",),
        order=VERSION_ORDER,
        partset=True,
        retention="facts",
    ),
    Table(
        "identity",
        "records",
        StoredRecord,
        "What the resolver was given, by record; its state is rebuilt from here.",
        cluster=("record_key",),
        key=("record_key",),
        order=("version_stamp", "version_fetched", "version_digest", "written_at"),
    ),
    Table(
        "identity",
        "links",
        Link,
        "Which entity a record belongs to.",
        cluster=("record_key",),
        key=("record_key",),
        order=("revision",),
    ),
    Table(
        "identity",
        "entities",
        Entity,
        "People and accounts as resolved from all their records.",
        cluster=("entity_id",),
        key=("entity_id",),
        order=("revision",),
    ),
    Table(
        "identity",
        "changes",
        EntityChange,
        "What happened to entities: created, merged, split, retired.",
        cluster=("entity_id",),
    ),
    Table(
        "ops",
        "dead_letters",
        DeadLetter,
        "What could not be processed, with its exact bytes and the reason.",
        partition="failed_date",
        cluster=("stage", "error_type"),
        key=("dead_letter_id",),
        order=("failed_at",),
        retention="dead_letters",
    ),
    Table(
        "ops",
        "runs",
        Run,
        "Start, heartbeat and end of every run of a command or job.",
        partition="noted_date",
        cluster=("command", "run_id"),
        key=("run_id",),
        order=("noted_at",),
        retention="operations",
    ),
    # New tables at the end: rows on their way in a running job are named by their place here.
    Table(
        "sales",
        "enrollments",
        Enrollment,
        "Who is or was in which sequence.",
        cluster=("person_key", "enrollment_id"),
        key=("enrollment_id", "part"),
        order=VERSION_ORDER,
    ),
    Table(
        "ops",
        "schema_changes",
        SchemaChange,
        "Fields of the sources' objects that came, went or changed type.",
        partition="noticed_date",
        cluster=("source", "object_name"),
        key=("record_key", "field"),
        order=VERSION_ORDER,
        retention="operations",
    ),
    Table(
        "ops",
        "source_counts",
        SourceCount,
        "How many records each source says it has, each night: what our rows are held against.",
        partition="counted_date",
        cluster=("source", "object_type"),
        key=("source", "object_type", "created_date"),
        order=("counted_at",),
        retention="operations",
    ),
    Table(
        "identity",
        "overrides",
        Override,
        "What people decided about two records: the same, different, or withdrawn.",
        cluster=("left_key", "right_key"),
        key=("left_key", "right_key"),
        order=("decided_at", "decision_id"),
    ),
    Table(
        "ops",
        "erasures",
        Erasure,
        "Who must stay forgotten: keyed hashes, held against everything that is written.",
        cluster=("erasure_id",),
        key=("erasure_id", "part"),
        order=("asked_at",),
    ),
    Table(
        "ops",
        "quality",
        RuleResult,
        "What each rule about a table said when it was checked.",
        partition="checked_date",
        cluster=("table_id", "rule_id"),
        key=("rule_id",),
        order=("checked_at",),
        retention="operations",
    ),
    Table(
        "ops",
        "audit",
        Audit,
        "Who asked, looked, decided, took out or erased what, and when.",
        partition="noted_date",
        cluster=("command", "actor"),
        key=("audit_id",),
        order=("noted_at",),
        retention="audit",
    ),
    Table(
        "sales",
        "bodies",
        Body,
        "What was written in interactions. Restricted: each reader to his mailboxes.",
        partition="event_date",
        cluster=("interaction_id",),
        key=("record_key", "part"),
        order=VERSION_ORDER,
        retention="bodies",
    ),
    Table(
        "sales",
        "transcripts",
        Transcript,
        "What was said in calls. Restricted as bodies are.",
        partition="event_date",
        cluster=("interaction_id",),
        key=("record_key", "part"),
        order=VERSION_ORDER,
        retention="bodies",
    ),
    Table(
        "ops",
        "readers",
        Reader,
        "Who may read what was written in which mailbox; the newest row of the two counts.",
        cluster=("reader",),
        key=("reader", "mailbox"),
        order=("granted_at", "written_at"),
    ),
    Table(
        "identity",
        "evidence",
        PairEvidence,
        "Why records are one: of each entity the strongest pairs that hold all its records.",
        cluster=("entity_id", "left_key"),
        key=("left_key", "right_key"),
        order=("revision",),
    ),
    Table(
        "identity",
        "candidates",
        PairCandidate,
        "Pairs of records that may be one and are not, a few of each: for a person to decide.",
        cluster=("left_key", "right_key"),
        key=("left_key", "right_key"),
        order=("revision",),
    ),
    Table(
        "ops",
        "replays",
        Replay,
        "Every change that was accepted as a replay: what settles its dead letters.",
        partition="written_date",
        cluster=("change_id",),
        retention="dead_letters",
    ),
)

BY_ROW: dict[type[Row], Table] = {table.row: table for table in TABLES}
BY_ID: dict[str, Table] = {table.id: table for table in TABLES}


def latest_sql(table: Table, source: str) -> str:
    """The query of a table's latest rows; `source` is the quoted table reference to read.

    A tombstone is a latest row too: views decide what to do with it.
    """
    order = ", ".join(f"{column} DESC" for column in table.order)
    keys = ", ".join(table.key)
    if not table.partset:
        newest = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
        return f"SELECT * FROM {source} WHERE TRUE QUALIFY {newest}"  # noqa: S608 (own names)
    newest = f"RANK() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
    once = f"ROW_NUMBER() OVER (PARTITION BY {keys}, ordinal ORDER BY {order}) = 1"
    both = f"{newest} AND {once}"
    return f"SELECT * FROM {source} WHERE TRUE QUALIFY {both}"  # noqa: S608 (own names)
