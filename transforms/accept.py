"""The rows of an accepted change: its own row in raw.changes, and what Normalise made of it."""

from schemas.clock import DAY_US
from schemas.flow import Normalised, RowBatch
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
    return RowBatch((raw, *element.rows))
