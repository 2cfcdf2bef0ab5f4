"""What is demanded of ops.*: that what operators go by is whole itself."""

from typing import get_args

from schemas.quality import Severity
from warehouse.quality.rule import (
    Filled,
    Fresh,
    Held,
    Holds,
    InOrder,
    InRange,
    OneOf,
    Past,
    Rule,
)

LETTERS = "ops.dead_letters"
RUNS = "ops.runs"
FIELDS = "ops.schema_changes"
COUNTS = "ops.source_counts"
QUALITY = "ops.quality"
ERASURES = "ops.erasures"

RULES: tuple[Rule, ...] = (
    *(
        Filled(table=LETTERS, column=column, severity="error")
        for column in ("stage", "error_type", "error_message")
    ),
    Holds(
        table=LETTERS,
        called="payload.present",
        holds="LENGTH(payload) > 0 OR payload_uri IS NOT NULL OR LENGTH(TO_JSON_STRING(attributes))"
        " > 2",
        # Of one that was erased, and of one that could not be read, nothing can be published again.
        where="topic IS NOT NULL",
        severity="error",
        hint="a dead letter without its bytes cannot be replayed",
    ),
    InRange(table=LETTERS, column="attempt", least=1, severity="error"),
    Past(table=LETTERS, column="failed_at", severity="error"),
    OneOf(
        table=RUNS,
        column="status",
        words=("running", "succeeded", "failed", "stopped"),
        severity="error",
    ),
    InOrder(table=RUNS, first="started_at", second="noted_at", severity="error"),
    Holds(
        table=RUNS,
        called="counts.range",
        holds="changes >= 0 AND skipped >= 0 AND failed >= 0",
        severity="error",
    ),
    Filled(table=RUNS, column="error_message", where="status = 'failed'", severity="error"),
    OneOf(table=FIELDS, column="event", words=("added", "gone", "retyped"), severity="error"),
    Filled(table=FIELDS, column="field", severity="error"),
    InRange(table=COUNTS, column="records", least=0, severity="error"),
    Holds(
        table=COUNTS,
        called="uncounted.none",
        holds="uncounted = 0",
        bound=0.05,
        hint="mailboxes that cannot be asked: salesintel doctor gmail",
    ),
    Fresh(table=COUNTS, column="counted_at", bound=36, hint="let salesintel nightly run"),
    Held(
        table=COUNTS,
        bound=0.02,
        hint="records are missing here, or are excluded: salesintel backfill fetches them",
    ),
    OneOf(table=QUALITY, column="severity", words=get_args(Severity), severity="error"),
    *(
        Filled(
            table=ERASURES,
            column=column,
            severity="error",
            hint="whoever was erased may come again: erase anew",
        )
        for column in ("erasure_id", "marks")
    ),
    Filled(table=ERASURES, column="asked_by", severity="error"),
    Past(table=ERASURES, column="asked_at", severity="error"),
    Holds(
        table=QUALITY, called="counts.range", holds="rows_failed <= rows_checked", severity="error"
    ),
)
