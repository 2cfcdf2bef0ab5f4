"""The reader acknowledges what is written, keeps what is in work, and gives back the rest."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.api_core.retry import Retry, if_exception_type
from pubsub_backend import PROJECT, Clients, clients

from embedded import reader as reader_module
from embedded.pubsub import FaultPlan, Faults, PubSubServer
from embedded.reader import SubscriptionReader

pytestmark = pytest.mark.slow

TOPIC, SUBSCRIPTION = f"{PROJECT}/topics/t", f"{PROJECT}/subscriptions/s"
ACK_DEADLINE_S = 60
DEADLINE_S = 30.0


class Time:
    """Microseconds; goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


class Counting(Faults):
    """Knows how often each method was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def before(self, method: str, context: grpc.ServicerContext) -> None:
        self.calls[method] += 1
        super().before(method, context)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def faults() -> Counting:
    return Counting()


@pytest.fixture
def made(
    tmp_path: Path, clock: Time, faults: Counting, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clients]:
    server = PubSubServer(tmp_path, faults=faults, clock=clock)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    try:
        with clients(server.address) as both:
            both.publisher.create_topic(name=TOPIC)
            both.subscriber.create_subscription(
                request={
                    "name": SUBSCRIPTION,
                    "topic": TOPIC,
                    "ack_deadline_seconds": ACK_DEADLINE_S,
                }
            )
            yield both
    finally:
        server.stop()


@pytest.fixture
def start(made: Clients, clock: Time) -> Iterator[Callable[[], SubscriptionReader]]:
    readers: list[SubscriptionReader] = []

    def one() -> SubscriptionReader:
        reader = SubscriptionReader(SUBSCRIPTION, threading.Event(), clock)
        readers.append(reader)
        reader.start()
        return reader

    yield one
    for reader in readers:
        reader.ask_to_stop()
    for reader in readers:
        reader.stop()


Start = Callable[[], SubscriptionReader]


def publish(made: Clients, *bodies: str) -> None:
    made.publisher.publish(topic=TOPIC, messages=[{"data": body.encode()} for body in bodies])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def holds(reader: SubscriptionReader, count: int) -> bool:
    """Whether so many messages are pulled and wait to be taken."""
    return len(reader._ready) == count


def taken(reader: SubscriptionReader, count: int) -> list[str]:
    until(lambda: holds(reader, count))
    return [message.data.decode() for message in reader.take(count)]


def free(made: Clients) -> set[str]:
    """What another reader would get now; it is given back."""
    answer = made.subscriber.pull(
        request={"subscription": SUBSCRIPTION, "max_messages": 1_000, "return_immediately": True}
    )
    found = answer.received_messages
    if found:
        made.subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION,
            ack_ids=[message.ack_id for message in found],
            ack_deadline_seconds=0,
        )
    return {message.message.data.decode() for message in found}


def test_what_was_handed_out_is_acknowledged_when_more_is_asked_for_and_not_before(
    made: Clients, start: Start, clock: Time
) -> None:
    publish(made, "a", "b", "c")
    reader = start()
    until(lambda: holds(reader, 3))
    assert [message.data for message in reader.take(2)] == [b"a", b"b"]
    assert [message.data for message in reader.take(2)] == [b"c"]
    reader.stop()
    clock.pass_seconds(ACK_DEADLINE_S + 1)
    assert free(made) == {"c"}, "a and b are written, c may not be"


def test_nothing_is_acknowledged_by_a_reader_that_is_stopped(
    made: Clients, start: Start, clock: Time
) -> None:
    publish(made, "a", "b")
    reader = start()
    until(lambda: holds(reader, 2))
    reader.take(1)
    reader.stop()
    assert free(made) == {"b"}, "what was never handed out is given back at once"
    clock.pass_seconds(ACK_DEADLINE_S + 1)
    assert free(made) == {"a", "b"}, "what was in work comes back with its deadline"


def test_a_message_has_its_id_its_attributes_and_its_moment(
    made: Clients, start: Start, clock: Time
) -> None:
    answer = made.publisher.publish(
        topic=TOPIC, messages=[{"data": b"\xff\x00", "attributes": {"ce-id": "é"}}]
    )
    reader = start()
    until(lambda: holds(reader, 1))
    (message,) = reader.take(1)
    assert (message.data, message.attributes) == (b"\xff\x00", {"ce-id": "é"})
    assert message.message_id == answer.message_ids[0]
    assert message.publish_time == clock.now


def test_leases_are_extended_of_what_waits_and_of_what_is_in_work(
    made: Clients, start: Start, clock: Time, faults: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "EXTEND_EVERY_S", 0.01)
    publish(made, "a", "b")
    reader = start()
    until(lambda: holds(reader, 2))
    reader.take(1)
    for _ in range(5):
        clock.pass_seconds(ACK_DEADLINE_S - 1)
        seen = faults.calls["ModifyAckDeadline"]
        # One call may have been under way while the clock was moved; the next was not.
        until(lambda seen=seen: faults.calls["ModifyAckDeadline"] >= seen + 2)
        assert free(made) == set()


def test_a_pull_that_fails_is_tried_again(
    made: Clients, start: Start, faults: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "RETRY_WAIT_S", 0.01)
    for code in ("UNAVAILABLE", "INTERNAL", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"):
        faults.set(FaultPlan(errors={"Pull": code}, error_calls=3))
        publish(made, code)
        reader = start()
        assert taken(reader, 1) == [code]
        reader.take(0)
        reader.stop()


@pytest.mark.parametrize("code", ["UNAVAILABLE", "PERMISSION_DENIED"])
def test_an_acknowledgement_that_fails_is_survived_and_the_message_comes_again(
    made: Clients,
    start: Start,
    clock: Time,
    faults: Counting,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
) -> None:
    briefly = Retry(
        predicate=if_exception_type(*_retried()), initial=0.01, maximum=0.01, timeout=0.05
    )
    monkeypatch.setattr(reader_module, "CALL_RETRY", briefly)
    publish(made, "a")
    reader = start()
    assert taken(reader, 1) == ["a"]
    faults.set(FaultPlan(errors={"Acknowledge": code}))
    assert reader.take(1) == []
    assert faults.calls["Acknowledge"] >= 1
    faults.set(FaultPlan())
    clock.pass_seconds(ACK_DEADLINE_S + 1)
    assert taken(reader, 1) == ["a"]
    reader.take(1)
    reader.stop()
    clock.pass_seconds(ACK_DEADLINE_S + 1)
    assert free(made) == set()


def _retried() -> tuple[type[Exception], ...]:
    """What the reader's own calls are tried again for."""
    from google.api_core import exceptions as api

    return (api.ServiceUnavailable, api.Aborted, api.Unknown)


def test_extending_outlives_an_outage(
    made: Clients, start: Start, faults: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefly = Retry(predicate=if_exception_type(*_retried()), initial=0.01, timeout=0.02)
    monkeypatch.setattr(reader_module, "CALL_RETRY", briefly)
    monkeypatch.setattr(reader_module, "EXTEND_EVERY_S", 0.01)
    publish(made, "a")
    reader = start()
    assert taken(reader, 1) == ["a"]
    faults.set(FaultPlan(errors={"ModifyAckDeadline": "UNAVAILABLE"}))
    until(lambda: faults.calls["ModifyAckDeadline"] >= 5)
    faults.set(FaultPlan())
    seen = faults.calls["ModifyAckDeadline"]
    until(lambda: faults.calls["ModifyAckDeadline"] >= seen + 3)


def test_a_reader_stops_pulling_when_it_holds_enough_and_goes_on_when_there_is_room(
    made: Clients, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "PULL_MESSAGES", 10)
    monkeypatch.setattr(reader_module, "OUTSTANDING_MESSAGES", 20)
    bodies = [f"{number:03}" for number in range(50)]
    publish(made, *bodies)
    reader = start()
    until(lambda: not reader._room.is_set())
    assert holds(reader, 20)
    assert len(free(made)) == 30
    found: list[str] = []
    while len(found) < 50:
        found += [message.data.decode() for message in reader.take(20)]
    assert found == bodies, "the oldest first, each once"


def test_the_low_water_mark_is_the_oldest_that_may_not_be_written(
    made: Clients, start: Start, clock: Time
) -> None:
    reader = start()
    assert reader.low_water == 0, "nothing is known yet"
    began = clock.now
    publish(made, "a")
    clock.pass_seconds(10)
    publish(made, "b")
    until(lambda: holds(reader, 2))
    reader.take(1)
    assert reader.low_water == began
    reader.take(1)
    assert reader.low_water == began + 10_000_000
    clock.pass_seconds(100)
    reader.take(1)

    def has_risen() -> bool:
        reader.take(0)
        return reader.low_water == clock.now

    until(has_risen)
