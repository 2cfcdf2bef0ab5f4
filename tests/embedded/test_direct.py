"""The local runner with our source: drained, killed by a bundle that fails, and its marks."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from pubsub_backend import PROJECT, Clients, clients

from embedded.direct import Sources, local_sources
from embedded.pubsub import PubSubServer

pytestmark = pytest.mark.slow

NAMES = ("a", "b")
DEADLINE_S = 60.0

_seen: list[bytes] = []
_arrived = threading.Condition()


class Time:
    """Microseconds; goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now


def note(message: Any) -> None:
    """A step that runs in this process."""
    with _arrived:
        _seen.append(message.data)
        _arrived.notify_all()


def fail(message: Any) -> None:
    """A step that no bundle gets past."""
    note(message)
    raise RuntimeError("cannot be written")


def await_seen(count: int) -> None:
    with _arrived:
        assert _arrived.wait_for(lambda: len(_seen) >= count, DEADLINE_S)


def subscription(name: str) -> str:
    return f"{PROJECT}/subscriptions/{name}"


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def made(tmp_path: Path, clock: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    _seen.clear()
    server = PubSubServer(tmp_path / "pubsub", clock=clock)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    try:
        with clients(server.address) as both:
            for name in NAMES:
                topic = f"{PROJECT}/topics/{name}"
                both.publisher.create_topic(name=topic)
                both.subscriber.create_subscription(
                    request={
                        "name": subscription(name),
                        "topic": topic,
                        "ack_deadline_seconds": 60,
                    }
                )
            yield both
    finally:
        server.stop()


def publish(made: Clients, *bodies: str) -> None:
    """Each to the topic of its first letter."""
    for body in bodies:
        topic = f"{PROJECT}/topics/{body[0]}"
        made.publisher.publish(topic=topic, messages=[{"data": body.encode()}])


def left(made: Clients, clock: Time) -> set[str]:
    """What is not acknowledged: all of it can be had when every lease is over."""
    clock.now += 61_000_000
    found = set()
    for name in NAMES:
        answer = made.subscriber.pull(
            request={
                "subscription": subscription(name),
                "max_messages": 100,
                "return_immediately": True,
            }
        )
        found |= {message.message.data.decode() for message in answer.received_messages}
    return found


def running(step: object) -> beam.runners.runner.PipelineResult:
    pipeline = beam.Pipeline(
        runner=BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"])
    )
    reads = [pipeline | name >> ReadFromPubSub(subscription=subscription(name)) for name in NAMES]
    reads | beam.Flatten() | beam.Reshuffle() | "Write" >> beam.Map(step)
    return pipeline.run()


def test_a_drain_finishes_and_acknowledges_what_was_handed_out_and_takes_its_marks_away(
    made: Clients, clock: Time, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    publish(made, "a1", "b1", "a2")
    with local_sources(Sources(marks, clock)) as sources:
        result = running(note)
        await_seen(3)
        assert set(json.loads(marks.read_text())) <= {subscription(name) for name in NAMES}
        sources.drain()
        assert sources.draining
        result.wait_until_finish()
        publish(made, "b2")
    assert sorted(_seen) == [b"a1", b"a2", b"b1"], "each once"
    assert left(made, clock) == {"b2"}
    assert not marks.exists(), "there is nothing to go back to"


def test_a_mark_is_written_before_the_first_messages_are_worked_on(
    made: Clients, clock: Time, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    published = clock.now
    publish(made, "a1")
    with local_sources(Sources(marks, clock)) as sources:
        result = running(note)
        await_seen(1)
        # The clock stands still: only a first mark is written without waiting for the next second.
        assert json.loads(marks.read_text())[subscription("a")] == published
        sources.drain()
        result.wait_until_finish()


def test_a_bundle_that_is_given_up_is_not_acknowledged_and_its_marks_stay(
    made: Clients, clock: Time, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    publish(made, "a1", "b1")
    with local_sources(Sources(marks, clock)) as sources:
        result = running(fail)
        with pytest.raises(RuntimeError, match="cannot be written"):
            result.wait_until_finish()
        sources.drain()
    assert left(made, clock) == {"a1", "b1"}
    assert sources.failed
    assert marks.exists()


def test_nothing_is_left_behind_in_the_runner(made: Clients, clock: Time) -> None:
    from apache_beam.runners.direct.executor import _CompletionCallback
    from apache_beam.runners.direct.transform_evaluator import TransformEvaluatorRegistry

    before = _CompletionCallback.handle_exception
    with local_sources(Sources(clock=clock)):
        assert _CompletionCallback.handle_exception is not before
        assert TransformEvaluatorRegistry._test_evaluators_overrides
    assert _CompletionCallback.handle_exception is before
    assert not TransformEvaluatorRegistry._test_evaluators_overrides


def test_marks_are_written_once_a_second_by_the_clock_and_never_half(
    made: Clients, clock: Time, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    sources = Sources(marks, clock)
    sources.reader(subscription("a"))
    sources.note_marks()
    first = json.loads(marks.read_text())
    marks.write_text("{}")
    sources.note_marks()
    assert marks.read_text() == "{}"
    clock.now += 1_000_000
    sources.note_marks()
    assert json.loads(marks.read_text()).keys() == first.keys()
    assert [path.name for path in tmp_path.glob("marks*")] == ["marks.json"]
    sources.stop()
    assert marks.exists(), "a stop that is no drain leaves them"
