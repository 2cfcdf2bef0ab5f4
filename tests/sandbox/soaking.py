"""A soak: things happen at the vendors, everything fails now and then, and ours read all of it."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import grpc
from estate_reading import COMPANY, HOUR_US, MOST, PROJECT
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from soak_faults import pubsub_plan, switch_over, unstruck
from soak_readers import (
    Clock,
    Gap,
    Killed,
    MortalCursors,
    WatchedFetcher,
    connectors,
    hurried,
    watched,
)

from connectors.cursors.sqlite import SqliteCursorStore
from connectors.dialpad.webhook import DialpadReceiver
from connectors.fetching import Fetcher, Fetching, PageFetcher
from connectors.gmail import GmailConnector
from connectors.gmail.fetch import GmailFetcher
from connectors.gmail.webhook import GmailReceiver
from connectors.hints import Hints
from connectors.hubspot import HubSpotConnector
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.poller import Outcome, Poller
from connectors.publisher import LIVE_BATCH_LATENCY_S, ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from connectors.sources import LiveConnector, load_sources
from connectors.webhooks.publishing import Publishing
from connectors.webhooks.service import WebhookService, WebhookSettings
from embedded.ports import free_port
from embedded.pubsub import FaultPlan, PubSubServer
from sandbox.company.world import AS_OF_US
from sandbox.vendors.estate import NAMES, Estate
from sandbox.vendors.faults import Fault
from sandbox.vendors.server import served
from schemas.clock import DAY_US, to_us
from schemas.envelope import topic_of
from schemas.errors import FatalError, RetriableError
from schemas.flow import Received
from schemas.topology import FETCH_SUBSCRIPTIONS, HINT_SOURCES, hints_topic

LAG_S = 15.0
TOKEN_S = 900
STRETCH = 100
"""Happenings between two draws of faults."""
DEADLINE_S = 1.0
"""After which a publish has failed."""
ACK_DEADLINE_S = 10
QUIET_S = ACK_DEADLINE_S + 2.0
BACKFILLED = {
    "gmail": ("message",),
    "salesforce": ("account", "contact", "lead", "task", "emailmessage"),
    "hubspot": ("contact", "company", "deal"),
    "dialpad": ("call",),
}
PROPERTY = "soaked"
MOST_TURNS = 40
PAUSES_H = (1.1, 1.1, 3, 6, 12, 3)
"""Hours that pass between the polls at the end: what failed often is asked for again after ten of
them (connectors/dialpad/details.py)."""


class Soak:
    """One, with everything in it; `seed` decides what happens."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.clock = Clock(AS_OF_US + DAY_US)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self.estate = Estate(
            COMPANY,
            folder,
            clock=self.clock,
            webhooks=url,
            limits=1.0,
            lag_s=LAG_S,
            token_s=TOKEN_S,
            seed=seed,
        )
        # The day's calls are counted and never forgotten here: `request_limit` stands for them.
        self.estate.salesforce.terms.daily_calls = 1 << 31
        # Lists of many pages, though the company is small.
        self.estate.salesforce.terms.page_rows = 7
        self.estate.dialpad.page_size = 10
        self.pubsub = PubSubServer(folder / "pubsub")
        self.cursors = SqliteCursorStore(folder / "cursors.db", self.clock)
        self.happened: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        """What became of processes, rounds and webhooks."""
        self.failures: Counter[str] = Counter()
        """Classes of errors that stopped a stream."""
        self.gaps: list[Gap] = []
        self.messages: dict[str, Received] = {}
        """All that was ever published, by the id of its message."""
        self._url, self._port = url, port
        self._open = ExitStack()
        self._started = 0

    def __enter__(self) -> "Soak":
        with ExitStack() as opened:
            self.pubsub.start()
            opened.callback(self.pubsub.stop)
            opened.enter_context(self.estate)
            self.settings = self.estate.write_settings()
            self.sources = hurried(load_sources(self.settings))
            channel = opened.enter_context(grpc.insecure_channel(self.pubsub.address))
            self._client = publisher_client(
                PublisherGrpcTransport(channel=channel), DEADLINE_S, LIVE_BATCH_LATENCY_S
            )
            opened.callback(self._client.stop)
            self._subscriber = pubsub_v1.SubscriberClient(
                transport=SubscriberGrpcTransport(channel=channel)
            )
            self._create()
            self.service = self._service()
            opened.enter_context(served(self.service.app, port=self._port))
            self._processes = {name: self._began(name) for name in NAMES}
            self._fetchers = {name: self._began(name) for name in HINT_SOURCES}
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def live(self, happenings: int) -> None:
        """Things happen; ours follow."""
        rng, left, stretch = self.rng, happenings, 0
        while left:
            if happenings - left >= stretch * STRETCH:
                stretch += 1
                switch_over(self.estate, rng)
                self.turn_property(stretch)
                self.collect()
                if stretch == 1:
                    for name in NAMES:
                        self.poll(name)
            for _ in range(min(left, rng.randint(5, 35))):
                self.clock.sleep(rng.uniform(1.0, 20.0))
                made = self.estate.happen(rng)
                self.happened[f"{made.source} {made.what}"] += 1
                left -= 1
            steps: list[Callable[[], object]] = [self.deliver]
            steps += [partial(self.fetch, name) for name in HINT_SOURCES]
            steps += [partial(self.poll, name) for name in NAMES if rng.random() < 0.6]
            if rng.random() < 0.3:
                steps.append(partial(self.backfill, rng.choices(NAMES, (1, 3, 1, 1))[0]))
            for step in steps:
                self.pubsub.faults.set(pubsub_plan(rng))
                step()
            self.pubsub.faults.set(FaultPlan())

    def insist(self) -> None:
        """Has what has not struck by chance strike, each alone."""
        for turn in range(MOST_TURNS):
            left = unstruck(self.estate)
            if not left:
                return
            self.clock.sleep(2 * HOUR_US / 1e6)
            self.turn_property(turn)
            for name in NAMES:
                self.estate.faults[name].switch_off()
            for name in dict.fromkeys(vendor for vendor, _ in left):
                switches = [switch for vendor, switch in left if vendor == name]
                chosen = switches[turn % len(switches)]
                self.estate.faults[name].switch_on(Fault(name=chosen, times=1))
                for _ in range(2):
                    self.poll(name, mortal=False)
                    self.backfill(name, days=400)

    def settle(self) -> None:
        """No more faults: what waits is told, and all is polled until nobody has anything left."""
        for name in NAMES:
            self.estate.faults[name].switch_off()
        self.pubsub.faults.set(FaultPlan())
        self.collect()
        for hours in PAUSES_H:
            self.clock.sleep(hours * HOUR_US / 1e6)
            self.deliver()
            for name in HINT_SOURCES:
                self.fetch(name)
            for name in NAMES:
                self.poll(name, mortal=False)
        for name in HINT_SOURCES:
            # Acknowledgements that were dropped, and hints whose fetcher died: they come again.
            while self.fetch(name, wait_s=QUIET_S):
                pass
        assert not any(self.deliver()), "something still waits to be told"
        self.collect()

    def account(self) -> str:
        """What came about, for people."""
        counted = {**self.seen, **{f"stopped by {k}": v for k, v in self.failures.items()}}
        counted |= {"messages": len(self.messages), "gaps of a history": len(self.gaps)}
        return "\n".join(f"{what:<36}{times}" for what, times in sorted(counted.items()))

    def turn_property(self, stretch: int) -> None:
        """A property of deals is defined, and in the next stretch it is no more: who has read the
        definitions asks for it still. It never has a value, for none of that moves a stamp."""
        account = self.estate.hubspot
        if stretch % 2:
            deal = next(account.live("deals"))
            account.edit("deals", deal.id, {PROPERTY: None})
        else:
            account.drop_property("deals", PROPERTY)

    def deliver(self) -> list[int]:
        """Vendors tell."""
        statuses = [one for listed in self.estate.deliver().values() for one in listed]
        self.seen.update(f"webhooks answered {one}" for one in statuses)
        return statuses

    def poll(self, name: str, *, mortal: bool = True) -> None:
        """A round of one source, which may end half-way; or two at once."""
        drawn = self.rng.random() if mortal else 1.0
        if drawn < 0.1:
            self._two(name)
        else:
            life = self.rng.randint(1, 12) if drawn < 0.4 else None
            self._round(name, self._processes, life)

    def _two(self, name: str) -> None:
        """Another process reads the same streams at the same time."""
        other = {name: self._began(name)}
        thread = threading.Thread(target=self._round, args=(name, other, None))
        thread.start()
        self._round(name, self._processes, None)
        thread.join()
        self.seen["two at once"] += 1

    def backfill(self, name: str, days: int = 0) -> None:
        """Of one object, what was changed within the last days, or so many that chance tells."""
        now, process = self.clock(), self._processes[name]
        objects = [self.rng.choice(BACKFILLED[name])]
        since = now - (days or self.rng.randint(1, 200)) * DAY_US

        def read(poller: Poller, outcome: Outcome) -> None:
            poller.round(process.backfill(since, now, objects), outcome)

        self._run(name, self._processes, None, read)
        self.seen["backfills"] += 1

    def _round(self, name: str, processes: dict[str, LiveConnector], life: int | None) -> None:
        def read(poller: Poller, outcome: Outcome) -> None:
            poller.round(watched(processes[name].streams(), self.gaps), outcome)

        self._run(name, processes, life, read)

    def fetch(self, name: str, wait_s: float = 0.05) -> int:
        """What waits of a source's hints is answered; how many there were."""
        life = self.rng.randint(1, 4) if self.rng.random() < 0.2 and wait_s < 1 else None
        path = f"projects/{PROJECT}/subscriptions/{FETCH_SUBSCRIPTIONS[name].name}"
        # A clock that runs: nothing more is waited for.
        ticks = count()
        hints = Hints(self._subscriber, path, monotonic=lambda: 10.0 * next(ticks))
        fetched = 0

        def read(poller: Poller, outcome: Outcome) -> None:
            nonlocal fetched
            fetching = Fetching(self._fetcher(name), poller)
            while batch := hints.gathered(wait_s):
                fetched += len(batch)
                if not hints.answer(batch, fetching, outcome):
                    return

        self._run(name, self._fetchers, life, read)
        return fetched

    def _fetcher(self, name: str) -> Fetcher:
        connector = self._fetchers[name]
        if isinstance(connector, GmailConnector):
            return WatchedFetcher(GmailFetcher(connector), self.gaps)
        assert isinstance(connector, HubSpotConnector)
        return PageFetcher("hubspot", connector.fetcher().fetch)

    def _run(
        self,
        name: str,
        processes: dict[str, LiveConnector],
        life: int | None,
        work: Callable[[Poller, Outcome], None],
    ) -> None:
        """Work of one process, which is begun anew where it ends."""
        publisher = ChangePublisher(self._client, PROJECT, deadline_s=DEADLINE_S)
        cursors = MortalCursors(self.cursors, life)
        poller = Poller(cursors, publisher, monotonic=self.clock.monotonic)
        outcome = Outcome()
        try:
            work(poller, outcome)
        except Killed:
            self.seen["killed"] += 1
            processes[name] = self._began(name)
        except FatalError:
            self.seen["refused"] += 1
            processes[name] = self._began(name)
        except RetriableError:
            self.seen["left for later"] += 1
        self.seen["rounds"] += 1
        self.seen["streams yielded"] += len(outcome.yielded)
        self.failures.update(one.partition(":")[0] for one in outcome.failures.values())

    def _began(self, name: str) -> LiveConnector:
        self._started += 1
        return connectors(self.sources, self.clock, self._started)[name]

    def _service(self) -> WebhookService:
        sources, secrets = self.sources, SecretStore(cloud=False)
        assert sources.gmail and sources.hubspot and sources.dialpad
        excluded, clock = sources.exclusions, self.clock
        return WebhookService(
            {
                "gmail": GmailReceiver(sources.gmail, excluded, clock=clock),
                "hubspot": HubSpotReceiver(sources.hubspot, secrets, clock),
                "dialpad": DialpadReceiver(sources.dialpad, secrets, excluded, clock=clock),
            },
            Publishing(lambda: ChangePublisher(self._client, PROJECT, deadline_s=DEADLINE_S)),
            WebhookSettings(public_url=self._url),
        )

    def _create(self) -> None:
        topics = {topic_of(name): topic_of(name) for name in NAMES}
        topics |= {FETCH_SUBSCRIPTIONS[name].name: hints_topic(name) for name in HINT_SOURCES}
        for subscription, topic in topics.items():
            self._client.create_topic(name=f"projects/{PROJECT}/topics/{topic}")
            self._subscriber.create_subscription(
                name=f"projects/{PROJECT}/subscriptions/{subscription}",
                topic=f"projects/{PROJECT}/topics/{topic}",
                ack_deadline_seconds=ACK_DEADLINE_S,
            )

    def collect(self) -> None:
        """Takes what was published; what comes twice under one id is one message."""
        for name in NAMES:
            path = f"projects/{PROJECT}/subscriptions/{topic_of(name)}"
            while True:
                try:
                    answer = self._subscriber.pull(
                        subscription=path, max_messages=MOST, timeout=0.2, retry=None
                    )
                except exceptions.DeadlineExceeded:
                    break
                found = answer.received_messages
                if not found:
                    break
                ids = [one.ack_id for one in found]
                self._subscriber.acknowledge(subscription=path, ack_ids=ids)
                for one in found:
                    message = one.message
                    self.messages[message.message_id] = Received(
                        message.data,
                        dict(message.attributes),
                        message.message_id,
                        to_us(message.publish_time),
                    )
