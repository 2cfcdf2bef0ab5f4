"""Late and early elements are not lost whatever the watermark does, and a drain ends."""

import random
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from company_messages import CompanyMessages
from graph_runs import assert_same_views, parts, rows_of, rows_of_stream

from pipelines.graph import Ingest
from schemas.clock import wall_clock
from schemas.flow import Received
from schemas.records import Duplicate, RawChange
from transforms.coders import ReceivedCoder
from transforms.generations import Generations

FIRST, LAST = -9_223_372_036_854, 9_223_371_950_454
"""The seconds at both ends of Beam's time."""


def at(moment: float, messages: Sequence[Received]) -> list[TimestampedValue]:
    return [TimestampedValue(message, moment) for message in messages]


def disorderly(seed: int, messages: Sequence[Received]) -> TestStream:
    """The messages at moments that have nothing to do with a watermark that jumps ahead."""
    rng, stream, mark = random.Random(seed), TestStream(coder=ReceivedCoder()), 0
    for start in range(0, len(messages), 45):
        moment = rng.choice((FIRST, 0, mark - 1, mark, mark + 1, mark + 10**6, LAST))
        stream = stream.add_elements(at(moment, messages[start : start + 45]))
        if rng.random() < 0.6:
            mark += rng.choice((1, 1_000, 10**7))
            stream = stream.advance_watermark_to(mark)
        if rng.random() < 0.4:
            stream = stream.advance_processing_time(rng.choice((1, 3_600, 10**7)))
    return stream


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_message_is_lost_whatever_the_watermark_does(
    company: CompanyMessages, seed: int
) -> None:
    messages = company.messages
    rows = rows_of_stream(lambda _: disorderly(seed, messages), messages, company.settings)
    assert_same_views(rows, rows_of(messages, company.settings))


def test_a_repeat_that_comes_behind_the_watermark_is_a_duplicate(
    company: CompanyMessages,
) -> None:
    one = next(message for message in company.messages if "ce-id" in message.attributes)
    repeats = [Received(one.data, one.attributes, f"r-{i}", one.publish_time) for i in range(3)]

    def late(stream: TestStream) -> TestStream:
        stream = stream.add_elements(at(1_000, repeats[:1])).advance_watermark_to(2_000)
        stream = stream.add_elements(at(10, repeats[1:2])).advance_watermark_to(10**9)
        return stream.add_elements(at(FIRST, repeats[2:]))

    rows = rows_of_stream(late, repeats, company.settings)
    assert [row.message_id for row in rows if isinstance(row, RawChange)] == ["r-0"]
    assert [row.message_id for row in rows if isinstance(row, Duplicate)] == ["r-1", "r-2"]


def test_a_drain_ends_though_the_horizon_of_dedupe_is_never_reached(
    company: CompanyMessages,
) -> None:
    """The timer that is set stands years ahead: a pipeline that waited for it would not end."""
    messages = company.messages[:50]
    made, rows = parts(company.settings, dedupe_horizon_s=10 * 365 * 86_400.0)
    stream = TestStream(coder=ReceivedCoder()).add_elements(messages)
    with beam.Pipeline(
        runner="BundleBasedDirectRunner", options=PipelineOptions(["--streaming"])
    ) as pipeline:
        stream = stream.advance_watermark_to_infinity()
        received = pipeline | "Messages" >> stream.with_output_types(Received)
        received | "Ingest" >> Ingest(made)
    assert rows


def test_a_flip_sets_no_timer_and_so_nothing_keeps_a_drain_from_ending(
    company: CompanyMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages, flips, flip = company.messages[:50], [], Generations.flip

    def counted(self: Generations, *state: Any) -> None:
        flips.append(state)
        flip(self, *state)

    monkeypatch.setattr(Generations, "flip", counted)

    def years_go_by(stream: TestStream) -> TestStream:
        stream = stream.add_elements(messages)
        for _ in range(5):
            moment[0] += 10**9
            stream = stream.advance_watermark_to(moment[0])
        return stream

    moment = [wall_clock() // 1_000_000]
    rows_of_stream(years_go_by, messages, company.settings, dedupe_horizon_s=1.0, shards=3)
    assert len(flips) == 3, "one a shard, after the one arrival"
