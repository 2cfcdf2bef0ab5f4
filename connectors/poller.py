"""Reads the streams of a source: publish a page, wait for Pub/Sub, move the cursor, next page.

A cursor never moves past what is not acknowledged by Pub/Sub; a stream that fails leaves the
others alone; what failed is never reported as success.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connectors.bad_input import bad_input_message
from connectors.cursors import CursorMoved, CursorStore, LeaseTaken
from connectors.publisher import ChangePublisher
from connectors.stream import Page, Stream
from schemas.errors import FatalError, SalesIntelError

log = logging.getLogger(__name__)

LEASE_S = 300.0


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
    ) -> None:
        self._cursors = cursors
        self._publisher = publisher
        self._holder = holder or uuid.uuid4().hex
        self._on_page = on_page
        self._stopping = False

    def stop(self) -> None:
        """Ends after the page in hand, whose cursor is kept."""
        self._stopping = True

    def round(self, streams: Iterable[Stream], outcome: Outcome | None = None) -> Outcome:
        """Reads every stream to its present end, and adds to `outcome`. FatalError stops all;
        others stop their stream."""
        outcome = Outcome() if outcome is None else outcome
        for stream in streams:
            if self._stopping:
                outcome.stopped = True
                break
            self.read(stream, outcome)
        return outcome

    def read(self, stream: Stream, outcome: Outcome) -> bool:
        """Reads one stream; whether it was read to its present end. FatalError stops all."""
        try:
            return self._read(stream, outcome)
        except (LeaseTaken, CursorMoved):
            log.info("%s is read by another poller", stream.name)
            outcome.yielded.append(stream.name)
        except FatalError:
            raise
        except SalesIntelError as error:
            self._failed(stream, error, str(error), outcome)
        except Exception as error:
            # Words of an unexpected error may hold content.
            self._failed(stream, error, "", outcome)
        return False

    def take(self, page: Page, outcome: Outcome) -> None:
        """Publishes a page, waits until Pub/Sub has it, and counts it."""
        self._publish(page)
        self._count(page, outcome)

    def _failed(self, stream: Stream, error: Exception, words: str, outcome: Outcome) -> None:
        reason = f"{type(error).__name__}: {words}" if words else type(error).__name__
        outcome.failures[stream.name] = reason
        log.warning("%s failed: %s", stream.name, reason)

    def _read(self, stream: Stream, outcome: Outcome) -> bool:
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
                    return False
                lease = self._cursors.lease(stream.name, self._holder, LEASE_S)
            return True
        finally:
            self._cursors.release(lease)

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
