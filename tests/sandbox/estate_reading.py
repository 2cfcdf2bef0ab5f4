"""Whoever reads an estate: real connectors and receivers, and the embedded Pub/Sub behind them."""

import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from starlette.types import ASGIApp

from connectors.cursors.sqlite import SqliteCursorStore
from connectors.dialpad.webhook import DialpadReceiver
from connectors.gmail import GmailConnector
from connectors.gmail.fetch import hinted
from connectors.gmail.webhook import GmailReceiver
from connectors.hubspot import HubSpotConnector
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.poller import Outcome, Poller
from connectors.publisher import ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from connectors.sources import connector_of, load_sources
from connectors.webhooks.publishing import Publishing
from connectors.webhooks.service import WebhookService, WebhookSettings
from embedded.pubsub import PubSubServer
from sandbox.company import SMALL, generate
from sandbox.company.world import AS_OF_US
from sandbox.vendors.estate import NAMES, Estate
from sandbox.vendors.truth import Records, differences, newest
from schemas.change import Change
from schemas.clock import DAY_US
from schemas.envelope import decode, topic_of
from schemas.topology import HINT_SOURCES, hints_topic

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path[:0] = [str(CONNECTORS / one) for one in ("", "hubspot", "gmail")]

from discovery import violations  # noqa: E402
from hubspot_harness import KNOWN_DEVIATIONS, specification  # noqa: E402
from openapi import SPECS, Contract, Specification  # noqa: E402

PROJECT = "salesintel-test"
COMPANY = generate(7, SMALL)
HOUR_US = DAY_US // 24
MOST = 1_000


class Time:
    """The vendors' clock."""

    def __init__(self) -> None:
        self.us = AS_OF_US + DAY_US

    def __call__(self) -> int:
        return self.us

    def pass_s(self, seconds: float) -> None:
        self.us += int(seconds * 1e6)


class Contracts:
    """Holds answers, and the requests of our clients, to what the vendors have published."""

    def __init__(self, folder: Path) -> None:
        self._found: dict[str, Specification] = {}
        self._checked: dict[str, Contract] = {}
        crm = specification(folder)
        phones = SPECS / "dialpad" / "openapi.json.gz"
        if crm is not None:
            self._found["hubspot"] = crm
        if phones.exists():
            self._found["dialpad"] = Specification(phones)

    def around(self, name: str, app: ASGIApp) -> ASGIApp:
        if name not in self._found:
            return app
        made = self._checked[name] = Contract(app, self._found[name])
        return made

    def violations(self) -> list[str]:
        listed = [one for contract in self._checked.values() for one in contract.violations]
        return [one for one in listed if not any(known.search(one) for known in KNOWN_DEVIATIONS)]


class Reader:
    """Polls, takes webhooks, fetches what they hint at; everything goes through Pub/Sub."""

    def __init__(self, estate: Estate, server: PubSubServer, folder: Path) -> None:
        self.estate = estate
        self.sources = load_sources(estate.write_settings())
        self.secrets = SecretStore(cloud=False)
        self.connectors = {name: connector_of(name, self.sources, self.secrets) for name in NAMES}
        self._cursors = SqliteCursorStore(folder / "cursors.db")
        channel = grpc.insecure_channel(server.address)
        self._client = publisher_client(PublisherGrpcTransport(channel=channel))
        self._subscriber = pubsub_v1.SubscriberClient(
            transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(server.address))
        )
        self._waiting = {
            **{topic_of(one): 0 for one in NAMES},
            **{hints_topic(one): 0 for one in HINT_SOURCES},
        }
        """Topic to how many messages nobody has pulled yet."""
        for topic in self._waiting:
            self._client.create_topic(name=f"projects/{PROJECT}/topics/{topic}")
            self._subscriber.create_subscription(
                name=f"projects/{PROJECT}/subscriptions/{topic}",
                topic=f"projects/{PROJECT}/topics/{topic}",
            )
        self._publisher = ChangePublisher(self._client, PROJECT)
        self._changes: list[Change] = []

    def poll(self, *names: str) -> None:
        """One round of each source, none of which fails."""
        for name in names or NAMES:
            self._round(name, self.connectors[name].streams())

    def _round(self, name: str, streams: Iterable[object]) -> Outcome:
        outcome = Poller(self._cursors, self._publisher).round(streams)  # type: ignore[arg-type]
        assert not outcome.failures, outcome.failures
        assert not outcome.bad
        self._waiting[topic_of(name)] += outcome.changes
        return outcome

    def service(self, url: str) -> WebhookService:
        """The real receivers, by the vendors' clock."""
        assert self.sources.gmail and self.sources.hubspot and self.sources.dialpad
        excluded = self.sources.exclusions
        clock = self.estate.clock
        return WebhookService(
            {
                "gmail": GmailReceiver(self.sources.gmail, excluded, clock=clock),
                "hubspot": HubSpotReceiver(self.sources.hubspot, self.secrets, clock),
                "dialpad": DialpadReceiver(
                    self.sources.dialpad, self.secrets, excluded, clock=clock
                ),
            },
            Publishing(lambda: ChangePublisher(self._client, PROJECT)),
            WebhookSettings(public_url=url),
        )

    def taken(self, service: WebhookService, before: dict[tuple[str, str], int]) -> None:
        """Notes what a service has published since its tally stood at `before`."""
        counts = service.tally.counts()
        for (source, outcome), count in counts.items():
            more = count - before.get((source, outcome), 0)
            if outcome == "changes":
                self._waiting[topic_of(source)] += more
            elif outcome == "hints":
                self._waiting[hints_topic(source)] += more
            else:
                assert outcome in ("published", "left_to_the_poller", "events", "repeated"), outcome

    def fetch(self) -> None:
        """Reads whatever hints have come."""
        crm, mails = self.connectors["hubspot"], self.connectors["gmail"]
        assert isinstance(crm, HubSpotConnector)
        assert isinstance(mails, GmailConnector)
        page = crm.fetcher().fetch(self._pulled("hints-hubspot"))
        assert not page.bad
        for change in page.changes:
            self._publisher.publish(change)
        self._publisher.flush()
        self._waiting[topic_of("hubspot")] += len(page.changes)
        streams, bad = hinted(mails, self._pulled("hints-gmail"))
        assert not bad
        self._round("gmail", streams)

    def changes(self) -> list[Change]:
        """All that was ever published."""
        for name in NAMES:
            for message in self._messages(topic_of(name)):
                self._changes.append(decode(message.data, message.attributes))
        return self._changes

    def found(self) -> dict[str, Records]:
        """What it all comes to."""
        return newest(self.changes())

    def _pulled(self, topic: str) -> list[bytes]:
        return [message.data for message in self._messages(topic)]

    def _messages(self, topic: str) -> Iterator[pubsub_v1.types.PubsubMessage]:
        path = f"projects/{PROJECT}/subscriptions/{topic}"
        while self._waiting[topic]:
            answer = self._subscriber.pull(subscription=path, max_messages=MOST, timeout=30)
            ids = [one.ack_id for one in answer.received_messages]
            if ids:
                self._subscriber.acknowledge(subscription=path, ack_ids=ids)
            self._waiting[topic] -= len(ids)
            for one in answer.received_messages:
                yield one.message

    def close(self) -> None:
        self._client.stop()
        self._subscriber.close()


@contextmanager
def reading(folder: Path, **options: object) -> Iterator[tuple[Estate, Reader, Time]]:
    """An estate and its reader; what no vendor's specification allows is an error at the end."""
    time = Time()
    contracts = Contracts(folder)
    estate = Estate(COMPANY, folder, clock=time, around=contracts.around, **options)  # type: ignore[arg-type]
    server = PubSubServer(folder / "pubsub")
    server.start()
    try:
        with estate:
            reader = Reader(estate, server, folder)
            try:
                yield estate, reader, time
            finally:
                reader.close()
    finally:
        server.stop()
    assert not contracts.violations()
    assert violations(estate.google) == set()


def lacking(estate: Estate, reader: Reader, *sources: str) -> list[str]:
    """Where what was read is not the truth; empty: all is accounted for."""
    expected, found = estate.expected(), reader.found()
    for name in sources or NAMES:
        assert any(expected[name].values()), name
    wanted = {name: expected[name] for name in sources or NAMES}
    return list(differences(wanted, {name: found.get(name, {}) for name in wanted}))


def live(estate: Estate, time: Time, rng: random.Random, times: int) -> Iterator[str]:
    """Things happen, one to twenty seconds apart."""
    for _ in range(times):
        time.pass_s(rng.uniform(1.0, 20.0))
        made = estate.happen(rng)
        yield f"{made.source} {made.what}"
