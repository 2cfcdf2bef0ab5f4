"""`salesintel fetch`: what the hints of a source name, read whole into the stream."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from google.cloud import pubsub_v1

from connectors.fetching import Fetcher, Fetching
from connectors.hints import PULL_S, Hints, Pulled
from connectors.poller import Outcome
from connectors.secrets import SecretStore
from connectors.sources import fetcher_of, load_sources
from operations.console import StackGone, console
from operations.health_port import Pulse, health_served
from operations.place import Place
from operations.poll import Rounds
from operations.stopping import SLICE_S, say_failure, stopping_by
from schemas.errors import RetriableError
from schemas.topology import FETCH_SUBSCRIPTIONS

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""After a batch of which nothing could be done; doubles while it stays so."""
RUN_S = 300.0
"""A run ends after so long, and another begins: rows of ops.runs are looked at by day."""
IDLE_S = 10.0
"""Or when no hint has come for so long."""


class HintRounds(Rounds):
    """Rounds of one fetcher: each goes from a first hint until none waits."""

    def __init__(
        self,
        place: Place,
        fetcher: Fetcher,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._sleep = sleep
        self._wait_s = 0.0
        super().__init__(place, "fetch", {"source": fetcher.source})
        self._hints, self._hints_of = self._opened(), self.reached

    def _opened(self) -> Hints:
        name = FETCH_SUBSCRIPTIONS[self._fetcher.source].name
        client = pubsub_v1.SubscriberClient()
        return Hints(client, f"projects/{self.reached.project}/subscriptions/{name}")

    def follow(self) -> None:
        """As Rounds."""
        super().follow()
        if self.reached != self._hints_of:
            self._hints, self._hints_of = self._opened(), self.reached

    def gathered(self) -> list[Pulled]:
        """A batch; empty where none waits, or where it was asked to stop."""
        batch = self._hints.gathered(PULL_S)
        if batch and self.stopping:
            self._hints.give_back(batch)
            return []
        return batch

    def until_idle(self, first: Sequence[Pulled], idle_s: float = 0.0) -> bool:
        """A run that begins with a batch in hand; False where hints were given back."""
        try:
            return self.run(lambda outcome: self._until_idle(first, idle_s, outcome))
        except BaseException:
            # Where the run could not even begin; of what was answered nothing comes again.
            self._hints.give_back(first)
            raise

    def _until_idle(self, first: Sequence[Pulled], idle_s: float, outcome: Outcome) -> None:
        fetching = Fetching(self._fetcher, self.poller)
        batch = first
        ends = self._monotonic() + RUN_S
        idle_at = self._monotonic() + idle_s
        while True:
            if batch:
                self._paced(self._hints.answer(batch, fetching, outcome))
                idle_at = self._monotonic() + idle_s
            now = self._monotonic()
            if idle_s and now >= ends:
                return
            batch = [] if self.stopping else self.gathered()
            if self.stopping:
                outcome.stopped = True
                return
            if not batch and now >= idle_at:
                return

    def _paced(self, done: int) -> None:
        """Waits where nothing could be done: the source is away, and hints go on coming."""
        self._wait_s = 0.0 if done else min(max(FIRST_WAIT_S, self._wait_s * 2), LONGEST_WAIT_S)
        self.pause(self._wait_s)

    def pause(self, seconds: float) -> None:
        """Sleeps until then, or until it is asked to stop."""
        until = self._monotonic() + seconds
        while not self.stopping and (left := until - self._monotonic()) > 0:
            self._sleep(min(left, SLICE_S))


def fetch(
    place: Place,
    settings: Path | None,
    source: str,
    *,
    once: bool = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Answers the hints that wait, and unless `once` those that come until a signal; False where
    any had to be given back. Meanwhile a `port` says how it fares."""
    fetcher = fetcher_of(
        source, load_sources(settings), SecretStore(place.opens_secrets, cloud=place.cloud)
    )
    rounds = HintRounds(place, fetcher, monotonic, sleep)
    well, pulse = True, Pulse(monotonic)
    with health_served(pulse, host, port), stopping_by(rounds.stop):
        if once:
            return rounds.until_idle(rounds.gathered())
        console.print(f"waiting for hints of {source}; Ctrl-C stops it", highlight=False)
        while not rounds.stopping:
            try:
                turned = _survived(rounds, place)
                pulse.beat(turned)
                well = turned and well
            except KeyboardInterrupt:
                if not rounds.stopping:
                    raise
    console.print("stopped")
    return well


def _survived(rounds: HintRounds, place: Place) -> bool:
    """Hints waited for and answered; whatever passes by itself is a line, and the next come."""
    place.still_there()
    try:
        rounds.follow()
        batch = rounds.gathered()
        return not batch or rounds.until_idle(batch, IDLE_S)
    except StackGone:
        raise
    except RetriableError as error:
        say_failure(f"{type(error).__name__}: {error}")
        rounds.pause(FIRST_WAIT_S)
        return False
