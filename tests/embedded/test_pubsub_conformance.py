"""What a Pub/Sub has to do, asked of ours and, where it runs, of Google's own emulator."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core import exceptions as api
from pubsub_backend import PROJECT, Clients, clients, google_emulator

from embedded.pubsub import PubSubServer
from schemas.clock import wall_clock


class SteppingClock:
    """The wall's clock, and as much later as a test wants it to be."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> int:
        return wall_clock() + self.ahead_us

    def advance(self, seconds: float) -> None:
        self.ahead_us += int(seconds * 1_000_000)


class Backend:
    def __init__(self, made: Clients, clock: SteppingClock | None) -> None:
        self.publisher, self.subscriber, self._clock = made.publisher, made.subscriber, clock
        name = uuid.uuid4().hex
        self.topic = f"{PROJECT}/topics/t-{name}"
        self.subscription = f"{PROJECT}/subscriptions/s-{name}"
        self.publisher.create_topic(name=self.topic)

    def subscribe(self, **settings: Any) -> None:
        self.subscriber.create_subscription(
            request={"name": self.subscription, "topic": self.topic, **settings}
        )

    def publish(self, *bodies: str, **fields: Any) -> list[str]:
        messages = [{"data": body.encode(), **fields} for body in bodies]
        return list(self.publisher.publish(topic=self.topic, messages=messages).message_ids)

    def pull(self, most: int = 100, *, at_once: bool = False) -> list[Any]:
        request = {"subscription": self.subscription, "max_messages": most}
        if at_once:
            request["return_immediately"] = True
        return list(self.subscriber.pull(request=request, timeout=10).received_messages)

    def bodies(self, most: int = 100) -> list[str]:
        return [m.message.data.decode() for m in self.pull(most)]

    def acknowledge(self, received: list[Any]) -> None:
        ids = [m.ack_id for m in received]
        self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)

    def later(self, seconds: float) -> None:
        """Only a server whose clock is ours can be made to wait without waiting."""
        if self._clock is None:
            pytest.skip("needs a server whose clock the test sets")
        self._clock.advance(seconds)


@pytest.fixture(scope="module", params=["embedded", "google"])
def server(request: Any, tmp_path_factory: Any) -> Iterator[tuple[Clients, SteppingClock | None]]:
    if request.param == "google":
        address = google_emulator()
        if address is None:
            pytest.skip("Google's emulator is not here: set PUBSUB_CONFORMANCE_HOST to its address")
        with clients(address) as made:
            yield made, None
        return
    clock = SteppingClock()
    embedded = PubSubServer(tmp_path_factory.mktemp("pubsub"), clock=clock)
    with clients(embedded.start()) as made:
        yield made, clock
    embedded.stop()


@pytest.fixture
def backend(server: tuple[Clients, SteppingClock | None]) -> Backend:
    return Backend(*server)


def test_what_is_published_is_pulled_with_its_attributes_and_not_again(backend: Backend) -> None:
    backend.subscribe()
    [identifier] = backend.publish("one", attributes={"k": "v"})
    [received] = backend.pull()
    assert received.message.data == b"one" and received.message.attributes["k"] == "v"
    assert received.message.message_id == identifier
    assert received.message.publish_time is not None
    backend.acknowledge([received])
    backend.later(700)
    assert backend.pull(at_once=True) == []


def test_message_ids_and_publish_times_rise(backend: Backend) -> None:
    backend.subscribe()
    ids = [int(i) for _ in range(5) for i in backend.publish("a", "b")]
    assert ids == sorted(ids) and len(set(ids)) == 10
    times = [m.message.publish_time for m in backend.pull()]
    assert times == sorted(times)


def test_a_subscription_sees_nothing_from_before_it_was_made(backend: Backend) -> None:
    backend.publish("before")
    backend.subscribe()
    backend.publish("after")
    assert backend.bodies() == ["after"]


def test_every_subscription_has_its_own_copy(backend: Backend) -> None:
    backend.subscribe()
    first, backend.subscription = backend.subscription, backend.subscription + "-2"
    backend.subscribe()
    backend.publish("one")
    assert backend.bodies() == ["one"]
    backend.subscription = first
    assert backend.bodies() == ["one"]


def test_a_lease_that_ends_delivers_again(backend: Backend) -> None:
    backend.subscribe(ack_deadline_seconds=10)
    backend.publish("one")
    assert backend.bodies() == ["one"]
    assert backend.pull(at_once=True) == []
    backend.later(11)
    assert backend.bodies() == ["one"]


def test_a_nack_delivers_again_at_once_and_an_extension_later(backend: Backend) -> None:
    backend.subscribe(ack_deadline_seconds=10)
    backend.publish("one")
    [received] = backend.pull()
    extend = {"subscription": backend.subscription, "ack_ids": [received.ack_id]}
    backend.subscriber.modify_ack_deadline(request={**extend, "ack_deadline_seconds": 60})
    backend.later(30)
    assert backend.pull(at_once=True) == []
    backend.subscriber.modify_ack_deadline(request={**extend, "ack_deadline_seconds": 0})
    assert backend.bodies() == ["one"]


def test_seek_back_delivers_what_was_acknowledged_and_seek_forward_skips(backend: Backend) -> None:
    backend.subscribe(retain_acked_messages=True)
    backend.publish("one")
    backend.later(60)
    backend.publish("two")
    received = backend.pull()
    second = received[1].message.publish_time
    backend.acknowledge(received)
    seek = {"subscription": backend.subscription}
    backend.subscriber.seek(request={**seek, "time": second})
    assert backend.bodies() == ["two"]
    backend.subscriber.seek(request={**seek, "time": datetime(2020, 1, 1, tzinfo=UTC)})
    assert backend.bodies() == ["one", "two"]
    backend.subscriber.seek(request={**seek, "time": datetime(2100, 1, 1, tzinfo=UTC)})
    assert backend.pull(at_once=True) == []


def test_messages_of_one_key_come_in_order_and_wait_for_each_other(backend: Backend) -> None:
    backend.subscribe(enable_message_ordering=True, ack_deadline_seconds=10)
    backend.publish("a1", "a2", ordering_key="a")
    backend.publish("b1", ordering_key="b")
    first = backend.pull(1)
    assert [m.message.data for m in first] == [b"a1"]
    assert backend.bodies() == ["b1"]
    backend.subscriber.modify_ack_deadline(
        request={
            "subscription": backend.subscription,
            "ack_ids": [first[0].ack_id],
            "ack_deadline_seconds": 0,
        }
    )
    again = backend.pull(1)
    assert [m.message.data for m in again] == [b"a1"]
    backend.acknowledge(again)
    assert backend.bodies() == ["a2"]


def test_what_is_never_acknowledged_goes_to_the_dead_letter_topic(backend: Backend) -> None:
    dead_topic, dead_subscription = backend.topic + "-dead", backend.subscription + "-dead"
    backend.publisher.create_topic(name=dead_topic)
    backend.subscriber.create_subscription(request={"name": dead_subscription, "topic": dead_topic})
    policy = {"dead_letter_topic": dead_topic, "max_delivery_attempts": 5}
    backend.subscribe(dead_letter_policy=policy, ack_deadline_seconds=10)
    backend.publish("poison")
    attempts = []
    for _ in range(5):
        [received] = backend.pull()
        attempts.append(received.delivery_attempt)
        backend.later(11)
    assert attempts == [1, 2, 3, 4, 5]
    assert backend.pull(at_once=True) == []
    backend.subscription = dead_subscription
    [letter] = backend.pull()
    assert letter.message.data == b"poison"
    attributes = letter.message.attributes
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == PROJECT.split("/")[1]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"data": b"x" * 10_000_001},
        {"data": b"x", "attributes": {"k": "v" * 1_025}},
        {"data": b"x", "attributes": {"k" * 257: "v"}},
        {"data": b"x", "attributes": {f"k{i}": "v" for i in range(101)}},
    ],
)
def test_what_breaks_a_limit_is_refused(backend: Backend, message: dict[str, Any]) -> None:
    with pytest.raises(api.InvalidArgument):
        backend.publisher.publish(topic=backend.topic, messages=[message], retry=None)


def test_names_are_listed_found_and_deleted(backend: Backend) -> None:
    backend.subscribe()
    publisher, subscriber = backend.publisher, backend.subscriber
    assert publisher.get_topic(topic=backend.topic).name == backend.topic
    assert backend.topic in [t.name for t in publisher.list_topics(project=PROJECT)]
    listed = list(publisher.list_topic_subscriptions(topic=backend.topic))
    assert listed == [backend.subscription]
    found = subscriber.get_subscription(subscription=backend.subscription)
    assert found.topic == backend.topic and found.ack_deadline_seconds == 10
    names = [s.name for s in subscriber.list_subscriptions(project=PROJECT)]
    assert backend.subscription in names
    with pytest.raises(api.AlreadyExists):
        publisher.create_topic(name=backend.topic)
    with pytest.raises(api.AlreadyExists):
        backend.subscribe()
    subscriber.delete_subscription(subscription=backend.subscription)
    publisher.delete_topic(topic=backend.topic)
    for missing in (
        lambda: publisher.get_topic(topic=backend.topic),
        lambda: subscriber.get_subscription(subscription=backend.subscription),
        lambda: publisher.publish(topic=backend.topic, messages=[{"data": b"x"}], retry=None),
        lambda: backend.pull(),
    ):
        with pytest.raises(api.NotFound):
            missing()


def test_settings_of_a_subscription_can_be_changed(backend: Backend) -> None:
    backend.subscribe()
    changed = {"name": backend.subscription, "topic": backend.topic, "ack_deadline_seconds": 45}
    backend.subscriber.update_subscription(
        request={"subscription": changed, "update_mask": {"paths": ["ack_deadline_seconds"]}}
    )
    found = backend.subscriber.get_subscription(subscription=backend.subscription)
    assert found.ack_deadline_seconds == 45
    for path in ("topic", "enable_message_ordering", "no_such_field"):
        with pytest.raises(api.InvalidArgument):
            backend.subscriber.update_subscription(
                request={"subscription": changed, "update_mask": {"paths": [path]}}
            )


def test_a_streaming_pull_delivers_acknowledges_and_keeps_to_its_flow_control(
    backend: Backend,
) -> None:
    from google.cloud.pubsub_v1.types import FlowControl

    backend.subscribe(ack_deadline_seconds=10)
    backend.publish(*[f"m{i}" for i in range(60)])
    seen: list[str] = []
    done = threading.Event()

    def callback(message: Any) -> None:
        seen.append(message.data.decode())
        message.ack_with_response().result(timeout=10)
        if len(seen) == 60:
            done.set()

    flow = FlowControl(max_messages=7)
    future = backend.subscriber.subscribe(backend.subscription, callback, flow_control=flow)
    assert done.wait(20)
    future.cancel()
    future.result(timeout=20)
    assert sorted(seen) == sorted(f"m{i}" for i in range(60))
    backend.later(700)
    assert backend.pull(at_once=True) == []


def test_a_waiting_pull_returns_when_something_is_published(backend: Backend) -> None:
    backend.subscribe()
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.extend(backend.bodies()))
    waiting.start()
    backend.publish("at last")
    waiting.join(10)
    assert got == ["at last"] or backend.bodies() == ["at last"]


def test_many_publishers_at_once_lose_nothing(backend: Backend) -> None:
    backend.subscribe()
    threads = [
        threading.Thread(target=lambda n=n: [backend.publish(f"{n}-{i}") for i in range(20)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen: set[str] = set()
    while len(seen) < 160:
        received = backend.pull(50)
        assert received
        seen |= {m.message.data.decode() for m in received}
        backend.acknowledge(received)
    assert len(seen) == 160
