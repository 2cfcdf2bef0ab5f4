"""What was written or said, among the rows of a change."""

from collections.abc import Iterable

from schemas.columns import Row
from schemas.records import Body, Transcript


def text_of(rows: Iterable[Row]) -> str | None:
    """The one text; None where there is none."""
    found = [row.body for row in rows if isinstance(row, Body)]
    found += [row.transcript for row in rows if isinstance(row, Transcript)]
    return found[0] if found else None
