"""The rows of ops.quality: what a rule about a table said when it was checked."""

from typing import Annotated, Literal

from schemas.columns import Days, Micros, Row, col

Severity = Literal["warning", "error"]
"""error: we are wrong, or wrong figures are shown. warning: somebody should look at it."""

Measure = Literal["completeness", "accuracy", "timeliness"]
"""What a rule is about; the first two are summed up in a number each (docs/quality.md)."""


class RuleResult(Row, frozen=True, kw_only=True):
    """ops.quality: a row for every rule of every run, and one for each number that sums them up."""

    run_id: Annotated[str, col("The run of ops.runs that checked.")]
    rule_id: Annotated[str, col("The rule: table.column.kind; or completeness, accuracy.")]
    table_id: Annotated[str, col("Table that it is about; all for the two numbers.")]
    checked_at: Annotated[Micros, col("When it was checked.")]
    checked_date: Annotated[Days, col("Day of checked_at; the partition.")]
    measure: Annotated[str, col("completeness, accuracy or timeliness.")]
    severity: Annotated[str, col("error or warning.")]
    passed: Annotated[bool, col("Within its bound, or nothing there to check.")]
    value: Annotated[
        float | None,
        col(
            "Share of rows that fail, hours of age, or share by which a day departs from what is "
            "usual; of the two numbers the share that holds. Null where nothing was checked."
        ),
    ] = None
    bound: Annotated[
        float, col("The largest value that passes; of the two numbers the smallest.")
    ] = 0.0
    rows_checked: Annotated[int, col("Rows, or values, that were checked.")] = 0
    rows_failed: Annotated[int, col("Those of them that fail.")] = 0
    sample: Annotated[tuple[str, ...], col("record_key or id of up to five that fail.")] = ()
    message: Annotated[str, col("What was found and what to do, no content.")] = ""
