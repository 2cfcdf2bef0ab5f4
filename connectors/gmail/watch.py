"""Pushes are asked for again each day: a watch ends by itself after a week.

https://developers.google.com/workspace/gmail/api/guides/push
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.cursors import Cursor, CursorStore
from connectors.finding import Finding
from connectors.gmail.client import MailboxClient
from connectors.gmail.judge import legible
from connectors.gmail.mailbox import mailbox_key
from connectors.stream import Page
from schemas.clock import DAY_US, Clock
from schemas.errors import RetriableError, SalesIntelError

log = logging.getLogger(__name__)

RENEW_US = DAY_US
BEFORE_END_US = 2 * DAY_US
ALARM_US = 3 * DAY_US


class WatchLapsed(RetriableError):
    """No renewal has succeeded for three days: pushes are about to end, polling goes on."""


def overdue(stored: Cursor | None, now: int) -> bool:
    """Whether a mailbox's watch has not been renewed for so long that somebody should look."""
    return stored is not None and now - int(stored["renewed_at"]) > ALARM_US


def _due(stored: Cursor | None, topic: str, now: int) -> bool:
    if stored is None or stored.get("topic") != topic:
        return True
    left = int(stored["expiration"]) * 1_000 - now
    return now - int(stored["renewed_at"]) >= RENEW_US or left < BEFORE_END_US


def lapsing(
    addresses: Iterable[str], topic: str, cursors: CursorStore, now: int
) -> Iterator[Finding]:
    """A finding for each way in which watches are about to fail, with how many mailboxes it is:
    the next round of polling should have renewed them."""
    found: Counter[str] = Counter()
    for address in addresses:
        fault = _fault(cursors.read(watch_name(address)).cursor, topic, now)
        if fault:
            found[fault] += 1
    for fault, mailboxes in sorted(found.items()):
        words = f"{mailboxes} mailbox{'es' if mailboxes > 1 else ''}: {fault}"
        fix = "salesintel poll gmail renews them: see that it runs, and which gmail/watch it fails"
        yield Finding("gmail pushes", False, words, fix)


def _fault(stored: Cursor | None, topic: str, now: int) -> str:
    if stored is None:
        return "no watch was ever set up"
    if stored.get("topic") != topic:
        return "the watch is for another topic"
    left = int(stored["expiration"]) * 1_000 - now
    if left <= 0:
        return "the watch has ended"
    if left < BEFORE_END_US or overdue(stored, now):
        return "the watch ends soon, and was not renewed for days"
    return ""


def watch_name(address: str) -> str:
    """Name of a mailbox's stream, and of its cursor."""
    return f"gmail/watch/{mailbox_key(address)}"


class WatchStream:
    """A stream without changes: what it keeps is until when pushes are sent. As a stream it fails
    by itself, and leaves the other mailboxes alone.

    What is due is judged by our clock: nothing is read by it.
    """

    def __init__(self, address: str, client: MailboxClient, clock: Clock) -> None:
        self.name = watch_name(address)
        self._client = client
        self._clock = clock

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Renews where it is due; WatchLapsed where that has failed for three days."""
        settings, now = self._client.settings, self._clock()
        if not _due(cursor, settings.topic, now):
            return
        try:
            if cursor is not None and cursor.get("topic") != settings.topic:
                # Gmail keeps one watch a mailbox and project, and refuses another beside it.
                self._client.stop()
            answer = self._client.watch(settings.topic, settings.watch_excludes)
        except SalesIntelError as error:
            if overdue(cursor, now):
                log.error("%s: no watch could be had for three days", self.name)
                raise WatchLapsed(f"no renewal for three days: {error}") from error
            raise
        with legible():
            expiration = int(str(answer["expiration"]))
        kept: dict[str, Any] = {
            "topic": settings.topic,
            "expiration": expiration,
            "renewed_at": now,
        }
        yield Page((), kept, notes={"watches_renewed": 1})
