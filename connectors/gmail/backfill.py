"""What lies before the first reading: messages received within a span, newest first.

Live reading goes on meanwhile; both publish the same changes of the same messages.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from connectors.cursors import Cursor
from connectors.exclusions import Exclusions
from connectors.gmail.client import MailboxClient
from connectors.gmail.cursor import NOWHERE, Listing, read_cursor
from connectors.gmail.mailbox import MailboxStream, mailbox_key
from connectors.gmail.record import Kept, Records
from connectors.stream import Page

MICRO = 1_000_000


class BackfillStream(MailboxStream):
    """One mailbox from `since` up to `until`, in microseconds since the epoch."""

    def __init__(
        self, address: str, client: MailboxClient, exclusions: Exclusions, since: int, until: int
    ) -> None:
        super().__init__(address, client, exclusions)
        self._records = Records(address, exclusions, lane="backfill")
        # Nobody comes back here for what cannot be read: it is asked for twice, and not at once.
        self._patience_us = self._settings.overlap_s * MICRO
        low, high = since // MICRO, -(-until // MICRO)
        # Gmail searches by the second: https://support.google.com/mail/answer/7190
        self._query = f"after:{low} before:{high}"
        self.name = f"gmail/backfill/{mailbox_key(address)}/{low}-{high}"

    def _pages(self, cursor: Cursor | None) -> Iterator[Page]:
        if self._records.needs_names:
            self._records.names = self._client.label_names()
        if cursor is None:
            self._cursor = replace(NOWHERE, listing=Listing(query=self._query))
        else:
            self._cursor = read_cursor(cursor)
        yield from self._missing()
        yield from self._listed()
        if self._cursor.missing:
            self._client.sleep(self._settings.overlap_s + 1)
            yield from self._missing()

    def _gone(self, kept: Kept, name: str, now: int) -> None:
        """Listed, and nowhere since. Nothing was told of it that would have to be taken back, or
        the live reading has told it, and tells its deletion too."""
        kept.note("gone")
