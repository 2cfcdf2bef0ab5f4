"""HubSpot as a source."""

import random
import time
from collections.abc import Callable, Iterable, Iterator

from connectors.calls import Budget, RetryPolicy
from connectors.cursors import CursorStore
from connectors.exclusions import Excluder, Exclusions
from connectors.finding import Finding
from connectors.hubspot.archived import ArchivedSweep
from connectors.hubspot.client import HubSpot
from connectors.hubspot.counts import counts, questions
from connectors.hubspot.fetch import Fetcher
from connectors.hubspot.kinds import KINDS, OWNER, Kind
from connectors.hubspot.lanes import BackfillLane, DelayedLane, RealtimeLane
from connectors.hubspot.owners import Owners
from connectors.hubspot.properties import Properties, PropertiesStream
from connectors.hubspot.records import RecordReader
from connectors.hubspot.settings import HubSpotSettings
from connectors.questions import Question
from connectors.secrets import Secrets
from connectors.stream import Stream
from schemas.change import Source
from schemas.errors import ConfigurationError


class HubSpotConnector:
    """A `Connector`; for one thread. `excluder` counts what was dropped."""

    source: Source = "hubspot"

    def __init__(
        self,
        settings: HubSpotSettings,
        secrets: Secrets,
        exclusions: Exclusions | None = None,
        *,
        budget: Budget | None = None,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.excluder = Excluder(exclusions or Exclusions())
        budget = budget or Budget(
            settings.rates(), settings.costs(), monotonic=monotonic, sleep=sleep
        )
        self.client = HubSpot(
            settings, secrets, budget, policy, monotonic=monotonic, sleep=sleep, rng=rng
        )
        self._properties = Properties(self.client, settings, monotonic=monotonic)
        self._reader = RecordReader(self.client, settings, self.excluder, self._properties)

    def streams(self, objects: Iterable[str] = ()) -> Iterator[Stream]:
        """As Connector: what is new of every object first, then what was missed, then what went,
        then which properties are no longer as they were."""
        names = self._names(objects)
        kinds = [KINDS[name] for name in names if name != OWNER]
        shared = (self.client, self._reader)
        if OWNER in names:
            yield Owners(*shared)
        for lane in (RealtimeLane, DelayedLane, ArchivedSweep):
            for kind in kinds:
                yield lane(*shared, kind, self.settings)
        for kind in kinds:
            yield PropertiesStream(self.client, self._properties, kind, self.settings)

    def backfill(
        self, since_us: int | None, until_us: int | None, objects: Iterable[str] = ()
    ) -> Iterator[Stream]:
        """Streams of what was last changed within [since, until), from its beginning or where an
        earlier run left off. Owners are few and always read whole."""
        since = None if since_us is None else since_us // 1_000
        until = None if until_us is None else until_us // 1_000
        for kind in self._kinds(objects):
            yield BackfillLane(self.client, self._reader, kind, since, until)

    def fetcher(self) -> Fetcher:
        """Turns the webhook's hints into changes."""
        return Fetcher(self.client, self._reader)

    def counts(self) -> dict[str, int]:
        """How many records the account has, per object."""
        return counts(self.client, self.settings)

    def questions(self, days: Iterable[int]) -> Iterator[Question]:
        """As LiveConnector."""
        return questions(self.client, self.settings, days)

    def drift(self, cursors: CursorStore) -> Iterable[Finding]:
        """As LiveConnector: no operation of a private app tells where its webhook points."""
        return ()

    def comparison(self) -> Iterable[Stream]:
        """As LiveConnector: the sweep of what was archived finds what went."""
        return ()

    def _kinds(self, objects: Iterable[str]) -> list[Kind]:
        return [KINDS[name] for name in self._names(objects) if name != OWNER]

    def _names(self, objects: Iterable[str]) -> list[str]:
        wanted = list(objects) or list(self.settings.objects)
        for name in wanted:
            if name not in KINDS and name != OWNER:
                raise ConfigurationError(
                    f"hubspot has no object {name!r} that is read: {', '.join((*KINDS, OWNER))}"
                )
        return wanted
