"""Processes of ours in a soak: they end where they please, and others take over."""

import random
import threading
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from connectors.cursors import Cursor, CursorStore, Lease, Stored
from connectors.dialpad.client import DialpadClient
from connectors.dialpad.connector import DialpadConnector
from connectors.fetching import Fetcher, Reading
from connectors.gmail import GmailConnector
from connectors.hubspot import HubSpotConnector
from connectors.salesforce import SalesforceClient, SalesforceConnector
from connectors.secrets import SecretStore
from connectors.sources import LiveConnector, Sources
from connectors.stream import Page, Stream
from schemas.change import Source

PATIENCE_S = 1.5
"""How long an answer is waited for: servers here answer within milliseconds, or never."""


class Clock:
    """The time of a soak, for vendors and readers: whoever waits moves it on."""

    def __init__(self, start_us: int) -> None:
        self._lock = threading.Lock()
        self._start = self._us = start_us

    def __call__(self) -> int:
        return self._us

    def monotonic(self) -> float:
        return (self._us - self._start) / 1e6

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._us += int(seconds * 1e6)


class Killed(BaseException):
    """The process ends here: nothing of ours catches it."""


class MortalCursors:
    """Cursors of a process that ends when it has written so many times: before or after it has
    moved one, and without giving its lease back."""

    def __init__(self, store: CursorStore, life: int | None) -> None:
        self._store = store
        self._left = life
        self._written = life is not None and life % 2 == 0
        self.dead = False

    def read(self, name: str) -> Stored:
        return self._store.read(name)

    def write(self, name: str, cursor: Cursor, generation: int) -> int:
        if self._left is None:
            return self._store.write(name, cursor, generation)
        self._left -= 1
        if self._left > 0:
            return self._store.write(name, cursor, generation)
        self.dead = True
        if self._written:
            self._store.write(name, cursor, generation)
        raise Killed

    def lease(self, name: str, holder: str, ttl_s: float) -> Lease:
        return self._store.lease(name, holder, ttl_s)

    def release(self, lease: Lease) -> None:
        if not self.dead:
            self._store.release(lease)


class Gap(msgspec.Struct, frozen=True):
    """A mailbox's history was forgotten: what stands between the two ids nobody has told us."""

    stream: str
    after: int
    upto: int
    ahead_at: int


class Watched:
    """A stream whose gaps are noted."""

    def __init__(self, stream: Stream, gaps: list[Gap]) -> None:
        self._stream = stream
        self._gaps = gaps
        self.name = stream.name

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        last = cursor
        for page in self._stream.pages(cursor):
            if page.notes.get("history_gap") and last is not None:
                gap = Gap(
                    self.name, int(last["settled"]), int(page.cursor["newest"]), last["ahead_at"]
                )
                self._gaps.append(gap)
            last = page.cursor
            yield page


def watched(streams: Iterable[Stream], gaps: list[Gap]) -> Iterator[Stream]:
    return (Watched(one, gaps) for one in streams)


class WatchedFetcher:
    """A `Fetcher` whose streams' gaps are noted."""

    source: Source = "gmail"

    def __init__(self, fetcher: Fetcher, gaps: list[Gap]) -> None:
        self._fetcher = fetcher
        self._gaps = gaps

    def readings(self, hints: Sequence[bytes]) -> Iterator[Reading]:
        for one in self._fetcher.readings(hints):
            found = one.found
            yield one if isinstance(found, Page) else Reading(one.hints, Watched(found, self._gaps))


def hurried(sources: Sources) -> Sources:
    """Settings of readers that ask for more than the vendors allow, and wait for no answer long."""
    assert sources.gmail and sources.salesforce and sources.hubspot and sources.dialpad
    replace = msgspec.structs.replace
    return replace(
        sources,
        gmail=replace(
            sources.gmail,
            units_a_minute=3 * sources.gmail.units_a_minute,
            connect_and_read_s=PATIENCE_S,
        ),
        salesforce=replace(sources.salesforce, bulk_page_rows=10, read_s=PATIENCE_S),
        hubspot=replace(
            sources.hubspot,
            searches_per_s=10 * sources.hubspot.searches_per_s,
            calls_per_10_s=10 * sources.hubspot.calls_per_10_s,
            read_s=PATIENCE_S,
        ),
        dialpad=replace(
            sources.dialpad,
            company_per_s=10 * sources.dialpad.company_per_s,
            per_minute={name: 5 * most for name, most in sources.dialpad.per_minute.items()},
            details_per_round=30,
            read_s=PATIENCE_S,
        ),
    )


def connectors(sources: Sources, clock: Clock, seed: int) -> dict[str, LiveConnector]:
    """Those of a process that has just begun."""
    assert sources.gmail and sources.salesforce and sources.hubspot and sources.dialpad
    secrets, excluded = SecretStore(cloud=False), sources.exclusions
    monotonic, sleep, rng = clock.monotonic, clock.sleep, random.Random(seed)
    return {
        "gmail": GmailConnector(
            sources.gmail,
            secrets,
            excluded,
            clock=clock,
            monotonic=monotonic,
            sleep=sleep,
            rng=rng,
        ),
        "salesforce": SalesforceConnector(
            SalesforceClient(
                sources.salesforce, secrets, clock=clock, monotonic=monotonic, sleep=sleep, rng=rng
            ),
            excluded,
        ),
        "hubspot": HubSpotConnector(
            sources.hubspot, secrets, excluded, sleep=sleep, monotonic=monotonic, rng=rng
        ),
        "dialpad": DialpadConnector(
            sources.dialpad,
            DialpadClient(sources.dialpad, secrets, sleep=sleep, monotonic=monotonic, rng=rng),
            excluded,
        ),
    }
