"""Topics and subscriptions as they are made, and hints as they are pulled, by the real clients."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.pubsub_v1 import types
from pubsub_backend import Clients, clients
from test_pubsub_conformance import SteppingClock

from connectors import hints as pulling
from connectors.fetching import Fetching, PageFetcher
from connectors.hints import Hints
from connectors.poller import Outcome, Poller
from connectors.publisher import ChangePublisher, publisher_client
from connectors.stream import Page
from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from schemas.change import new_change
from schemas.errors import FatalError, RetriableError
from schemas.topology import (
    FETCH_SUBSCRIPTIONS,
    GIVEN_UP_BY,
    HINT_ATTEMPTS,
    NOTIFY_SUBSCRIPTION,
    PIPELINE_SUBSCRIPTIONS,
    TOPICS,
)

pytestmark = pytest.mark.slow

PROJECT = "salesintel-test"
FETCH = FETCH_SUBSCRIPTIONS["hubspot"]
NAME = f"projects/{PROJECT}/subscriptions/{FETCH.name}"
PIPELINE = f"projects/{PROJECT}/subscriptions/pipeline-changes-hubspot"


class NoCursors:
    """No stream is read here."""


class Stand(NamedTuple):
    """A Pub/Sub of this project, whose clock the test sets."""

    made: Clients
    clock: SteppingClock
    server: PubSubServer

    def hints(self) -> Hints:
        return Hints(self.made.subscriber, NAME, monotonic=lambda: 0.0)

    def hint(self, *bodies: str) -> None:
        messages = [{"data": body.encode()} for body in bodies]
        topic = f"projects/{PROJECT}/topics/{FETCH.topic}"
        self.made.publisher.publish(topic=topic, messages=messages)

    def fetching(self, fetch: Any) -> Fetching:
        publisher = ChangePublisher(publisher_client(self.made.publisher.transport), PROJECT)
        return Fetching(PageFetcher("hubspot", fetch), Poller(NoCursors(), publisher))  # type: ignore[arg-type]

    def published(self) -> list[types.PubsubMessage]:
        """What the pipeline would get."""
        answer = self.made.subscriber.pull(subscription=PIPELINE, max_messages=100, timeout=10)
        ids = [one.ack_id for one in answer.received_messages]
        if ids:
            self.made.subscriber.acknowledge(subscription=PIPELINE, ack_ids=ids)
        return [one.message for one in answer.received_messages]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setattr(pulling, "COALESCE_S", 0.0)
    clock = SteppingClock()
    server = PubSubServer(tmp_path, clock=clock)
    address = server.start()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    provision_messaging(PROJECT)
    with clients(address) as made:
        yield Stand(made, clock, server)
    server.stop()


def whole(hints: Sequence[bytes]) -> Page:
    changes = [
        new_change("hubspot", "contact", hint.decode(), b"{}", stamp=1, fetched=1) for hint in hints
    ]
    return Page(tuple(changes), {})


def no_answer(hints: Sequence[bytes]) -> Page:
    raise RetriableError("no answer")


def test_what_is_missing_is_made_and_what_is_there_is_left(stand: Stand) -> None:
    assert provision_messaging(PROJECT) == []
    topics = {one.name for one in stand.made.publisher.list_topics(project=f"projects/{PROJECT}")}
    assert topics == {f"projects/{PROJECT}/topics/{topic}" for topic in TOPICS}
    stand.made.subscriber.delete_subscription(subscription=NAME)
    assert provision_messaging(PROJECT) == [f"created subscription {FETCH.name}"]


def test_hints_come_again_with_pauses_and_are_given_up_in_the_end(stand: Stand) -> None:
    found = stand.made.subscriber.get_subscription(subscription=NAME)
    assert found.dead_letter_policy.max_delivery_attempts == HINT_ATTEMPTS
    assert found.dead_letter_policy.dead_letter_topic.endswith("/topics/changes-hubspot")
    pauses = found.retry_policy.minimum_backoff, found.retry_policy.maximum_backoff
    assert [one.total_seconds() for one in pauses] == [10, 600]


def test_notices_come_again_with_pauses_and_are_never_given_up(stand: Stand) -> None:
    path = f"projects/{PROJECT}/subscriptions/{NOTIFY_SUBSCRIPTION.name}"
    found = stand.made.subscriber.get_subscription(subscription=path)
    assert "dead_letter_policy" not in found
    assert found.retry_policy.minimum_backoff.total_seconds() == 10
    assert found.topic.endswith("/topics/notifications")


def test_what_the_engine_reads_has_neither_pauses_nor_an_end(stand: Stand) -> None:
    for one in PIPELINE_SUBSCRIPTIONS:
        path = f"projects/{PROJECT}/subscriptions/{one.name}"
        found = stand.made.subscriber.get_subscription(subscription=path)
        assert "dead_letter_policy" not in found
        assert "retry_policy" not in found


def test_hints_that_are_done_with_do_not_come_again(stand: Stand) -> None:
    stand.hint("1", "2", "3")
    hints, outcome = stand.hints(), Outcome()
    batch = hints.gathered()
    assert sorted(one.data for one in batch) == [b"1", b"2", b"3"]
    assert {one.attempt for one in batch} == {1}
    assert hints.answer(batch, stand.fetching(whole), outcome) == 3
    assert len(stand.published()) == 3
    for _ in range(2):  # a lease that has run out, and the pause after it
        stand.clock.advance(3_600)
        assert hints.gathered() == []


def test_hints_that_come_within_a_moment_are_one_batch(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "COALESCE_S", 5.0)
    pull, later = stand.made.subscriber.pull, ["2", "3"]

    def pulled(**given: Any) -> Any:
        answer = pull(**given)
        if later:
            stand.hint(later.pop(0))
        return answer

    monkeypatch.setattr(stand.made.subscriber, "pull", pulled)
    stand.hint("1")
    assert [one.data for one in stand.hints().gathered()] == [b"1", b"2", b"3"]


def test_a_hint_that_is_given_back_comes_again_after_a_pause_and_stands_last(
    stand: Stand,
) -> None:
    stand.hint("old")
    hints, outcome = stand.hints(), Outcome()
    assert hints.answer(hints.gathered(), stand.fetching(no_answer), outcome) == 0
    assert hints.gathered() == []
    stand.clock.advance(11)
    stand.hint("new")
    batch = hints.gathered()
    assert [(one.data, one.attempt) for one in batch] == [(b"new", 1), (b"old", 2)]
    hints.give_back(batch)
    stand.clock.advance(3_600)
    assert hints.answer(hints.gathered(), stand.fetching(whole), outcome) == 2


def test_after_a_fatal_error_nothing_is_acknowledged(stand: Stand) -> None:
    def refuse(hints: Sequence[bytes]) -> Page:
        raise FatalError("no secret")

    stand.hint("1")
    hints = stand.hints()
    with pytest.raises(FatalError):
        hints.answer(hints.gathered(), stand.fetching(refuse), Outcome())
    stand.clock.advance(11)
    assert [one.data for one in hints.gathered()] == [b"1"]


def test_while_hints_are_read_nobody_else_has_them_however_long_it_takes(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "HELD_S", 0.03)
    extended = threading.Event()
    modify = stand.made.subscriber.modify_ack_deadline

    def modified(**given: Any) -> None:
        given["ack_deadline_seconds"] = 60 if given["ack_deadline_seconds"] else 0
        modify(**given)
        extended.set()

    monkeypatch.setattr(stand.made.subscriber, "modify_ack_deadline", modified)

    def slow(hints: Sequence[bytes]) -> Page:
        for _ in range(3):
            stand.clock.advance(45)
            extended.clear()
            assert extended.wait(10)
            assert stand.hints().gathered() == []
        return whole(hints)

    stand.hint("1")
    hints = stand.hints()
    assert hints.answer(hints.gathered(), stand.fetching(slow), Outcome()) == 1
    for _ in range(2):
        stand.clock.advance(3_600)
        assert hints.gathered() == []


def test_a_hint_that_is_delivered_in_vain_goes_to_the_changes_of_its_source(
    stand: Stand,
) -> None:
    stand.hint("poison")
    hints, outcome = stand.hints(), Outcome()
    fetching = stand.fetching(no_answer)
    for turn in range(HINT_ATTEMPTS):
        assert hints.answer(hints.gathered(), fetching, outcome) == 0, turn
        stand.clock.advance(601)
    assert hints.gathered() == []
    (letter,) = stand.published()
    assert letter.data == b"poison"
    assert letter.attributes[GIVEN_UP_BY] == FETCH.name
    assert outcome.notes["hints_given_back"] == HINT_ATTEMPTS


def test_a_pubsub_that_does_not_answer_is_waited_for(stand: Stand) -> None:
    stand.server.stop()
    with pytest.raises(RetriableError, match="Pub/Sub does not answer"):
        stand.hints().gathered()


def test_a_subscription_that_is_not_there_is_named(stand: Stand) -> None:
    hints = Hints(stand.made.subscriber, f"projects/{PROJECT}/subscriptions/none")
    with pytest.raises(RetriableError, match="subscriptions/none"):
        hints.gathered()


def test_hints_in_hand_while_pubsub_goes_away_are_no_error_and_come_again(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.hint("a")
    (held,) = stand.hints().gathered()
    stand.server.stop()
    stand.hints().give_back([held])
    outcome = Outcome()
    assert stand.hints().answer([held], stand.fetching(lambda hints: Page((), {})), outcome) == 1
    assert [one.getMessage() for one in caplog.records] == [
        "1 hints will come again: ServiceUnavailable"
    ] * 2
