"""The embedded Pub/Sub as a process: crashes, locks, faults, retention."""

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions as api
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient, types
from pubsub_backend import PROJECT, Clients, clients

from embedded.pubsub import FaultPlan, Faults, PubSubServer, set_faults
from embedded.pubsub.broker import Broker
from embedded.pubsub.store import Publication, Store
from embedded.pubsub.writer import StoreClosed, Writer
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
        {"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 101}},
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
    broker.create_topic(types.Topic.pb()(name=TOPIC))
    broker.create_subscription(types.Subscription.pb()(name=SUBSCRIPTION, topic=TOPIC))
    broker.publish(TOPIC, [Publication(b"old", {}, "")])
    now[0] += 8 * 86_400_000_000
    broker.publish(TOPIC, [Publication(b"new", {}, "")])
    assert broker.prune() == 1
    assert [r.stored.data for r in broker.pull(SUBSCRIPTION, 10)] == [b"new"]
    store.close()


def test_a_message_published_while_a_later_one_is_acknowledged_survives_a_restart(
    tmp_path: Path,
) -> None:
    """Eight publishers and a reader race; then the server forgets what it had in memory."""
    server = PubSubServer(tmp_path)
    answered: list[str] = []
    acknowledged: set[str] = set()
    with clients(server.start()) as made:
        topology(made, ack_deadline_seconds=600)

        def publish(writer: int) -> None:
            for turn in range(60):
                body = f"{writer}-{turn}"
                made.publisher.publish(topic=TOPIC, messages=[{"data": body.encode()}])
                answered.append(body)

        threads = [threading.Thread(target=publish, args=(writer,)) for writer in range(8)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 300:
            pulled = made.subscriber.pull(subscription=SUBSCRIPTION, max_messages=7, timeout=10)
            ids = [m.ack_id for m in pulled.received_messages]
            made.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
            acknowledged |= {m.message.data.decode() for m in pulled.received_messages}
        for thread in threads:
            thread.join()
    server.stop()
    with clients(server.start()) as made:
        assert pull_all(made, 480 - len(acknowledged)) == set(answered) - acknowledged
    server.stop()


def test_a_real_client_reads_more_than_its_channel_takes_in_one_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PubSubServer(tmp_path)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    with PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
        for number in range(8):
            message = {"data": bytes([number]) * 1_000_000}
            publisher.publish(topic=TOPIC, messages=[message])
        seen: list[int] = []
        for duplicates in (True, False):
            server.faults.set(FaultPlan(duplicates=duplicates))
            while len(seen) < (4 if duplicates else 8):
                pulled = subscriber.pull(
                    subscription=SUBSCRIPTION, max_messages=100, timeout=10, retry=None
                ).received_messages
                seen += sorted({m.message.data[0] for m in pulled})
                ids = [m.ack_id for m in pulled]
                subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
    assert seen == list(range(8))
    server.stop()


def test_a_deleted_topic_leaves_its_subscription_what_it_had_and_no_more(tmp_path: Path) -> None:
    server = PubSubServer(tmp_path)
    with clients(server.start()) as made:
        topology(made)
        made.publisher.publish(topic=TOPIC, messages=[{"data": b"one"}])
        made.publisher.delete_topic(topic=TOPIC)
    server.stop()
    with clients(server.start()) as made:
        made.publisher.create_topic(name=TOPIC)
        made.publisher.publish(topic=TOPIC, messages=[{"data": b"of another topic"}])
        found = made.subscriber.get_subscription(subscription=SUBSCRIPTION)
        assert found.topic == "_deleted-topic_"
        assert pull_all(made, 2) == {"one"}
    server.stop()


def test_an_acknowledgement_from_before_a_seek_does_not_undo_it(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite"
    store = Store(path, lambda: 1_000)
    topic = store.create_topic(TOPIC, b"")
    subscription = store.create_subscription(SUBSCRIPTION, topic, b"")
    [message] = store.publish(topic, [Publication(b"one", {}, "")])
    store.seek(subscription.id, 0)
    store.acknowledge(subscription.id, subscription.seeks, [message], message)
    assert store.unacknowledged(subscription.id, topic) == [(message, "")]
    store.acknowledge(subscription.id, subscription.seeks + 1, [message], message)
    assert store.unacknowledged(subscription.id, topic) == []
    store.close()
    with pytest.raises(StoreClosed):
        store.publish(topic, [Publication(b"late", {}, "")])


def test_what_is_committed_is_told_in_the_order_of_ids_however_many_publish(tmp_path: Path) -> None:
    store = Store(tmp_path / "messages.sqlite", lambda: 1_000)
    topic = store.create_topic(TOPIC, b"")
    told: list[int] = []

    def publish() -> None:
        for _ in range(40):
            answered = store.publish(topic, [Publication(b"x", {}, "")] * 3, told.extend)
            assert set(answered) <= set(told)

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == list(range(1, 8 * 40 * 3 + 1))
    store.close()


def test_operations_that_share_a_commit_fail_alone_and_fall_together(tmp_path: Path) -> None:
    store = Store(tmp_path / "messages.sqlite", lambda: 1_000)
    topic = store.create_topic(TOPIC, b"")
    with pytest.raises(sqlite3.IntegrityError):
        store.create_topic(TOPIC, b"")
    with sqlite3.connect(tmp_path / "messages.sqlite") as other:
        other.execute("DROP TABLE acks")
    subscription = store.create_subscription(SUBSCRIPTION, topic, b"")
    with pytest.raises(sqlite3.OperationalError):
        store.acknowledge(subscription.id, 0, [1], 0)
    assert store.publish(topic, [Publication(b"one", {}, "")]) == [1]
    store.close()


def test_a_full_disk_fails_what_did_not_fit_and_the_writer_lives_on(tmp_path: Path) -> None:
    def connect() -> sqlite3.Connection:
        database = sqlite3.connect(tmp_path / "small.sqlite", isolation_level=None)
        database.execute("PRAGMA max_page_count = 20")
        database.execute("CREATE TABLE IF NOT EXISTS kept (body BLOB)")
        return database

    def keep(size: int) -> int:
        insert = "INSERT INTO kept VALUES (zeroblob(?))"
        return writer.do(lambda database: database.execute(insert, (size,)).rowcount, told.append)

    told: list[int] = []
    writer = Writer(connect)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        keep(1_000_000)
    assert told == []
    assert keep(10) == 1 and told == [1]
    writer.close()


def test_a_store_that_fails_is_answered_as_unavailable(tmp_path: Path) -> None:
    server = PubSubServer(tmp_path)
    with clients(server.start()) as made:
        topology(made)
        with sqlite3.connect(tmp_path / "messages.sqlite") as other:
            other.execute("DROP TABLE messages")
        with pytest.raises(api.ServiceUnavailable):
            made.publisher.publish(topic=TOPIC, messages=[{"data": b"one"}], retry=None)
    server.stop()


def test_a_file_of_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite"
    path.write_bytes(b"not a database, and longer than the header of one" * 9)
    with pytest.raises(FatalError, match="cannot be read"):
        PubSubServer(tmp_path).start()
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(FatalError, match="version 99"):
        PubSubServer(tmp_path).start()


def test_a_fault_plan_that_means_nothing_is_refused(tmp_path: Path) -> None:
    server = PubSubServer(tmp_path)
    address = server.start()
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/salesintel.embedded.Faults/Set")
        for body in (b"{", b'{"unknown": 1}', b'{"errors": {"Pull": "NO_SUCH_CODE"}}'):
            with pytest.raises(grpc.RpcError) as refused:
                call(body, timeout=5)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    server.stop()


def test_a_stream_ends_with_the_error_of_what_the_client_said_on_it(tmp_path: Path) -> None:
    server = PubSubServer(tmp_path)
    with clients(server.start()) as made:
        topology(made)
        opening = {"subscription": SUBSCRIPTION, "stream_ack_deadline_seconds": 10}
        wrong = {"modify_deadline_ack_ids": ["1-1"], "modify_deadline_seconds": [1, 2]}
        requests = [types.StreamingPullRequest(r) for r in (opening, wrong)]
        with pytest.raises(api.InvalidArgument):
            list(made.subscriber.streaming_pull(requests=iter(requests), timeout=10, retry=None))
    server.stop()
