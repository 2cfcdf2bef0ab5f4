"""Streaming through the whole stack of one machine, `salesintel up`, by the real client.

First at a little more than the rate that has to be sustained, for five minutes: in the first half
every change is new, in the second half the first half comes again, so that what grows with what is
known must stand still. Then, in the warehouse that this has filled, at 50 a second: how long until
a query finds a mail's interaction.

`lag_at_end_s` is the time from the last publish until the last message is accounted for. A latency
ends when the query that finds the row has returned; `latency_poll_s` is the mean time from one such
query to the next, half of which is in every latency on average.
`python -m benchmarks.bench_stream 60` takes one minute instead of five.
"""

import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from google.cloud import bigquery

from benchmarks.mix import demo_mix
from benchmarks.stack import MB, BenchStack, running_stack
from connectors.publisher import ChangePublisher, publisher_client
from operations.console import warehouse_of
from operations.waiting import accounted, until_accounted
from schemas.envelope import SOURCE_PREFIX, topic_of
from schemas.errors import RetriableError
from schemas.flow import Received

BARS = {
    "published_per_s": (">=", 500.0),
    "accounted_per_s": (">=", 500.0),
    "latency_p95_s": ("<=", 5.0),
    "stack_peak_mb": ("<=", 1_500.0),
    # Flat, but for what the allocator does; of no meaning where the lag is not a few seconds.
    "pipeline_slope_repeated_mb_per_min": ("<=", 5.0),
    "restarts_count": ("<=", 0.0),
}

SECONDS = 300.0
RATE = 520.0
"""Changes a second: a little above what has to be sustained."""
SLOW_RATE = 50.0
SLOW_SECONDS = 60.0
TICK_S = 0.02
POLL_S = 0.1
STILL_S = 120.0
"""A mail that no query finds for so long is not waited for."""

FOUND = "SELECT record_key FROM `sales.interactions` WHERE record_key IN UNNEST(@waiting)"


class Outgoing(NamedTuple):
    """A message as it is published; `mark` is the record whose row is looked for, if any."""

    topic: str
    data: bytes
    attributes: dict[str, str]
    mark: str


def outgoing(messages: list[Received], seed: int = 9) -> list[Outgoing]:
    """The mix in random order, each to its source's topic; a mail has a mark at its first sight."""
    seen: set[str] = set()
    found = []
    for message in random.Random(seed).sample(messages, len(messages)):
        source = message.attributes["ce-source"].removeprefix(SOURCE_PREFIX)
        object_id = message.attributes.get("ce-objectid")
        mark = f"gmail:message:{object_id}" if source == "gmail" and object_id else ""
        mark = "" if mark in seen else mark
        seen.add(mark)
        found.append(Outgoing(topic_of(source), message.data, message.attributes, mark))
    return found


class Watch:
    """Asks again and again which of the marked records can be queried."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client
        self._waiting: dict[str, float] = {}
        self._last: float | None = None
        self._lock = threading.Lock()
        self._polls: list[float] = []
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.latencies: list[float] = []

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def expect(self, mark: str) -> None:
        """The record is being published now."""
        with self._lock:
            self._waiting[mark] = time.monotonic()

    def finish(self) -> None:
        """No more records come; returns when all are found."""
        self._ended.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def poll_s(self) -> float:
        """Mean time from one query's end to the next one's."""
        return statistics.mean(self._polls)

    def _run(self) -> None:
        try:
            while not self._ended.is_set() or self._waiting:
                self._poll()
        except Exception as error:  # raised by `finish`, in the thread that waits for this one
            self._failure = error

    def _poll(self) -> None:
        with self._lock:
            waiting = dict(self._waiting)
        if waiting and time.monotonic() - min(waiting.values()) > STILL_S:
            raise RetriableError(f"{len(waiting)} records cannot be queried after {STILL_S:.0f} s")
        if waiting:
            self._found(waiting)
        time.sleep(POLL_S)

    def _found(self, waiting: dict[str, float]) -> None:
        keys = bigquery.ArrayQueryParameter("waiting", "STRING", list(waiting))
        settings = bigquery.QueryJobConfig(query_parameters=[keys])
        rows = {row.record_key for row in self._client.query_and_wait(FOUND, job_config=settings)}
        now = time.monotonic()
        if self._last is not None:
            self._polls.append(now - self._last)
        self._last = now
        self.latencies += [now - waiting[key] for key in rows]
        with self._lock:
            for key in rows:
                del self._waiting[key]


def publish(
    publisher: ChangePublisher, messages: list[Outgoing], rate: float, watch: Watch | None = None
) -> float:
    """Publishes at an even pace; the seconds until Pub/Sub had all."""
    began = time.monotonic()
    for number, message in enumerate(messages):
        early = began + number / rate - time.monotonic()
        if early > 0:
            time.sleep(max(early, TICK_S))
        if watch is not None and message.mark:
            watch.expect(message.mark)
        publisher.publish_message(message.topic, message.data, message.attributes)
    publisher.flush()
    return time.monotonic() - began


def _sustained(
    stack: BenchStack, client: bigquery.Client, publisher: ChangePublisher, new: list[Outgoing]
) -> dict[str, float]:
    first = stack.sample()
    published = 2 * len(new)
    took = publish(publisher, new, RATE)
    middle = stack.sample()
    took += publish(publisher, new, RATE)
    last = stack.sample()
    there = accounted(client)
    until_accounted(client, published)
    lag = time.monotonic() - last.moment
    figures = {
        "published_per_s": published / took,
        "accounted_per_s": published / (took + lag),
        "lag_at_end_s": lag,
        "lag_at_end_messages": float(published - there),
    }
    for name, sample in (("start", first), ("middle", middle), ("end", last)):
        figures[f"pipeline_{name}_mb"] = sample.resident["pipeline"] / MB
        figures[f"stack_{name}_mb"] = sample.whole / MB
    # What the first repeats still grow is buffers, not state.
    settled = middle.moment + (last.moment - middle.moment) / 5
    for name, since, until in (
        ("new", first.moment, middle.moment),
        ("repeated", settled, last.moment),
    ):
        for process in ("pipeline", "warehouse", "pubsub"):
            slope = stack.slope_mb_a_minute(process, since, until)
            figures[f"{process}_slope_{name}_mb_per_min"] = slope
    return figures


def _latency(
    client: bigquery.Client, publisher: ChangePublisher, messages: list[Outgoing]
) -> dict[str, float]:
    watch = Watch(client)
    watch.start()
    publish(publisher, messages, SLOW_RATE, watch)
    watch.finish()
    found = sorted(watch.latencies)
    return {
        "latency_p50_s": found[len(found) // 2],
        "latency_p95_s": found[len(found) * 95 // 100],
        "latency_max_s": found[-1],
        "latency_poll_s": watch.poll_s,
        "latency_mails_count": float(len(found)),
    }


def run(quick: bool = False, seconds: float = SECONDS) -> dict[str, float]:
    """Rates, lags, memory and latencies; `seconds` is how long the higher rate is held."""
    seconds, slow_seconds = (10.0, 5.0) if quick else (seconds, SLOW_SECONDS)
    new, slow = int(RATE * seconds / 2), int(SLOW_RATE * slow_seconds)
    with tempfile.TemporaryDirectory() as directory:
        messages, settings = demo_mix(new + slow, Path(directory) / "company")
        mix = outgoing(messages)
        with running_stack(Path(directory) / "data", settings) as stack:
            publisher = ChangePublisher(publisher_client(), stack.directory.stack().project)
            with warehouse_of(stack.directory) as client:
                figures = _sustained(stack, client, publisher, mix[:new])
                figures |= _latency(client, publisher, mix[new:])
            figures["stack_peak_mb"] = stack.peak() / MB
            for name in stack.samples[0].resident:
                figures[f"{name}_peak_mb"] = stack.peak_of(name) / MB
            figures["restarts_count"] = float(stack.restarts())
    return figures


if __name__ == "__main__":
    print(run(seconds=float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
