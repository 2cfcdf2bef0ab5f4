"""A delivery has its 2xx when all of it is with Pub/Sub, and not before."""

import io
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from connectors.bad_input import BadInput
from connectors.webhooks import service
from connectors.webhooks.publishing import Publishing
from connectors.webhooks.receiver import Delivery, Hint, InvalidSignature, Received
from connectors.webhooks.service import WebhookService, server
from connectors.webhooks.settings import WebhookSettings
from embedded.ports import free_port
from sandbox.vendors.server import served
from schemas.change import Change, Source, new_change
from schemas.errors import ConfigurationError, RetriableError
from schemas.logs import log_json

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Vendor:
    """A receiver: the body says what is to come about."""

    source: Source = "hubspot"

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.remembered: list[Received] = []

    def receive(self, delivery: Delivery) -> Received:
        self.deliveries.append(delivery)
        match delivery.body:
            case b"forged":
                raise InvalidSignature("signature")
            case b"vault":
                raise RetriableError("Secret Manager does not answer")
            case b"config":
                raise ConfigurationError("no secret")
            case b"bug":
                raise ValueError("ann@customer.example")
            case b"garbage":
                return Received(bad=(BadInput("hubspot", "event", "not JSON", b"\xff", "live"),))
            case b"test":
                return Received(notes={"test_events": 2}, excluded=1)
        return Received(changes=(a_change(delivery.body),), hints=(Hint("hubspot", b'{"id":1}'),))

    def published(self, received: Received) -> None:
        self.remembered.append(received)


def a_change(payload: bytes) -> Change:
    return new_change("hubspot", "contact", "1", payload, stamp=1, fetched=1)


class Topic:
    """What Pub/Sub has; `down` while it has nothing."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.down: Exception | None = None

    def __call__(self, received: Received) -> None:
        if self.down is not None:
            raise self.down
        self.received.append(received)


class Hooks:
    def __init__(self, settings: WebhookSettings | None = None) -> None:
        self.vendor, self.topic = Vendor(), Topic()
        self.ready = True
        self.service = WebhookService(
            {"hubspot": self.vendor}, self.topic, settings, ready=lambda: self.ready
        )
        self.address = ""

    def post(self, body: bytes, path: str = "/webhooks/hubspot", **headers: str) -> int:
        answer = requests.post(self.address + path, data=body, headers=headers, timeout=10)
        assert answer.content == b""
        return answer.status_code

    def count(self, outcome: str) -> int:
        return self.service.tally.counts().get(("hubspot", outcome), 0)


@contextmanager
def hooks(settings: WebhookSettings | None = None) -> Iterator[Hooks]:
    one = Hooks(settings)
    with served(one.service.app) as one.address:
        yield one


def test_trap_38_all_of_it_is_published_before_the_answer() -> None:
    with hooks() as one:
        assert one.post(b"hello") == 200
        (received,) = one.topic.received
        assert (len(received.changes), len(received.hints)) == (1, 1)
        assert one.vendor.remembered == [received]
        assert (one.count("published"), one.count("changes"), one.count("hints")) == (1, 1, 1)


@pytest.mark.parametrize("why", [RetriableError("Pub/Sub is down"), ValueError("x")])
def test_trap_38_what_is_not_published_is_asked_for_again(why: Exception) -> None:
    with hooks() as one:
        one.topic.down = why
        assert one.post(b"hello") == 503
        assert (one.vendor.remembered, one.count("failed")) == ([], 1)
        one.topic.down = None
        assert one.post(b"hello") == 200
        assert len(one.topic.received) == 1


def test_trap_38_a_bad_signature_is_401_and_counted() -> None:
    with hooks() as one:
        assert one.post(b"forged") == 401
        assert (one.count("refused"), one.topic.received) == (1, [])


def test_trap_38_signed_and_unreadable_is_a_dead_letter_and_taken() -> None:
    with hooks() as one:
        assert one.post(b"garbage") == 200
        assert [received.bad[0].data for received in one.topic.received] == [b"\xff"]
        assert one.count("bad") == 1


def test_a_line_of_the_log_names_the_request_its_source_and_its_events() -> None:
    stream, root = io.StringIO(), logging.getLogger()
    level = root.level
    handler = log_json(stream, "p")
    try:
        with hooks() as one:
            assert one.post(b"hello", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == 200
            assert one.post(b"forged", traceparent="ann@customer.example") == 401
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    (published,) = (line for line in told if line["message"] == "hubspot: published")
    assert published["event_ids"] == [a_change(b"hello").change_id]
    assert published["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"
    refused = [line for line in told if "refused" in line["message"]]
    assert [line["source"] for line in refused] == ["hubspot"] * len(refused)
    assert all("logging.googleapis.com/trace" not in line for line in refused)
    assert "customer.example" not in stream.getvalue()


def test_an_address_with_a_slash_too_many_is_none_and_leads_nowhere() -> None:
    with hooks() as one:
        address = f"{one.address}/webhooks/hubspot/"
        answer = requests.post(address, data=b"hello", timeout=10, allow_redirects=False)
        assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize("body", [b"vault", b"config", b"bug"])
def test_a_receiver_that_cannot_tell_now_is_asked_again(body: bytes) -> None:
    with hooks() as one:
        assert one.post(body) == 503
        assert one.topic.received == []


def test_nothing_to_publish_is_no_reason_to_need_pubsub() -> None:
    with hooks() as one:
        one.topic.down = RetriableError("down")
        assert one.post(b"test") == 200
        assert (one.count("test_events"), one.count("excluded")) == (2, 1)


def test_too_large_a_body_is_refused_announced_or_not() -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    with hooks(WebhookSettings(limit_bytes=1_000)) as one:
        assert one.post(b"x" * 1_000) == 200
        assert one.post(b"x" * 1_001) == 413
        answer = requests.post(f"{one.address}/webhooks/hubspot", data=parts(), timeout=10)
        assert answer.status_code == 413
        assert one.count("too_large") == 2
        assert len(one.vendor.deliveries) == 1


def test_a_body_that_never_comes_is_given_up_and_asked_for_again() -> None:
    with hooks(WebhookSettings(body_s=0.2)) as one:
        port = int(one.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(
                b"POST /webhooks/hubspot HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
            )
            # No 4xx, after which HubSpot would never send it again.
            assert slow.recv(64).startswith(b"HTTP/1.1 503")
        assert one.count("too_slow") == 1


def raw(one: Hooks, request: bytes) -> bytes:
    port = int(one.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sent:
        sent.sendall(request)
        return sent.recv(64)


@pytest.mark.parametrize("host", [b"[", b"a b", b"x:y", b""])
def test_whatever_host_a_request_names_it_has_an_answer(host: bytes) -> None:
    with hooks() as one:
        request = b"POST /webhooks/hubspot HTTP/1.1\r\nHost: %b\r\nContent-Length: 6\r\n\r\nforged"
        assert raw(one, request % host).startswith(b"HTTP/1.1 401")
        assert one.count("refused") == 1


def test_a_header_that_comes_twice_is_both_and_a_body_in_pieces_is_whole() -> None:
    with hooks() as one:
        request = (
            b"POST /webhooks/hubspot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"X-Signature: good\r\nX-Signature: evil\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
        )
        assert raw(one, request).startswith(b"HTTP/1.1 200")
        (delivery,) = one.vendor.deliveries
        assert (delivery.body, delivery.headers["x-signature"]) == (b"hello", "good, evil")


def test_a_receiver_has_the_request_as_it_was_signed() -> None:
    settings = WebhookSettings(public_url="https://hooks.example/")
    with hooks(settings) as one:
        body = '{"name":  "Zoë"}'.encode()
        assert one.post(body, "/webhooks/hubspot?a=%2Fb%20c&a=d+e", **{"X-Signature": "Abc"}) == 200
        (delivery,) = one.vendor.deliveries
        assert delivery.body == body
        assert delivery.url == "https://hooks.example/webhooks/hubspot?a=%2Fb%20c&a=d+e"
        assert (delivery.method, delivery.headers["x-signature"]) == ("POST", "Abc")


def test_trap_38_while_publishing_hangs_what_is_too_much_is_sent_away_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MOST_IN_HAND", 2)
    reached, go = threading.Semaphore(0), threading.Event()

    def hanging(received: Received) -> None:
        reached.release()
        assert go.wait(10)

    with hooks() as one:
        one.service._publish = hanging
        statuses: list[int] = []
        callers = [
            threading.Thread(target=lambda: statuses.append(one.post(b"hello"))) for _ in range(2)
        ]
        for caller in callers:
            caller.start()
            assert reached.acquire(timeout=10)
        assert (one.post(b"hello"), one.count("busy")) == (503, 1)
        go.set()
        for caller in callers:
            caller.join(20)
        assert statuses == [200, 200]
        assert one.post(b"hello") == 200


def test_what_is_not_here_is_not_here() -> None:
    with hooks() as one:
        assert one.post(b"hello", "/webhooks/salesforce") == 404
        assert requests.get(f"{one.address}/webhooks/hubspot", timeout=10).status_code == 405


def test_health_and_what_it_answers() -> None:
    with hooks() as one:
        for path in ("/health", "/health/live", "/health/ready"):
            assert requests.get(one.address + path, timeout=10).status_code == 200
        one.ready = False
        assert requests.get(f"{one.address}/health/ready", timeout=10).status_code == 503
        assert requests.get(f"{one.address}/health/live", timeout=10).status_code == 200
        paths = requests.get(f"{one.address}/openapi.json", timeout=10).json()["paths"]
        assert set(paths) == {"/webhooks/hubspot", "/health", "/health/live", "/health/ready"}
        assert set(paths["/webhooks/hubspot"]["post"]["responses"]) >= {"200", "401", "413", "503"}


def test_trap_58_logs_have_no_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="connectors")
    with hooks() as one:
        one.topic.down = ValueError("ann@customer.example")
        for body in (b"ann@customer.example", b"bug", b"forged", b"garbage"):
            one.post(body, "/webhooks/hubspot?token=s3cret")
    text = caplog.text
    assert "hubspot: ValueError" in text
    assert "@" not in text
    assert "s3cret" not in text


def test_trap_60_what_is_in_hand_at_a_stop_is_answered() -> None:
    one = Hooks()
    reached, go = threading.Event(), threading.Event()

    def slow(received: Received) -> None:
        reached.set()
        assert go.wait(10)
        one.topic.received.append(received)

    one.service._publish = slow
    port = free_port()
    running = server(one.service, "127.0.0.1", port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    one.address = f"http://127.0.0.1:{port}"
    while not running.started:
        assert thread.is_alive()
    statuses: list[int] = []
    caller = threading.Thread(target=lambda: statuses.append(one.post(b"hello")))
    caller.start()
    assert reached.wait(10)
    running.should_exit = True
    go.set()
    caller.join(20)
    thread.join(20)
    assert (statuses, len(one.topic.received)) == ([200], 1)


class Recorder:
    """A publisher that takes note; one a thread."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.sent: list[object] = []
        self.flushed = 0

    def publish(self, change: Change) -> None:
        self.sent.append(change)

    def publish_message(self, topic: str, data: bytes, attributes: dict[str, str]) -> None:
        self.sent.append((topic, data))

    def flush(self) -> None:
        self.flushed += 1


def test_a_thread_has_its_own_publisher_and_everything_is_flushed() -> None:
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder())
        return made[-1]

    publishing = Publishing(make)  # type: ignore[arg-type]
    received = Received(
        changes=(a_change(b"x"),),
        hints=(Hint("hubspot", b"h"),),
        bad=(BadInput("hubspot", "event", "not JSON", b"\xff", "live"),),
    )
    publishing(received)
    publishing(received)
    other = threading.Thread(target=publishing, args=(received,))
    other.start()
    other.join()
    assert [one.flushed for one in made] == [2, 1]
    assert made[1].sent == [
        received.changes[0],
        ("hints-hubspot", b"h"),
        ("changes-hubspot", b"\xff"),
    ]
