"""The stream of one mailbox: its history since the stored cursor, never since a pushed id.

A push names the mailbox's newest id; read from there, the answer is empty for ever.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from msgspec.structs import replace

from connectors.calls.breaker import CircuitOpen
from connectors.cursors import Cursor
from connectors.exclusions import Exclusions
from connectors.gmail.batch import Read, read_raw
from connectors.gmail.client import MailboxClient
from connectors.gmail.cursor import NOWHERE, Listing, MailboxCursor, read_cursor
from connectors.gmail.history import Events, events_of, number_of
from connectors.gmail.judge import NotThere, Rejected, Unreadable, legible
from connectors.gmail.record import Kept, Records, received_us
from connectors.stream import Page
from schemas.change import stable_hash
from schemas.clock import DAY_US
from schemas.errors import RetriableError

MICRO = 1_000_000
MOST_EMPTY = 50
"""Pages in a row without a record, each with a token for one more."""
MOST_REPEATS = 3
"""A page may come twice, and its token with it."""
HINT_WAITS_S = (1.0, 3.0, 10.0)
"""A push may come before what it tells of can be read; then the poller has it."""

Steps = Iterator[Page]
Move = Callable[[MailboxCursor], MailboxCursor]


def _still(cursor: MailboxCursor) -> MailboxCursor:
    return cursor


def mailbox_key(address: str) -> str:
    """What stands for a mailbox where no address may."""
    return stable_hash("mailbox", address.strip().lower())


class MailboxStream:
    """Reads one mailbox."""

    def __init__(self, address: str, client: MailboxClient, exclusions: Exclusions) -> None:
        self.name = f"gmail/mailbox/{mailbox_key(address)}"
        self._client = client
        self._settings = client.settings
        self._records = Records(address, exclusions)
        self._waits: list[float] = []
        self._patience_us = self._settings.gone_after_s * MICRO
        self._expected = 0
        self._cursor = NOWHERE

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: the first time the last `first_days`, then the history, and after a gap in
        the history what came since a little before it."""
        try:
            yield from self._pages(cursor)
        finally:
            self._client.rest()

    def _pages(self, cursor: Cursor | None) -> Steps:
        if self._records.needs_names:
            self._records.names = self._client.label_names()
        if cursor is None:
            yield self._listing_from(self._settings.first_days * DAY_US)
        else:
            self._cursor = read_cursor(cursor)
        yield from self._listed()
        waits = iter(self._waits)
        while True:
            yield from self._missing()
            before = self._cursor
            yield from self._history_or_resync()
            yield from self._late()
            wait = next(waits, None) if self._waits_for_more(before) else None
            if wait is None:
                return
            self._client.sleep(wait)

    def _waits_for_more(self, before: MailboxCursor) -> bool:
        nothing_new = before.handled == self._cursor.handled and bool(self._expected)
        return nothing_new or bool(self._cursor.missing)

    def _listing_from(self, back_us: int, since: int | None = None) -> Page:
        """Begins to list messages; where history goes on afterwards is asked for first."""
        profile = self._client.profile()
        now = self._client.now()
        newest = str(profile.get("historyId", ""))
        if not number_of(newest):
            raise Unreadable("gmail: a profile without its history id")
        start = (now if since is None else since) - back_us
        self._cursor = MailboxCursor(
            settled=newest,
            ahead=newest,
            ahead_at=now,
            newest=newest,
            missing=self._cursor.missing,
            listing=Listing(query=f"after:{max(0, start // MICRO)}", again=since is not None),
            listed_at=now,
        )
        return Page((), self._cursor.as_json())

    def _late(self) -> Steps:
        """What came just before a listing and was not in the index yet: the history goes on behind
        it, so that it is listed once more, when the index has settled."""
        listed_at, overlap_us = self._cursor.listed_at, self._settings.overlap_s * MICRO
        if not listed_at or self._client.now() - listed_at < overlap_us:
            return
        after, known = self._since_late(), self._cursor.recent
        listing = Listing(query=f"after:{after // MICRO}", again=True, known=known)
        self._cursor = replace(self._cursor, listing=listing, listed_at=0, recent=())
        yield from self._listed()

    def _since_late(self) -> int:
        return self._cursor.listed_at - 2 * self._settings.overlap_s * MICRO

    def _listed(self) -> Steps:
        restarted, asked = False, Counter[str]()
        while (listing := self._cursor.listing) is not None:
            try:
                answer = self._client.listed(listing.query, listing.page)
            except Rejected:
                if restarted or not listing.page:
                    raise
                restarted = True
                self._cursor = replace(self._cursor, listing=replace(listing, page=""))
                continue
            with legible():
                ids = [str(one["id"]) for one in answer.get("messages") or ()]
            ids = [one for one in ids if one not in listing.known]
            page = str(answer.get("nextPageToken") or "")
            asked[page] += 1
            if page and asked[page] > MOST_REPEATS:
                raise Unreadable("gmail: a list that goes round in a circle")
            rest = replace(listing, page=page) if page else None
            moved = partial(replace, listing=rest)
            yield from self._read(dict.fromkeys(ids, listing.again), Kept(), moved)

    def _read(self, wanted: dict[str, bool], last: Kept, moved: Move) -> Steps:
        """Reads messages, a call a page; those that cannot be read are missing from now on. With
        the last page go the changes in `last`, and the cursor is moved."""
        ids, size = list(wanted), self._settings.batch_size
        for start in range(0, max(len(ids), 1), size):
            read = read_raw(self._client, ids[start : start + size])
            at_last = read.stopped is not None or start + size >= len(ids)
            kept = last if at_last else Kept()
            left = set(ids[start:]).difference(read.found) if read.stopped else set()
            self._keep(read, left, wanted, kept)
            if at_last:
                self._cursor = moved(self._cursor)
            yield _page(kept, self._cursor)
            if read.stopped is not None:
                raise read.stopped

    def _keep(self, read: Read, left: set[str], wanted: dict[str, bool], kept: Kept) -> None:
        now, missing = self._client.now(), dict(self._cursor.missing)
        recent = dict.fromkeys(self._cursor.recent)
        for name, message in read.found.items():
            missing.pop(name, None)
            if self._cursor.listed_at and (received_us(message) or 0) >= self._since_late():
                recent[name] = None
            self._records.add(kept, name, message, now, wanted[name])
        for name in sorted(left):
            missing.setdefault(name, now)
        for name in (*read.gone, *read.failed):
            since = missing.setdefault(name, now)
            if now - since < self._patience_us:
                continue
            del missing[name]
            if name in read.gone:
                self._gone(kept, name, now)
            else:
                self._records.unreadable(kept, name, read.failed[name])
        self._cursor = replace(self._cursor, missing=missing, recent=tuple(recent))

    def _gone(self, kept: Kept, name: str, now: int) -> None:
        """Nowhere to be read, for as long as we have patience."""
        self._records.delete(kept, name, now)

    def _missing(self) -> Steps:
        if self._cursor.missing:
            yield from self._read(dict.fromkeys(self._cursor.missing, True), Kept(), _still)

    def _history_or_resync(self) -> Steps:
        try:
            yield from self._history()
            return
        except NotThere:
            page = self._listing_from(self._settings.resync_days * DAY_US, self._cursor.ahead_at)
        yield page._replace(notes={"history_gap": 1})
        yield from self._listed()
        try:
            yield from self._history()
        except NotThere:
            raise RetriableError("gmail: a history id of this moment is forgotten") from None

    def _history(self) -> Steps:
        empty, restarted, asked = 0, False, Counter[str]()
        while True:
            cursor = self._cursor
            try:
                answer = self._client.history(cursor.settled, cursor.page)
            except Rejected:
                if restarted or not cursor.page:
                    # Not even the id of a start: as if it were forgotten.
                    raise NotThere("gmail: a history id is refused") from None
                restarted = True
                self._cursor = replace(cursor, page="", target="", target_at=0)
                continue
            target, target_at = cursor.target, cursor.target_at
            if not cursor.page:
                # Of the first page: what changes while the others are read is read next time.
                target, target_at = str(answer.get("historyId", "")), self._client.now()
            if not number_of(target):
                raise Unreadable("gmail: a history without its id")
            if number_of(target) < number_of(cursor.settled):
                # As of a mailbox that was put back: what it counts anew would never be reached.
                raise NotThere("gmail: a history id is behind where it stood")
            with legible():
                events = events_of(answer, frozenset(cursor.handled))
            page = str(answer.get("nextPageToken") or "")
            empty = 0 if answer.get("history") else empty + 1
            asked[page] += 1
            if page and (empty > MOST_EMPTY or asked[page] > MOST_REPEATS):
                raise Unreadable("gmail: a history that does not end")
            moved = partial(self._moved, events, page, target, target_at)
            yield from self._read(events.read, self._deletions(events), moved)
            if not page:
                return

    def _deletions(self, events: Events) -> Kept:
        kept, now = Kept(), self._client.now()
        for name in sorted(events.deleted):
            self._records.delete(kept, name, now)
        if events.drafts:
            kept.note("drafts", events.drafts)
        return kept

    def _moved(
        self, events: Events, page: str, target: str, target_at: int, cursor: MailboxCursor
    ) -> MailboxCursor:
        missing = {k: v for k, v in cursor.missing.items() if k not in events.deleted}
        if page:
            return cursor.after(events.records, missing, page, target, target_at)
        overlap_s = self._settings.overlap_s
        return cursor.settle(events.records, missing, target, target_at, overlap_s)


class HintedStream(MailboxStream):
    """The same mailbox, read because a push said that it has changed."""

    def __init__(
        self,
        address: str,
        client: MailboxClient,
        exclusions: Exclusions,
        pushed: object,
        waits: tuple[float, ...] = HINT_WAITS_S,
    ) -> None:
        super().__init__(address, client, exclusions)
        self._expected = number_of(pushed)
        self._waits = list(waits)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Nothing where the push tells nothing new (pushes come twice, and late), where the mailbox
        was never read, or while it is left alone: the poller has it, and the push is done with."""
        if cursor is None or self._expected <= number_of(cursor["newest"]):
            return
        try:
            yield from super().pages(cursor)
        except RetriableError:
            try:
                self._client.breaker.check()
            except CircuitOpen:
                return
            raise


def _page(kept: Kept, cursor: MailboxCursor) -> Page:
    found: dict[str, Any] = {"excluded": kept.excluded, "notes": kept.notes}
    return Page(tuple(kept.changes), cursor.as_json(), tuple(kept.bad), **found)
