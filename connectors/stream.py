"""What a source is to those who read it: streams, and of each the pages after a cursor.

A connector overrides `Stream.pages`; everything else is shared.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from schemas.change import Change, Source


class Page(NamedTuple):
    """What was read, and the cursor to go on from once all of it is published."""

    changes: tuple[Change, ...]
    cursor: Cursor
    bad: tuple[BadInput, ...] = ()
    excluded: int = 0
    """Records dropped by the exclusions."""
    notes: Mapping[str, int] = {}
    """Anything else worth counting: resyncs, gaps, fields that vanished."""


class Stream(Protocol):
    """One thing that is read by itself: a mailbox, an object of a CRM. Fails by itself, too."""

    @property
    def name(self) -> str:
        """Of its cursor: `salesforce/account`, `gmail/mailbox/<hash>`. Holds no address."""
        ...

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Pages after the cursor, None at first, until there is nothing more now.

        Every page's cursor is one to go on from. A generator: the next page is asked for when the
        last one's changes are published and its cursor is kept.
        """
        ...


class Connector(Protocol):
    """A source."""

    @property
    def source(self) -> Source:
        """Its name."""
        ...

    def streams(self, objects: Iterable[str] = ()) -> Iterable[Stream]:
        """What there is to read now, or of it what `objects` names."""
        ...
