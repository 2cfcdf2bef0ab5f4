"""What a source is asked once a night: how many records it has, of each object."""

from collections.abc import Callable
from typing import NamedTuple


class Tally(NamedTuple):
    """Records that are there; `uncounted` parts (mailboxes) could not be asked."""

    records: int
    uncounted: int = 0


class Question(NamedTuple):
    """How many there are of an object, now in all, or made or begun on one day.

    `ask` makes the calls, and raises what they raise: of each object by itself.
    """

    object_type: str
    method: str
    """How the source is asked, for whoever wonders at a number."""
    ask: Callable[[], Tally]
    day: int | None = None
    """Days since the epoch, UTC; None: all that there are."""
