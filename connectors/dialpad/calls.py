"""The stream of calls, live or backfilled."""

from collections.abc import Iterator

from connectors.cursors import Cursor
from connectors.dialpad.listing import CallList
from connectors.dialpad.records import excludes
from connectors.exclusions import Excluder
from connectors.stream import Page
from schemas.change import Lane


class CallStream:
    """Every leg of every call that has ended, each version once."""

    def __init__(self, name: str, calls: CallList, excluder: Excluder, lane: Lane = "live") -> None:
        self._name = name
        self._calls = calls
        self._excluder = excluder
        self._lane = lane

    @property
    def name(self) -> str:
        """As Stream."""
        return self._name

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream."""
        for page in self._calls.pages(cursor):
            made = [(one, one.change(page.read_at, self._lane)) for one in page.fresh]
            kept = tuple(
                change
                for record, change in made
                if not excludes(self._excluder, change, record.fields)
            )
            yield Page(kept, page.cursor, page.bad, len(made) - len(kept))
