"""Snapshots of subscriptions: by the real client, as the vendor's documentation has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import AlreadyExists, InvalidArgument, NotFound
from pubsub_backend import PROJECT, Clients, clients

from embedded.pubsub import PubSubServer
from schemas.clock import wall_clock

TOPIC, OTHER = f"{PROJECT}/topics/t", f"{PROJECT}/topics/other"
SUBSCRIPTION, ELSEWHERE = f"{PROJECT}/subscriptions/s", f"{PROJECT}/subscriptions/elsewhere"
SNAPSHOT = f"{PROJECT}/snapshots/s-a-to-b"
LABELS = {"job": "2026-11-30_01"}
DAY_US = 86_400_000_000


class Stand:
    def __init__(self, directory: Path) -> None:
        self.ahead = 0
        self.server = PubSubServer(directory, clock=lambda: wall_clock() + self.ahead)

    def prepare(self, made: Clients) -> None:
        self.clients = made
        for topic, subscription in ((TOPIC, SUBSCRIPTION), (OTHER, ELSEWHERE)):
            made.publisher.create_topic(name=topic)
            made.subscriber.create_subscription(name=subscription, topic=topic)

    def publish(self, *texts: str) -> None:
        messages = [{"data": text.encode()} for text in texts]
        self.clients.publisher.publish(topic=TOPIC, messages=messages)

    def take(self, *, but: str = "") -> list[str]:
        """What is delivered; all but one is acknowledged, and that one given back."""
        subscriber = self.clients.subscriber
        found = subscriber.pull(
            subscription=SUBSCRIPTION, max_messages=100, return_immediately=True
        ).received_messages
        texts = {one.ack_id: one.message.data.decode() for one in found}
        if done := [ack for ack, text in texts.items() if text != but]:
            subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=done)
        if back := [ack for ack, text in texts.items() if text == but]:
            subscriber.modify_ack_deadline(
                subscription=SUBSCRIPTION, ack_ids=back, ack_deadline_seconds=0
            )
        return sorted(texts.values())

    def snapshot(self) -> None:
        self.clients.subscriber.create_snapshot(
            request={"name": SNAPSHOT, "subscription": SUBSCRIPTION, "labels": LABELS}
        )

    def seek(self) -> None:
        request = {"subscription": SUBSCRIPTION, "snapshot": SNAPSHOT}
        self.clients.subscriber.seek(request=request)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    address = made.server.start()
    with clients(address) as connected:
        made.prepare(connected)
        yield made
    made.server.stop()


def test_a_seek_brings_back_what_was_open_then_and_what_came_after_and_nothing_else(
    stand: Stand,
) -> None:
    stand.publish("a", "b", "c")
    assert stand.take(but="b") == ["a", "b", "c"]
    stand.snapshot()
    stand.publish("d")
    assert stand.take() == ["b", "d"]
    for _ in range(2):
        stand.seek()
        assert stand.take() == ["b", "d"]
    assert stand.take() == []


def test_a_snapshot_outlives_the_server(stand: Stand, tmp_path: Path) -> None:
    stand.publish("a")
    stand.snapshot()
    assert stand.take() == ["a"]
    stand.server.stop()
    address = stand.server.start()
    with clients(address) as again:
        stand.clients = again
        stand.seek()
        assert stand.take() == ["a"]


def test_a_snapshot_has_its_topic_and_a_name_that_is_taken_once(stand: Stand) -> None:
    subscriber = stand.clients.subscriber
    stand.snapshot()
    found = subscriber.get_snapshot(snapshot=SNAPSHOT)
    assert (found.name, found.topic, dict(found.labels)) == (SNAPSHOT, TOPIC, LABELS)
    assert [one.name for one in subscriber.list_snapshots(project=PROJECT)] == [SNAPSHOT]
    with pytest.raises(AlreadyExists):
        stand.snapshot()
    subscriber.delete_snapshot(snapshot=SNAPSHOT)
    with pytest.raises(NotFound):
        subscriber.delete_snapshot(snapshot=SNAPSHOT)
    stand.snapshot()


def test_a_snapshot_is_of_one_topic_and_is_gone_when_its_messages_are(stand: Stand) -> None:
    stand.snapshot()
    with pytest.raises(InvalidArgument, match="another topic"):
        stand.clients.subscriber.seek(request={"subscription": ELSEWHERE, "snapshot": SNAPSHOT})
    stand.ahead = 8 * DAY_US
    with pytest.raises(NotFound):
        stand.seek()
    stand.snapshot()
