"""How late a row may come to its table, counted from the moment that it carries.

A compaction relies on it that all rows made before its mark are there. On one machine the low-water
mark of the source says so. Nothing of Dataflow's does: it acknowledges a message when it has it,
not when its rows are written, and a watermark, which is late itself and ends with its job, is not
held back by what comes behind it. So the writers keep to a bound, whatever job they belong to:

* a row that has waited for longer than `HELD_S` when the sink takes it is stamped anew;
* the sink sends nothing that it took more than `SENT_WITHIN_S` ago: its bundle fails, comes again,
  and what has become too old by then is stamped anew;
* a request ends with its stream, `STREAM_TIMEOUT_S` after that was opened.

A writer that is frozen in between, and goes on much later, adds a row that is there: its bundle has
long been done by another.
"""

from collections.abc import Sequence

import msgspec

from schemas.clock import Clock, wall_clock
from schemas.columns import Row, columns
from schemas.current import written_column
from schemas.tables import TABLES
from warehouse.storage_write import STREAM_TIMEOUT_S

HELD_S = 900.0
"""An outage of the warehouse, or a jam before the sink, is rarely as long."""
SENT_WITHIN_S = 300.0
"""Below the ten minutes after which a worker that does not move on is ended."""
MARGIN_S = 240.0
"""For clocks that differ, and for what a connection holds when it breaks."""
SETTLED_S = HELD_S + SENT_WITHIN_S + STREAM_TIMEOUT_S + MARGIN_S

_STAMPS = {
    table.row: name
    for table in TABLES
    if (name := written_column(table)) in {column.name for column in columns(table.row)}
}


def in_time(rows: Sequence[Row], now: int) -> list[Row]:
    """The rows of whole changes, with `now` (microseconds) as the moment of those that are too old.

    Rows of one change carry one moment, and keep to that.
    """
    oldest = now - int(HELD_S * 1_000_000)
    return [_fresh(row, oldest, now) for row in rows]


def _fresh(row: Row, oldest: int, now: int) -> Row:
    name = _STAMPS.get(type(row))
    if name is None or getattr(row, name) >= oldest:
        return row
    return msgspec.structs.replace(row, **{name: now})


def settled(clock: Clock = wall_clock) -> int:
    """The moment (microseconds) before which every row that was made is written, by now."""
    return clock() - int(SETTLED_S * 1_000_000)
