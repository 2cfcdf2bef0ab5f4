"""The embedded Pub/Sub as a process: crashes, locks, faults, retention."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from google.api_core import exceptions as api
from pubsub_backend import PROJECT, Clients, clients

from embedded.pubsub import FaultPlan, Faults, PubSubServer, set_faults
from embedded.pubsub.broker import Broker
from embedded.pubsub.deliveries import FLOOR_EVERY, Deliveries
from embedded.pubsub.store import Publication, Store
from schemas.errors import FatalError

TOPIC, SUBSCRIPTION = f"{PROJECT}/topics/t", f"{PROJECT}/subscriptions/s"


def start(directory: Path, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "embedded.pubsub", "--directory", str(directory)]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on "), process.communicate()
    return process, line.removeprefix("listening on ").strip()


def finish(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    return process.returncode


def topology(made: Clients, **settings: object) -> None:
    made.publisher.create_topic(name=TOPIC)
    made.subscriber.create_subscription(request={"name": SUBSCRIPTION, "topic": TOPIC, **settings})


def pull_all(made: Clients, count: int) -> set[str]:
    seen: set[str] = set()
    while len(seen) < count:
        response = made.subscriber.pull(subscription=SUBSCRIPTION, max_messages=500, timeout=10)
        if not response.received_messages:
            break
        seen |= {m.message.data.decode() for m in response.received_messages}
        ids = [m.ack_id for m in response.received_messages]
        made.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
    return seen


@pytest.mark.slow
def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    process, address = start(tmp_path)
    answered: list[str] = []
    enough = threading.Event()
    with clients(address) as made:
        topology(made)

        def publish(writer: int) -> None:
            for turn in range(2_000):
                bodies = [f"{writer}-{turn}-{i}" for i in range(5)]
                messages = [{"data": body.encode()} for body in bodies]
                try:
                    made.publisher.publish(topic=TOPIC, messages=messages, retry=None, timeout=5)
                except api.GoogleAPICallError:
                    return
                answered.extend(bodies)
                if len(answered) > 400:
                    enough.set()

        threads = [threading.Thread(target=publish, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        process.kill()
        process.communicate()
        for thread in threads:
            thread.join(30)
    again, address = start(tmp_path)
    with clients(address) as made:
        assert set(answered) <= pull_all(made, len(answered) + 1)
    assert finish(again) == 0


@pytest.mark.slow
def test_acknowledgements_survive_a_restart_and_leases_do_not(tmp_path: Path) -> None:
    process, address = start(tmp_path)
    with clients(address) as made:
        topology(made, ack_deadline_seconds=600)
        made.publisher.publish(
            topic=TOPIC, messages=[{"data": body} for body in (b"done", b"leased")]
        )
        first, _ = made.subscriber.pull(
            subscription=SUBSCRIPTION, max_messages=2, timeout=10
        ).received_messages
        made.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[first.ack_id])
    assert finish(process) == 0
    process, address = start(tmp_path)
    with clients(address) as made:
        assert pull_all(made, 2) == {"leased"}
    assert finish(process) == 0


def test_a_directory_in_use_and_a_port_in_use_are_refused(tmp_path: Path) -> None:
    server = PubSubServer(tmp_path / "one")
    port = int(server.start().rpartition(":")[2])
    with pytest.raises(FatalError, match="in use"):
        PubSubServer(tmp_path / "one").start()
    with pytest.raises(FatalError, match="port"):
        PubSubServer(tmp_path / "two", port).start()
    server.stop()
    server.start()
    server.stop()


def test_faults_strike_as_told(tmp_path: Path) -> None:
    slept: list[float] = []
    server = PubSubServer(tmp_path, faults=Faults(sleep=slept.append))
    address = server.start()
    with clients(address) as made:
        topology(made)
        set_faults(address, FaultPlan(errors={"Publish": "UNAVAILABLE"}, error_calls=1))
        messages = [{"data": b"one"}]
        with pytest.raises(api.ServiceUnavailable):
            made.publisher.publish(topic=TOPIC, messages=messages, retry=None)
        made.publisher.publish(topic=TOPIC, messages=messages, retry=None)
        set_faults(address, FaultPlan(duplicates=True, latency_s=0.5))
        pulled = made.subscriber.pull(subscription=SUBSCRIPTION, max_messages=9, timeout=10)
        assert [m.message.data for m in pulled.received_messages] == [b"one", b"one"]
        assert slept and slept[0] == 0.5
        set_faults(address, FaultPlan(drop_acknowledgements=True))
        ack_id = pulled.received_messages[0].ack_id
        made.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[ack_id])
        set_faults(address, FaultPlan())
        made.subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=[ack_id], ack_deadline_seconds=0
        )
        assert pull_all(made, 1) == {"one"}
    server.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {"filter": 'attributes.a = "b"'},
        {"push_config": {"push_endpoint": "https://example.com"}},
        {"ack_deadline_seconds": 5},
    ],
)
def test_what_the_server_cannot_do_is_refused_by_name(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    server = PubSubServer(tmp_path)
    with (
        clients(server.start()) as made,
        pytest.raises((api.MethodNotImplemented, api.InvalidArgument)),
    ):
        topology(made, **settings)
    server.stop()


def test_messages_are_dropped_when_their_retention_ends(tmp_path: Path) -> None:
    now = [1_000_000_000_000_000]
    store = Store(tmp_path / "messages.sqlite", lambda: now[0])
    broker = Broker(store, lambda: now[0])
    from google.pubsub_v1 import types

    broker.create_topic(types.Topic.pb()(name=TOPIC))
    broker.create_subscription(types.Subscription.pb()(name=SUBSCRIPTION, topic=TOPIC))
    broker.publish(TOPIC, [Publication(b"old", {}, "")])
    now[0] += 8 * 86_400_000_000
    broker.publish(TOPIC, [Publication(b"new", {}, "")])
    assert broker.prune() == 1
    assert [r.stored.data for r in broker.pull(SUBSCRIPTION, 10)] == [b"new"]
    store.close()


def test_the_floor_rises_past_what_is_acknowledged() -> None:
    deliveries = Deliveries([], 0, lambda: 0)
    deliveries.arrive([(number, "") for number in range(1, FLOOR_EVERY + 3)])
    taken = deliveries.take(FLOOR_EVERY + 2, 10)
    assert deliveries.acknowledge([taken[1].ack_id]) == ([2], 0)
    assert deliveries.acknowledge([t.ack_id for t in taken[2:]])[1] == 0
    assert deliveries.acknowledge([taken[0].ack_id])[1] == FLOOR_EVERY + 2
    assert deliveries.backlog == 0
    assert deliveries.acknowledge(["nonsense", "-1", "99999-1"]) == ([], FLOOR_EVERY + 2)
