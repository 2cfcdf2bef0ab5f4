"""Identity: what Resolve takes in (`IdentityRecord`) and the rows of identity.*."""

from typing import Annotated, Literal

import msgspec

from schemas.columns import Json, Micros, Row, col

WRITTEN_AT = "When the row was made, or written where that took long."
RESOLVED_AT = "When it was decided, or written where that took long."

Kind = Literal["person", "account"]


class IdentityRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One source record as the resolver sees it; missing fields are simply missing.

    Values are canonical already: `emails` as identifiers.email gives them, `phones` E.164,
    `domains` registrable. A participant of mails and calls is a record too, one per address
    (`gmail:address:<hash>`) or number (`dialpad:number:<hash>`), not one per interaction.
    """

    record_key: str
    kind: Kind
    stamp: int
    fetched: int
    digest: str
    deleted: bool = False
    successor: str = ""
    given_name: str = ""
    family_name: str = ""
    full_name: str = ""
    organisation: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    """record_keys that the source itself says are this one (converted lead, CRM foreign id)."""
    accounts: tuple[str, ...] = ()
    """Of a person: record_keys of the accounts that the source puts them in."""
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    birth_date: str = ""
    internal: bool = False
    shared: bool = False
    """A role mailbox, a switchboard, a bulk sender: never joins people by this alone."""
    identifiers: tuple[str, ...] = ()
    """Official ones, `type:value` as in `tax:123456789`: of one type, an owner has one."""

    @property
    def version(self) -> tuple[int, int, str]:
        """Newest wins, as for the change that the record comes from."""
        return (self.stamp, self.fetched, self.digest)


class StoredRecord(Row, frozen=True, kw_only=True):
    """identity.records: what Resolve was given, by record; Resolve is rebuilt from it."""

    record_key: Annotated[str, col("The record.")]
    kind: Annotated[str, col("person or account.")]
    version_stamp: Annotated[Micros, col("The source's own stamp of this version.")]
    version_fetched: Annotated[Micros, col("When this version was read.")]
    version_digest: Annotated[str, col("Digest of the payload.")]
    is_deleted: Annotated[bool, col("True for a tombstone.")]
    record: Annotated[Json, col("The record as Resolve takes it.", "identifier")]
    written_at: Annotated[Micros, col(WRITTEN_AT)]


class Link(Row, frozen=True, kw_only=True):
    """identity.links: which entity a record belongs to."""

    record_key: Annotated[str, col("The record.")]
    kind: Annotated[str, col("person or account.")]
    entity_id: Annotated[str | None, col("The entity; null once the record is gone.")]
    confidence: Annotated[float, col("Probability that the record belongs there, 0 to 1.")]
    method: Annotated[str, col("Strongest evidence: single, crm_id, email, phone, domain, name.")]
    is_deleted: Annotated[bool, col("True once the record is gone.")]
    revision: Annotated[int, col("Rises with every decision of the resolver; the newest counts.")]
    resolved_at: Annotated[Micros, col(RESOLVED_AT)]


class Entity(Row, frozen=True, kw_only=True):
    """identity.entities: a person or an account as resolved from all its records."""

    entity_id: Annotated[str, col("Stable id.")]
    kind: Annotated[str, col("person or account.")]
    display_name: Annotated[str | None, col("Name to show.", "personal")]
    primary_email: Annotated[str | None, col("Of a person: the address to show.", "identifier")]
    primary_domain: Annotated[str | None, col("Of an account: the domain to show.")]
    account_entity_id: Annotated[str | None, col("Of a person: the account it belongs to.")]
    account_confidence: Annotated[float | None, col("Probability of that, 0 to 1.")]
    is_internal: Annotated[bool, col("On our side.")]
    is_shared: Annotated[bool, col("A role mailbox or switchboard, not one person.")]
    record_count: Annotated[int, col("Number of records behind it.")]
    is_retired: Annotated[bool, col("True once no record is left or another took its place.")]
    successor_id: Annotated[str | None, col("Of a retired one: the entity that took its place.")]
    revision: Annotated[int, col("Rises with every decision of the resolver; the newest counts.")]
    resolved_at: Annotated[Micros, col(RESOLVED_AT)]


class EntityChange(Row, frozen=True, kw_only=True):
    """identity.changes: the feed of what happened to entities."""

    entity_id: Annotated[str, col("The entity that it happened to.")]
    kind: Annotated[str, col("person or account.")]
    what: Annotated[str, col("created, merged, split or retired.")]
    other_ids: Annotated[tuple[str, ...], col("The entities it came from or went into.")]
    reason: Annotated[str, col("record_key and evidence that brought it about.")]
    revision: Annotated[int, col("The resolver's decision.")]
    resolved_at: Annotated[Micros, col(RESOLVED_AT)]


class PairEvidence(Row, frozen=True, kw_only=True):
    """identity.evidence: why two records are one; the pairs of an entity hold all its records."""

    left_key: Annotated[str, col("A record; the smaller key of the two.")]
    right_key: Annotated[str, col("The other record; either may have been merged at its source.")]
    kind: Annotated[str, col("person or account.")]
    entity_id: Annotated[str | None, col("The entity of both; null once the pair holds nothing.")]
    probability: Annotated[float, col("That the two are one, by this evidence alone, 0 to 1.")]
    method: Annotated[str, col("decision, crm_id, email, phone, domain or name.")]
    fields: Annotated[Json, col("Bits by field, as an object; their sum is the evidence.")]
    is_deleted: Annotated[bool, col("True once the pair holds nothing together any more.")]
    revision: Annotated[int, col("Rises with every decision of the resolver; the newest counts.")]
    resolved_at: Annotated[Micros, col(RESOLVED_AT)]


class PairCandidate(Row, frozen=True, kw_only=True):
    """identity.candidates: two records that may be one and are not: for a person to decide."""

    left_key: Annotated[str, col("A record; the smaller key of the two.")]
    right_key: Annotated[str, col("The other record.")]
    kind: Annotated[str, col("person or account.")]
    left_entity_id: Annotated[str | None, col("Entity of the one; null once nothing is asked.")]
    right_entity_id: Annotated[str | None, col("Entity of the other; null likewise.")]
    probability: Annotated[float, col("That the two are one, by their own evidence, 0 to 1.")]
    why: Annotated[str, col("near, ambiguous, rule, outvoted; empty once nothing is asked.")]
    is_deleted: Annotated[bool, col("True once it is decided, joined or gone.")]
    revision: Annotated[int, col("Rises with every decision of the resolver; the newest counts.")]
    resolved_at: Annotated[Micros, col(RESOLVED_AT)]


class Override(Row, frozen=True, kw_only=True):
    """identity.overrides: what people decided about two records; the newest counts."""

    left_key: Annotated[str, col("A record; the smaller key of the two.")]
    right_key: Annotated[str, col("The other record.")]
    verdict: Annotated[str, col("same, different, or withdrawn: as if never decided.")]
    decided_at: Annotated[Micros, col("When it was decided.")]
    decided_by: Annotated[str, col("Who decided it.", "personal")]
    asked_left: Annotated[str, col("What was named: a record or an entity.")]
    asked_right: Annotated[str, col("What else was named.")]
    decision_id: Annotated[str, col("The same however often the decision is published.")]
    message_id: Annotated[str, col("Id that Pub/Sub gave the message.")]
    publish_time: Annotated[Micros, col("When Pub/Sub took the message.")]
    written_at: Annotated[Micros, col(WRITTEN_AT)]
