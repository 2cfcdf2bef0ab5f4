"""Rows of how a sales organisation's data came: what the operators' views are timed over."""

from collections.abc import Callable, Iterator, Sequence

from schemas.clock import DAY_US
from schemas.columns import Row
from schemas.operations import DeadLetter, Run, SourceCount
from schemas.records import Duplicate, RawChange


def operations_rows(
    raw: Sequence[RawChange], past: Callable[[], int], people: int, now: int
) -> Iterator[list[Row]]:
    """What came, came twice, failed and ran; `past` gives moments, `now` is in microseconds."""
    twice: list[Row] = [
        Duplicate(
            message_id=f"d{number}",
            change_id=one.change_id,
            source=one.source,
            attempt=1,
            publish_time=one.publish_time,
            publish_date=one.publish_date,
            written_at=one.written_at,
        )
        for number, one in enumerate(raw[::10])
    ]
    letters: list[Row] = [
        DeadLetter(
            dead_letter_id=f"l{number}",
            failed_at=one.written_at,
            failed_date=one.written_at // DAY_US,
            stage="normalise",
            error_type="InvalidPayload",
            error_message="no id",
            source=one.source,
            change_id=f"lost{number}",
            message_id=f"f{number}",
            attempt=1,
            retriable=False,
            pipeline_version=1,
            job_name="stream",
        )
        for number, one in enumerate(raw[::1_000])
    ]
    runs: list[Row] = []
    for number in range(2_000):
        began = past()
        for status, later in (("running", 0), ("running", 10), ("succeeded", 15)):
            noted = began + later * 1_000_000
            runs.append(
                Run(
                    run_id=f"r{number}",
                    command=("poll", "nightly", "replay")[number % 3],
                    status=status,
                    started_at=began,
                    noted_at=noted,
                    noted_date=noted // DAY_US,
                    changes=later,
                    skipped=0,
                    failed=0,
                )
            )
    counted: list[Row] = [
        SourceCount(
            counted_at=now - ago * DAY_US,
            counted_date=now // DAY_US - ago,
            source="salesforce",
            object_type="contact",
            records=people,
            method="COUNT()",
            run_id="r0",
        )
        for ago in range(30)
    ]
    yield from (list[Row](raw), twice, letters, runs, counted)
