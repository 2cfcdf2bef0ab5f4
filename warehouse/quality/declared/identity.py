"""What is demanded of identity.*: that the partition is one, and refers to what there is."""

from warehouse.quality.rule import Holds, InRange, OneOf, Present, Refers, Required, Rule, Unique

RECORDS = "identity.records"
LINKS = "identity.links"
ENTITIES = "identity.entities"
CHANGES = "identity.changes"
OVERRIDES = "identity.overrides"

KINDS = ("person", "account")
BEHIND = "the resolver is behind or has failed: see the pipeline's log"
SETTLED = "TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), {}, MINUTE) >= 10"
"""What is older should have been resolved."""

RULES: tuple[Rule, ...] = (
    Unique(table=RECORDS, columns=("record_key",), severity="error"),
    OneOf(table=RECORDS, column="kind", words=KINDS, severity="error"),
    Required(table=RECORDS, column="version_digest", severity="error"),
    Refers(
        table=RECORDS,
        column="record_key",
        to=LINKS,
        where=SETTLED.format("written_at"),
        bound=0.001,
        severity="error",
        hint=BEHIND,
    ),
    Unique(table=LINKS, columns=("record_key",), severity="error"),
    OneOf(table=LINKS, column="kind", words=KINDS, severity="error"),
    Required(table=LINKS, column="entity_id", severity="error"),
    Required(table=LINKS, column="method", severity="error"),
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
    Unique(table=ENTITIES, columns=("entity_id",), severity="error"),
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
    Required(table=CHANGES, column="entity_id", severity="error"),
    OneOf(
        table=OVERRIDES,
        column="verdict",
        words=("same", "different", "withdrawn"),
        severity="error",
    ),
    Required(table=OVERRIDES, column="decided_by", severity="error"),
    Holds(table=OVERRIDES, called="keys.in_order", holds="left_key < right_key", severity="error"),
)
