"""What is demanded of identity.*: that the partition is one, and refers to what there is."""

from warehouse.quality.rule import Filled, Holds, InRange, OneOf, Present, Refers, Rule

RECORDS = "identity.records"
LINKS = "identity.links"
ENTITIES = "identity.entities"
CHANGES = "identity.changes"
OVERRIDES = "identity.overrides"
EVIDENCE = "identity.evidence"
CANDIDATES = "identity.candidates"

KINDS = ("person", "account")
BEHIND = "the resolver is behind or has failed: see the pipeline's log"
SETTLED = "TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), {}, MINUTE) >= 10"
"""What is older should have been resolved."""

RULES: tuple[Rule, ...] = (
    OneOf(table=RECORDS, column="kind", words=KINDS, severity="error"),
    Filled(table=RECORDS, column="version_digest", severity="error"),
    Refers(
        table=RECORDS,
        column="record_key",
        to=LINKS,
        where=SETTLED.format("written_at"),
        bound=0.001,
        severity="error",
        hint=BEHIND,
    ),
    OneOf(table=LINKS, column="kind", words=KINDS, severity="error"),
    Filled(table=LINKS, column="entity_id", severity="error"),
    Filled(table=LINKS, column="method", severity="error"),
    InRange(table=LINKS, column="confidence", least=0.0, most=1.0, severity="error"),
    Refers(
        table=LINKS,
        column="entity_id",
        to=ENTITIES,
        to_column="entity_id",
        where=SETTLED.format("resolved_at"),
        severity="error",
        hint="a record belongs to nobody: salesintel rebuild",
    ),
    OneOf(table=ENTITIES, column="kind", words=KINDS, severity="error"),
    InRange(table=ENTITIES, column="record_count", least=1, severity="error"),
    InRange(table=ENTITIES, column="account_confidence", least=0.0, most=1.0, severity="error"),
    Present(
        table=ENTITIES,
        called="name.present",
        holds="COALESCE(display_name, primary_email, primary_domain, '') != ''",
        bound=0.2,
        hint="entities that nobody can tell apart: numbers without a name, as a rule",
    ),
    Refers(
        table=ENTITIES,
        column="entity_id",
        to=LINKS,
        to_column="entity_id",
        where=SETTLED.format("resolved_at"),
        severity="error",
        hint="an entity without a record should be retired: salesintel rebuild",
    ),
    Refers(
        table=ENTITIES,
        column="account_entity_id",
        to=ENTITIES,
        to_column="entity_id",
        where=SETTLED.format("resolved_at"),
        bound=0.001,
        severity="error",
        hint=BEHIND,
    ),
    OneOf(
        table=CHANGES,
        column="what",
        words=("created", "merged", "split", "retired"),
        severity="error",
    ),
    Filled(table=CHANGES, column="entity_id", severity="error"),
    OneOf(
        table=OVERRIDES,
        column="verdict",
        words=("same", "different", "withdrawn"),
        severity="error",
    ),
    Filled(table=OVERRIDES, column="decided_by", severity="error"),
    Holds(table=OVERRIDES, called="keys.in_order", holds="left_key < right_key", severity="error"),
    Holds(table=EVIDENCE, called="keys.in_order", holds="left_key < right_key", severity="error"),
    InRange(table=EVIDENCE, column="probability", least=0.0, most=1.0, severity="error"),
    Refers(
        table=EVIDENCE,
        column="entity_id",
        to=ENTITIES,
        to_column="entity_id",
        where=SETTLED.format("resolved_at"),
        severity="error",
        hint="a pair holds together what is no entity: salesintel rebuild",
    ),
    Holds(table=CANDIDATES, called="keys.in_order", holds="left_key < right_key", severity="error"),
    OneOf(
        table=CANDIDATES,
        column="why",
        words=("near", "ambiguous", "rule", "outvoted"),
        severity="error",
    ),
)
