"""The service's end of Pub/Sub, its socket, and what it prints."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.pubsub_v1 import SubscriberClient

from connectors.calls.breaker import CircuitOpen
from connectors.webhooks.receiver import Hint, Received
from connectors.webhooks.service import Tally
from embedded.directory import DataDirectory, Stack
from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from operations import webhooks
from operations.listening import listening
from operations.place import StackHere
from operations.webhooks import PlacePublisher, telling
from schemas.errors import ConfigurationError, RetriableError
from schemas.topology import FETCH_SUBSCRIPTIONS

pytestmark = pytest.mark.slow

PROJECT = "salesintel-test"
HINTS = f"projects/{PROJECT}/subscriptions/{FETCH_SUBSCRIPTIONS['hubspot'].name}"


class Servers:
    """One Pub/Sub after another, each at an address of its own."""

    def __init__(self, folder: Path, directory: DataDirectory, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._directory = directory
        self._patch = patch
        self._server: PubSubServer | None = None
        self.port = 0

    def start(self, port: int = 0) -> None:
        self._server = PubSubServer(self._folder, port)
        address = self._server.start()
        self._patch.setenv("PUBSUB_EMULATOR_HOST", address)
        provision_messaging(PROJECT)
        self.port = int(address.rpartition(":")[2])
        stack = Stack(pid=1, project=PROJECT, pubsub=address, rest="", grpc="")
        self._directory.publish(stack)

    def stop(self) -> None:
        assert self._server is not None
        self._server.stop()

    def hints(self) -> list[bytes]:
        with SubscriberClient() as client:
            pulled = client.pull(subscription=HINTS, max_messages=100, timeout=10)
        return [one.message.data for one in pulled.received_messages]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    made = DataDirectory(tmp_path / "data")
    made.open()
    yield made
    made.close()


@pytest.fixture
def servers(
    tmp_path: Path, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Servers]:
    monkeypatch.setattr(webhooks, "PUBLISH_S", 0.5)
    made = Servers(tmp_path / "pubsub", directory, monkeypatch)
    made.start()
    yield made
    made.stop()


def a_hint(body: bytes) -> Received:
    return Received(hints=(Hint("hubspot", body),))


def test_a_stack_that_was_started_again_elsewhere_is_followed(
    servers: Servers, directory: DataDirectory
) -> None:
    publisher = PlacePublisher(StackHere(directory))
    assert publisher.ready()
    publisher(a_hint(b"1"))
    servers.stop()
    assert not publisher.ready()
    with pytest.raises(RetriableError):
        publisher(a_hint(b"2"))
    servers.start()
    with pytest.raises(RetriableError):
        publisher(a_hint(b"2"))
    publisher(a_hint(b"2"))
    assert publisher.ready()
    assert sorted(servers.hints()) == [b"1", b"2"]


def test_while_pubsub_is_away_not_every_delivery_waits_for_it(
    servers: Servers, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PAUSE_S", 3_600.0)
    publisher = PlacePublisher(StackHere(directory))
    servers.stop()
    with pytest.raises(RetriableError, match="could not be published"):
        publisher(a_hint(b"1"))
    for _ in range(3):
        with pytest.raises(CircuitOpen):
            publisher(a_hint(b"1"))
    servers.start(servers.port)
    assert publisher.ready()
    publisher(a_hint(b"1"))
    assert servers.hints() == [b"1"]


def test_without_a_stack_nothing_is_published_and_nobody_is_told_otherwise(
    servers: Servers, directory: DataDirectory
) -> None:
    publisher = PlacePublisher(StackHere(directory))
    servers.stop()
    directory.close()
    assert not publisher.ready()
    with pytest.raises((RetriableError, ConfigurationError)):
        publisher(a_hint(b"1"))
    directory.open()
    servers.start()
    assert publisher.ready()
    publisher(a_hint(b"1"))
    assert servers.hints() == [b"1"]


def test_a_port_that_is_taken_is_refused_with_what_to_do() -> None:
    with listening("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        assert port
        with pytest.raises(ConfigurationError, match=rf"{port}.*--port"):
            listening("127.0.0.1", port)


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--host nowhere.invalid"):
        listening("nowhere.invalid", 0)


def test_what_is_counted_is_told_where_it_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    tally, counted = Tally(), threading.Event()
    counts = tally.counts

    def asked() -> dict[tuple[str, str], int]:
        counted.set()
        return counts()

    tally.counts = asked  # type: ignore[method-assign]
    tally.add("hubspot", "published", 2)
    tally.add("gmail", "refused")
    with telling(tally, every_s=0.01):
        for _ in range(3):
            counted.clear()
            assert counted.wait(10)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(set(lines)) == ["gmail: 1 refused", "hubspot: 2 published"]
    assert lines.count("hubspot: 2 published") == 1


def test_at_the_end_all_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    with telling(tally, every_s=3_600):
        tally.add("dialpad", "published", 1_234)
    assert capsys.readouterr().out == "dialpad: 1,234 published\n"
