"""Beam's local runner with our own Pub/Sub source.

The source that the runner ships pulls ten messages a bundle and acknowledges them before they are
processed. Ours hands out hundreds, acknowledges after the sink has them (embedded/reader.py), and
keeps the low-water mark from which a restart reads again. Used in streaming; bounded pipelines run
on the in-process portable runner, which is faster there.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apache_beam import pvalue
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.runners.direct.direct_runner import (
    BundleBasedDirectRunner,
    _DirectReadFromPubSub,
)
from apache_beam.runners.direct.executor import _CompletionCallback
from apache_beam.runners.direct.transform_evaluator import (
    TransformEvaluatorRegistry,
    _PubSubReadEvaluator,
)
from apache_beam.runners.direct.util import TransformResult
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from embedded.reader import SubscriptionReader
from schemas.clock import Clock, wall_clock

MESSAGES_A_ROUND = 1_000
"""Handed out to one round of the graph: the larger, the cheaper a message and the later a row."""

IDLE_WAIT_S = 0.02
LONGEST_IDLE_WAIT_S = 0.5
"""In all readers together. The wait grows by the half while nothing comes, for each round has the
runner look at every step of the graph; a message that arrives ends it at once."""
MARK_EVERY_US = 1_000_000


class Sources:
    """The readers of one running pipeline, and its low-water marks."""

    def __init__(self, marks: Path | None = None, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self._marks = marks
        self._marked_at = 0
        self._marked: dict[str, int] = {}
        self._readers: dict[str, SubscriptionReader] = {}
        self._arrived = threading.Event()
        self._idle_s = IDLE_WAIT_S
        self._draining = threading.Event()
        self._failed = threading.Event()

    def reader(self, subscription: str) -> SubscriptionReader:
        """The reader of a subscription, started at the first call."""
        if subscription not in self._readers:
            reader = SubscriptionReader(subscription, self._arrived, self._clock)
            self._readers[subscription] = reader
            reader.start()
        return self._readers[subscription]

    def wait(self) -> None:
        """Returns when a message has arrived, or soon."""
        if self._arrived.wait(self._idle_s / max(1, len(self._readers))):
            self._arrived.clear()
            self._idle_s = IDLE_WAIT_S
        else:
            self._idle_s = min(self._idle_s * 1.5, LONGEST_IDLE_WAIT_S)

    def note_marks(self) -> None:
        """Writes the low-water marks, at most once a second; a first one at once: without it what
        a killed process had pulled would stay leased to it until the deadline."""
        if self._marks is None:
            return
        now = self._clock()
        marks = {name: reader.low_water for name, reader in self._readers.items()}
        first = any(mark and not self._marked.get(name) for name, mark in marks.items())
        if now - self._marked_at < MARK_EVERY_US and not first:
            return
        self._marked_at, self._marked = now, marks
        part = self._marks.with_suffix(".part")
        part.write_text(json.dumps(marks), encoding="utf-8")
        part.replace(self._marks)

    def drain(self) -> None:
        """Asks the sources to end: what was handed out is finished and acknowledged first."""
        self._draining.set()
        self._arrived.set()

    @property
    def draining(self) -> bool:
        """True once `drain` was called."""
        return self._draining.is_set()

    def fail(self) -> None:
        """The runner has given a bundle up: nothing more is handed out or acknowledged."""
        self._failed.set()

    @property
    def failed(self) -> bool:
        """True once `fail` was called."""
        return self._failed.is_set()

    def stop(self) -> None:
        """Stops all readers. After a drain there is nothing to go back to, so the marks go."""
        for reader in self._readers.values():
            reader.ask_to_stop()
        for reader in self._readers.values():
            reader.stop()
        if self.draining and not self.failed and self._marks is not None:
            self._marks.unlink(missing_ok=True)


class _ReadEvaluator(_PubSubReadEvaluator):  # type: ignore[misc]
    """Hands out what the background readers have pulled; runs when all earlier work is done."""

    sources: Sources

    def finish_bundle(self) -> TransformResult:
        if self.sources.failed:
            # The runner goes round until it is shut down. To take would be to acknowledge.
            return TransformResult(self, [], [], None, {})
        reader = self.sources.reader(self._sub_name)
        draining = self.sources.draining
        messages = reader.take(0 if draining else MESSAGES_A_ROUND)
        self.sources.note_marks()
        if not messages and not draining:
            self.sources.wait()
        output = next(iter(self._outputs))
        bundle = self._evaluation_context.create_bundle(output)
        for message in messages:
            bundle.output(
                GlobalWindows.windowed_value(
                    PubsubMessage(
                        message.data,
                        message.attributes,
                        message.message_id,
                        Timestamp(micros=message.publish_time),
                    ),
                    timestamp=Timestamp(micros=message.publish_time),
                )
            )
        if draining:
            return TransformResult(self, [bundle], [], None, {None: MAX_TIMESTAMP})
        begin = pvalue.PBegin(self._applied_ptransform.transform.pipeline)
        again = self._evaluation_context.create_bundle(begin)
        mark = Timestamp(micros=max(reader.low_water - 1, 0))
        return TransformResult(self, [bundle] if messages else [], [again], None, {None: mark})


@contextlib.contextmanager
def local_sources(sources: Sources) -> Iterator[Sources]:
    """Within: pipelines of `BundleBasedDirectRunner` in this process read through `sources`."""
    overrides: dict[Any, Any] = TransformEvaluatorRegistry._test_evaluators_overrides
    evaluator = type("ReadEvaluator", (_ReadEvaluator,), {"sources": sources})
    overrides[_DirectReadFromPubSub] = evaluator
    handle_exception = _CompletionCallback.handle_exception

    def failed(callback: Any, executor: Any, exception: Exception) -> None:
        # Called in the thread that runs the graph, before it turns to the sources again.
        sources.fail()
        handle_exception(callback, executor, exception)

    _CompletionCallback.handle_exception = failed
    try:
        yield sources
    finally:
        _CompletionCallback.handle_exception = handle_exception
        overrides.pop(_DirectReadFromPubSub, None)
        sources.stop()


__all__ = ["BundleBasedDirectRunner", "Sources", "local_sources"]
