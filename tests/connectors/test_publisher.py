"""The publisher: everything is acknowledged when flush returns, or it says that it is not."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.publisher.futures import Future
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher, publisher_client
from embedded.pubsub import PubSubServer
from schemas.change import Change, new_change
from schemas.envelope import CLAIM_CHECK_BYTES, decode, encode, verify
from schemas.errors import FatalError, RetriableError

PROJECT = "salesintel-test"
TOPIC = f"projects/{PROJECT}/topics/changes-files"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/s"


def a_change(number: int, payload: bytes = b"{}") -> Change:
    return new_change("files", "contact", f"c{number}", payload, stamp=number, fetched=number)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PubSubServer]:
    made = PubSubServer(tmp_path / "pubsub")
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def client(server: PubSubServer) -> Iterator[pubsub_v1.PublisherClient]:
    channel = grpc.insecure_channel(server.address)
    made = publisher_client(PublisherGrpcTransport(channel=channel), deadline_s=5.0)
    made.create_topic(name=TOPIC)
    yield made
    made.stop()
    channel.close()


def pulled(server: PubSubServer, count: int) -> list[pubsub_v1.types.PubsubMessage]:
    channel = grpc.insecure_channel(server.address)
    subscriber = pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    found: list[pubsub_v1.types.PubsubMessage] = []
    while len(found) < count:
        answer = subscriber.pull(subscription=SUBSCRIPTION, max_messages=500, timeout=10)
        found += (one.message for one in answer.received_messages)
        ids = [one.ack_id for one in answer.received_messages]
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
    channel.close()
    return found


def subscribe(server: PubSubServer) -> None:
    channel = grpc.insecure_channel(server.address)
    subscriber = pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    channel.close()


@pytest.mark.slow
def test_trap_57_what_was_published_arrives_as_it_was_and_what_is_too_large_by_claim_check(
    server: PubSubServer, client: pubsub_v1.PublisherClient, tmp_path: Path
) -> None:
    subscribe(server)
    objects = FolderStore(tmp_path / "objects")
    publisher = ChangePublisher(client, PROJECT, objects)
    big = a_change(1_000, b"x" * (CLAIM_CHECK_BYTES + 1))
    sent = [a_change(number) for number in range(700)] + [big]
    for change in sent:
        publisher.publish(change)
    publisher.publish_message("changes-files", b"y" * (CLAIM_CHECK_BYTES + 1), {"why": "broken"})
    done = publisher.flush()
    assert (done.topics, done.messages, done.claim_checked) == ({"changes-files": 702}, 702, 2)
    assert publisher.flush().messages == 0
    changes = {}
    for message in pulled(server, 702):
        if "why" in message.attributes:
            assert objects.get(message.attributes["ce-dataref"])[:1] == b"y"
            continue
        change = decode(message.data, message.attributes)
        changes[change.object_id] = change
    assert [changes[one.object_id] for one in sent[:-1]] == sent[:-1]
    arrived = changes["c1000"]
    assert arrived.payload == b""
    assert objects.get(arrived.dataref) == big.payload
    assert arrived.change_id == big.change_id
    verify(big)


@pytest.mark.slow
def test_a_topic_that_is_not_there_fails_the_flush(client: pubsub_v1.PublisherClient) -> None:
    publisher = ChangePublisher(client, PROJECT)
    publisher.publish_message("nowhere", b"x", {})
    with pytest.raises(RetriableError, match="1 messages could not be published: NotFound"):
        publisher.flush()
    publisher.publish(a_change(1))
    assert publisher.flush().messages == 1


class Unwilling:
    """A client whose publishes all end in one way."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure
        self.calls: list[str] = []

    def publish(self, path: str, data: bytes, **attributes: str) -> Future:
        self.calls.append(path)
        future = Future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            future.set_result("1")
        return future


def test_nothing_follows_a_failure_until_it_was_told() -> None:
    client = Unwilling(exceptions.ServiceUnavailable("away"))
    publisher = ChangePublisher(client, PROJECT)  # type: ignore[arg-type]
    publisher.publish(a_change(1))
    with pytest.raises(RetriableError, match="ServiceUnavailable"):
        publisher.publish(a_change(2))
    assert len(client.calls) == 1
    client.failure = None
    publisher.publish(a_change(2))
    assert publisher.flush().messages == 1


def test_trap_57_a_payload_that_no_message_holds_needs_an_object_store() -> None:
    publisher = ChangePublisher(Unwilling(None), PROJECT)  # type: ignore[arg-type]
    with pytest.raises(FatalError, match="object store"):
        publisher.publish(a_change(1, b"x" * (CLAIM_CHECK_BYTES + 1)))


def test_messages_that_are_never_answered_are_no_success() -> None:
    class Silent(Unwilling):
        def publish(self, path: str, data: bytes, **attributes: str) -> Future:
            return Future()

    publisher = ChangePublisher(Silent(None), PROJECT, deadline_s=-29.9)  # type: ignore[arg-type]
    data, attributes = encode(a_change(1))
    publisher.publish_message("changes-files", data, attributes)
    with pytest.raises(RetriableError, match="1 messages are not acknowledged"):
        publisher.flush()
