"""Reads the streams of a source: publish a page, wait for Pub/Sub, move the cursor, next page.

A cursor never moves past what is not acknowledged by Pub/Sub; a stream that fails leaves the
others alone; what failed is never reported as success.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connectors.bad_input import bad_input_message
from connectors.cursors import CursorMoved, CursorStore, Lease, LeaseTaken
from connectors.publisher import ChangePublisher
from connectors.stream import Page, Stream
from schemas.errors import FatalError, SalesIntelError

log = logging.getLogger(__name__)

LEASE_S = 300.0
"""Renewed after a page, once a third of it has passed: each renewal waits for a disk, or for Cloud
Storage, which takes one write a second of an object. A page that takes longer than all of it may be
read by two pollers: both publish it, which is one change twice, and the first moves the cursor.
https://cloud.google.com/storage/quotas#objects"""

LISTING = "list of streams"
"""What failed where the source cannot say what there is to read."""


@dataclass
class Outcome:
    """What a round of polling brought about."""

    changes: int = 0
    bad: int = 0
    excluded: int = 0
    yielded: list[str] = field(default_factory=list)
    """Streams that another poller reads."""
    failures: dict[str, str] = field(default_factory=dict)
    """Stream to the class and words of what stopped it."""
    notes: Counter[str] = field(default_factory=Counter)
    stopped: bool = False
    """Asked to stop before it was through."""

    @property
    def succeeded(self) -> bool:
        """Nothing failed."""
        return not self.failures


class Poller:
    """One a process; `stop` may be called from a signal handler."""

    def __init__(
        self,
        cursors: CursorStore,
        publisher: ChangePublisher,
        *,
        holder: str | None = None,
        on_page: Callable[[Outcome], None] = lambda outcome: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cursors = cursors
        self._publisher = publisher
        self._holder = holder or uuid.uuid4().hex
        self._on_page = on_page
        self._monotonic = monotonic
        # No event: nobody waits for it, and one that is set in a signal handler may lock itself up.
        self._stopping = False

    def stop(self) -> None:
        """Ends after the page in hand, whose cursor is kept."""
        self._stopping = True

    def round(self, streams: Iterable[Stream], outcome: Outcome | None = None) -> Outcome:
        """Reads every stream to its present end. FatalError stops all; others stop their stream.

        `outcome` is filled as the round goes: whoever gives one has it where this raises, too.
        """
        outcome = Outcome() if outcome is None else outcome
        listed = iter(streams)
        while not outcome.stopped:
            stream = None
            try:
                stream = next(listed, None)
                if stream is None:
                    break
                if self._stopping:
                    outcome.stopped = True
                    break
                self._read(stream, outcome)
            except (LeaseTaken, CursorMoved):
                name = _name(stream)
                log.info("%s is read by another poller", name)
                outcome.yielded.append(name)
            except Exception as error:
                outcome.failures[_name(stream)] = reason = _reason(error)
                log.warning("%s failed: %s", _name(stream), reason)
                if isinstance(error, FatalError):
                    raise
        return outcome

    def take(self, page: Page, outcome: Outcome) -> None:
        """Publishes a page that is no stream's, waits until Pub/Sub has it, and counts it."""
        self._publish(page)
        self._count(page, outcome)

    def _read(self, stream: Stream, outcome: Outcome) -> None:
        since = self._monotonic()
        lease = self._cursors.lease(stream.name, self._holder, LEASE_S)
        try:
            stored = self._cursors.read(stream.name)
            generation = stored.generation
            for page in stream.pages(stored.cursor):
                self._publish(page)
                generation = self._cursors.write(stream.name, page.cursor, generation)
                self._count(page, outcome)
                if self._stopping:
                    outcome.stopped = True
                    return
                if (now := self._monotonic()) - since > LEASE_S / 3:
                    since = now
                    lease = self._cursors.lease(stream.name, self._holder, LEASE_S)
        finally:
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        try:
            self._cursors.release(lease)
        except Exception as error:
            # It runs out by itself; and it must not hide how the stream ended.
            log.warning("the lease of %s is not given back: %s", lease.name, _reason(error))

    def _publish(self, page: Page) -> None:
        for change in page.changes:
            self._publisher.publish(change)
        for bad in page.bad:
            self._publisher.publish_message(*bad_input_message(bad))
        self._publisher.flush()

    def _count(self, page: Page, outcome: Outcome) -> None:
        outcome.changes += len(page.changes)
        outcome.bad += len(page.bad)
        outcome.excluded += page.excluded
        outcome.notes.update(page.notes)
        self._on_page(outcome)


def _name(stream: Stream | None) -> str:
    return LISTING if stream is None else stream.name


def _reason(error: Exception) -> str:
    """Class and words; of an unexpected error the class alone, for its words may hold content."""
    words = str(error) if isinstance(error, SalesIntelError) else ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
