"""What is demanded of raw.*: whole envelopes, and no more copies than retries make."""

from schemas.change import LANES, OPERATIONS, SOURCES
from transforms.forget import ERASED
from warehouse.quality.rule import (
    Filled,
    Fresh,
    Holds,
    InOrder,
    OneOf,
    Past,
    Rule,
    SteadyVolume,
    Unique,
)

CHANGES = "raw.changes"
DUPLICATES = "raw.duplicates"

RULES: tuple[Rule, ...] = (
    *(
        Filled(table=CHANGES, column=column, severity="error", hint="see pipelines/graph.py")
        for column in ("change_id", "record_key", "message_id", "version_digest")
    ),
    Holds(
        table=CHANGES,
        called="payload.present",
        holds="LENGTH(payload) > 0 OR dataref IS NOT NULL",
        where=f"operation = 'upsert' AND content_type != '{ERASED}'",
        severity="error",
        hint="a change without its record cannot be rebuilt: backfill these records",
    ),
    OneOf(table=CHANGES, column="source", words=SOURCES, severity="error"),
    OneOf(table=CHANGES, column="operation", words=OPERATIONS, severity="error"),
    OneOf(table=CHANGES, column="lane", words=LANES, severity="error"),
    InOrder(table=CHANGES, first="publish_time", second="written_at", bound=0.001),
    Past(
        table=CHANGES,
        column="version_stamp",
        bound=0.001,
        hint="a stamp in the future hides every later version of its record",
    ),
    Unique(
        table=CHANGES,
        columns=("message_id", "attempt"),
        bound=0.05,
        hint="bundles are retried often: see the pipeline's log",
    ),
    Fresh(table=CHANGES, column="written_at", bound=72, hint="nothing comes in: salesintel status"),
    SteadyVolume(
        table=CHANGES, bound=0.75, hint="see which source: salesintel query ops.freshness"
    ),
    *(
        Filled(table=DUPLICATES, column=column, severity="error")
        for column in ("message_id", "change_id")
    ),
    OneOf(table=DUPLICATES, column="source", words=SOURCES, severity="error"),
    InOrder(table=DUPLICATES, first="publish_time", second="written_at", bound=0.001),
)
