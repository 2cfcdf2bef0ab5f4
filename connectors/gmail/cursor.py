"""Where a mailbox was read to.

History is read from an id that is settled: a record may come to the index seconds after records
with higher ids, and after an answer that named a higher id as the newest.
"""

from typing import Any

import msgspec

from connectors.cursors import Cursor
from connectors.gmail.history import number_of

MOST_HANDLED = 2_000
"""Record ids kept in a cursor; before them, all counts as settled."""
MICRO = 1_000_000


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In the middle of listing messages: the first reading, or after a gap in the history."""

    query: str
    page: str = ""
    again: bool = False
    """The messages may have been published before."""
    known: tuple[str, ...] = ()
    """Messages that are not to be read again."""


class MailboxCursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times in microseconds, by the server's clock; ids of history as text, for they are uint64."""

    settled: str
    """Where reading starts."""
    ahead: str
    """What will be settled once it was the newest long enough ago: it was at `ahead_at`."""
    ahead_at: int
    newest: str
    """The mailbox's own id as it was last told: a push that names no higher one tells nothing."""
    handled: tuple[str, ...] = ()
    """Records after `settled` whose messages are published."""
    missing: dict[str, int] = {}
    """Messages that the history names and that could not be read, since when."""
    page: str = ""
    """In the middle of the history since `settled`: the page to go on with."""
    target: str = ""
    """And the mailbox's id as its first page had it, at `target_at`."""
    target_at: int = 0
    listing: Listing | None = None
    listed_at: int = 0
    """When a listing began whose last messages may not have been in the index yet; 0: none."""
    recent: tuple[str, ...] = ()
    """Messages of about that time that were read."""

    def as_json(self) -> Cursor:
        """As it is stored."""
        stored: Cursor = msgspec.to_builtins(self)
        return stored

    def after(
        self, records: list[str], missing: dict[str, int], page: str, target: str, target_at: int
    ) -> "MailboxCursor":
        """After a page with more to follow."""
        return msgspec.structs.replace(
            self,
            handled=_newest((*self.handled, *records)),
            missing=missing,
            page=page,
            target=target,
            target_at=target_at,
        )

    def settle(
        self,
        records: list[str],
        missing: dict[str, int],
        target: str,
        target_at: int,
        overlap_s: int,
    ) -> "MailboxCursor":
        """After the last page. What was newest long enough ago is settled now."""
        handled = _newest((*self.handled, *records))
        settled, ahead, ahead_at = self.settled, self.ahead, self.ahead_at
        if target_at - ahead_at >= overlap_s * MICRO:
            settled, ahead, ahead_at = ahead, target, target_at
        if len(handled) >= MOST_HANDLED and number_of(handled[0]) > number_of(settled):
            settled = handled[0]
        handled = tuple(one for one in handled if number_of(one) > number_of(settled))
        return MailboxCursor(
            settled=settled,
            ahead=ahead,
            ahead_at=ahead_at,
            newest=target,
            handled=handled,
            missing=missing,
            listed_at=self.listed_at,
            recent=self.recent,
        )


NOWHERE = MailboxCursor(settled="", ahead="", ahead_at=0, newest="")
"""Of what is listed only."""


def _newest(records: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(records), key=number_of))[-MOST_HANDLED:]


def read_cursor(stored: dict[str, Any]) -> MailboxCursor:
    """The cursor as it was stored."""
    return msgspec.convert(stored, MailboxCursor)
