"""Hints answered: what they name is read whole and published, and only then are they done with.

No vendor is known here, nor where hints come from: a pull loop has them (connectors/hints.py), or a
push. Hints come late, twice and in any order; many of one object are answered by one reading.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from connectors.bad_input import BadInput
from connectors.poller import Outcome, Poller
from connectors.stream import Page, Stream
from schemas.change import Source
from schemas.errors import FatalError, RetriableError, SalesIntelError, SkippableError

log = logging.getLogger(__name__)

FAILURE = "hints"
"""Their name among the failures of an outcome: each of them by itself has none."""


class Reading(NamedTuple):
    """What some hints lead to: a page without a cursor, or a stream that the poller reads."""

    hints: tuple[bytes, ...]
    found: Page | Stream


class Fetcher(Protocol):
    """A source that reads what hints name."""

    @property
    def source(self) -> Source:
        """Its name."""
        ...

    def readings(self, hints: Sequence[bytes]) -> Iterable[Reading]:
        """Every hint is in one of them. What raises an error raises it for all."""
        ...


class PageFetcher:
    """A `Fetcher` of a source that reads all hints of a batch as one page."""

    def __init__(self, source: Source, fetch: Callable[[Sequence[bytes]], Page]) -> None:
        self.source: Source = source
        self._fetch = fetch

    def readings(self, hints: Sequence[bytes]) -> Iterator[Reading]:
        """As Fetcher."""
        yield Reading(tuple(hints), self._fetch(hints))


class Fetching:
    """Answers hints in batches; for one thread."""

    def __init__(self, fetcher: Fetcher, poller: Poller) -> None:
        self._fetcher = fetcher
        self._poller = poller

    def answer(self, hints: Iterable[bytes], outcome: Outcome) -> frozenset[bytes]:
        """Those that are done with: what they lead to is with Pub/Sub. The others are to be given
        back, and failures say why. FatalError stops all.

        Put those last that have failed before: then they do not take others with them.
        """
        batch = tuple(dict.fromkeys(hints))
        outcome.notes["hints"] += len(batch)
        done, error = self._tried(batch, outcome)
        if error is not None:
            done = self._divided(batch, error, outcome)
        if left := len(batch) - len(done):
            outcome.notes["hints_given_back"] += left
        return frozenset(done)

    def _tried(
        self, hints: tuple[bytes, ...], outcome: Outcome
    ) -> tuple[set[bytes], Exception | None]:
        done: set[bytes] = set()
        try:
            for reading in self._fetcher.readings(hints):
                if isinstance(reading.found, Page):
                    self._poller.take(reading.found, outcome)
                    done.update(reading.hints)
                elif self._was_read(reading.found, outcome):
                    done.update(reading.hints)
        except FatalError:
            raise
        except Exception as error:
            return done, error
        return done, None

    def _was_read(self, stream: Stream, outcome: Outcome) -> bool:
        """Whether it was read to its present end. Not while another poller has it: that one may be
        past what the hint tells of."""
        earlier = outcome.failures.pop(stream.name, None)
        yielded = len(outcome.yielded)
        self._poller.round([stream], outcome)
        failed = stream.name in outcome.failures
        if earlier is not None:
            outcome.failures.setdefault(stream.name, earlier)
        return not (failed or outcome.stopped or len(outcome.yielded) > yielded)

    def _divided(self, hints: tuple[bytes, ...], error: Exception, outcome: Outcome) -> set[bytes]:
        """Finds by halves what cannot be read, so that the rest is. Where both halves ask to try
        again later, it is the source that fails and no hint: it is left in peace."""
        if len(hints) == 1:
            return self._single(hints[0], error, outcome)
        middle = len(hints) // 2
        halves = hints[:middle], hints[middle:]
        tried = [self._tried(half, outcome) for half in halves]
        done = tried[0][0] | tried[1][0]
        if all(isinstance(one, RetriableError) for _, one in tried):
            _failed(error, outcome)
            return done
        for half, (some, again) in zip(halves, tried, strict=True):
            left = tuple(one for one in half if one not in some)
            if again is not None and left:
                done |= self._divided(left, again, outcome)
        return done

    def _single(self, hint: bytes, error: Exception, outcome: Outcome) -> set[bytes]:
        if not isinstance(error, SkippableError):
            _failed(error, outcome)
            return set()
        source = self._fetcher.source
        bad = BadInput(source, f"{source} hint", str(error), hint, "live")
        try:
            self._poller.take(Page((), {}, (bad,)), outcome)
        except RetriableError as unpublished:
            _failed(unpublished, outcome)
            return set()
        return {hint}


def _failed(error: Exception, outcome: Outcome) -> None:
    # Words of an unexpected error may hold content.
    words = f": {error}" if isinstance(error, SalesIntelError) else ""
    outcome.failures[FAILURE] = f"{type(error).__name__}{words}"
    log.warning("hints are given back: %s", outcome.failures[FAILURE])
