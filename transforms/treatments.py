"""What an erasure does to each table: declared here, for every one that there is."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Way = Literal["changes", "records", "texts", "nobody"]
"""changes: the rows of a change are written again without the person, then the old ones deleted.
records: rows that are about a record of the person are deleted, tombstones too.
texts: columns that name the person are emptied in place; an entity's own rows are deleted.
nobody: the table cannot name anybody; it is searched all the same."""


class Treatment(NamedTuple):
    """The way, and why; `row` are the columns that tell one row of a `texts` table from another."""

    way: Way
    why: str
    row: tuple[str, ...] = ()


_FACTS = "the fact stays for the others in it, without the person and without what was written"

TREATMENTS: Mapping[str, Treatment] = {
    "raw.changes": Treatment("changes", "the account of messages stays, the payload goes"),
    "raw.duplicates": Treatment("nobody", "ids and times of messages"),
    "sales.people": Treatment("changes", "the person's own versions go"),
    "sales.accounts": Treatment("changes", "an organisation stays, a name or number in it goes"),
    "sales.deals": Treatment("changes", _FACTS),
    "sales.interactions": Treatment("changes", _FACTS),
    "sales.participants": Treatment("changes", _FACTS),
    "sales.enrollments": Treatment("changes", "the person's own enrolments go"),
    "sales.bodies": Treatment("changes", "what was written in a thing of theirs goes whole"),
    "sales.transcripts": Treatment("changes", "what was said in a call of theirs goes whole"),
    "identity.records": Treatment("records", "the resolver starts from here"),
    "identity.links": Treatment("records", "names a record of the person"),
    "identity.entities": Treatment("texts", "name and address", ("entity_id", "revision")),
    "identity.changes": Treatment("texts", "reasons name records", ("entity_id", "revision")),
    "identity.overrides": Treatment("records", "a decision on a record of the person"),
    "identity.evidence": Treatment("records", "why a record of the person was one with others"),
    "identity.candidates": Treatment("records", "what a record of the person may be"),
    "ops.dead_letters": Treatment("texts", "payload and attributes go", ("dead_letter_id",)),
    "ops.replays": Treatment("nobody", "ids of changes, and times"),
    "ops.runs": Treatment("texts", "details may name a record", ("run_id", "noted_at")),
    "ops.schema_changes": Treatment("nobody", "fields of the sources' objects"),
    "ops.source_counts": Treatment("nobody", "counts"),
    "ops.erasures": Treatment("nobody", "keyed hashes: they must stay, and name nobody"),
    "ops.readers": Treatment("texts", "a colleague's address", ("reader", "mailbox", "granted_at")),
    "ops.audit": Treatment("texts", "SQL as asked may name anybody", ("audit_id", "noted_at")),
    "ops.quality": Treatment("texts", "samples name records", ("rule_id", "checked_at")),
}
"""By table id."""
