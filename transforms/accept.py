"""The rows of an accepted change: its own row in raw.changes, and what Normalise made of it."""

from collections.abc import Iterator
from typing import cast

from schemas.change import FIRST_ATTEMPT, Change, Lane, Operation, Source
from schemas.clock import DAY_US
from schemas.columns import Row
from schemas.flow import Normalised, RowBatch
from schemas.operations import Replay
from schemas.records import RawChange, lineage
from schemas.version import PIPELINE_VERSION


def accepted_rows(element: Normalised, written_at: int) -> RowBatch:
    """All rows of one change, to be written together."""
    change, message_id, publish_time = (
        element.arrival.change,
        element.arrival.message_id,
        element.arrival.publish_time,
    )
    raw = RawChange(
        **lineage(change, written_at, PIPELINE_VERSION),  # type: ignore[arg-type]
        operation=change.operation,
        message_id=message_id,
        publish_time=publish_time,
        publish_date=publish_time // DAY_US,
        content_type=change.content_type,
        dataref=change.dataref or None,
        # A claim-checked payload stays where it is: the row could not hold it.
        payload=b"" if change.dataref else change.payload,
    )
    return RowBatch((raw, *_settling(raw), *element.rows))


def _settling(raw: RawChange) -> Iterator[Row]:
    """That the dead letters of earlier attempts are settled, told in a table of its own: nobody has
    to look for the few replays among all changes."""
    if raw.attempt > FIRST_ATTEMPT:
        yield Replay(
            change_id=raw.change_id,
            source=raw.source,
            attempt=raw.attempt,
            written_at=raw.written_at,
            written_date=raw.written_at // DAY_US,
        )


def change_of(raw: RawChange) -> Change:
    """The change that a row of raw.changes was made of; of a claim-checked one without payload."""
    successor = (raw.successor_key or "").split(":", 2)[-1]
    return Change(
        source=cast(Source, raw.source),
        object_type=raw.object_type,
        object_id=raw.object_id,
        operation=cast(Operation, raw.operation),
        stamp=raw.version_stamp,
        fetched=raw.version_fetched,
        payload=raw.payload,
        digest=raw.version_digest,
        content_type=raw.content_type,
        lane=cast(Lane, raw.lane),
        attempt=raw.attempt,
        successor=successor,
        dataref=raw.dataref or "",
    )
