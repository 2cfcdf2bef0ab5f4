"""Dedupe in the graph: first sight passes, the rest is accounted for, replays are not swallowed."""

from typing import Any

import apache_beam as beam
import msgspec
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import userstate
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from elements import a_normalised

from schemas.flow import Arrival, Normalised, RowBatch, pack_normalised, unpack_normalised
from transforms import coders as coders
from transforms.dedupe import Dedupe

RUNNERS = ["FnApiRunner", "BundleBasedDirectRunner"]
HORIZON_S = 100.0


def replayed(element: Normalised) -> Normalised:
    arrival = element.arrival
    change = msgspec.structs.replace(arrival.change, attempt=2, lane="replay")
    return Normalised(Arrival(change, "m-replay", arrival.publish_time), (), ())


def message_ids(batch: RowBatch) -> list[str]:
    return [row.message_id for row in batch.rows]  # type: ignore[attr-defined]


@pytest.mark.parametrize("runner", RUNNERS)
def test_in_is_first_sights_plus_duplicates(runner: str) -> None:
    sent = [a_normalised(i % 40, f"m-{i}") for i in range(100)]
    packed = [pack_normalised(element) for element in sent]
    with TestPipeline(runner=runner, options=PipelineOptions([])) as pipeline:
        elements = (
            pipeline
            | beam.Create(packed)
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        outputs = elements | Dedupe(4, HORIZON_S, clock=lambda: 7)
        firsts = outputs.first | beam.Map(lambda e: e.arrival.change.object_id)
        assert_that(firsts, equal_to([f"c-{i}" for i in range(40)]), "firsts")
        duplicates = outputs.duplicates | beam.FlatMap(message_ids)
        count = duplicates | beam.combiners.Count.Globally()
        assert_that(count, equal_to([60]), "duplicates")


def test_a_replay_is_not_swallowed() -> None:
    element = a_normalised(1)
    packed = [pack_normalised(element), pack_normalised(replayed(element))]
    with TestPipeline(runner="FnApiRunner", options=PipelineOptions([])) as pipeline:
        elements = (
            pipeline
            | beam.Create(packed)
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        outputs = elements | Dedupe(4, HORIZON_S)
        attempts = outputs.first | beam.Map(lambda e: e.arrival.change.attempt)
        assert_that(attempts, equal_to([1, 2]))


def test_a_change_is_remembered_for_the_horizon_and_then_forgotten() -> None:
    """Seen at 0; known at 90; the timer at 100 flips; known after one flip, gone after two."""
    element = pack_normalised(a_normalised(1, "again"))
    other = pack_normalised(a_normalised(2, "other"))
    stream = (
        TestStream()
        .add_elements([element])
        .advance_watermark_to(90)
        .add_elements([element])
        .advance_watermark_to(110)
        .add_elements([element, other])
        .advance_watermark_to(230)
        .add_elements([element])
        .advance_watermark_to_infinity()
    )
    clock = ClockOfTheStream()
    options = PipelineOptions(["--streaming"])
    with TestPipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        elements = pipeline | stream | beam.Map(unpack_normalised).with_output_types(Normalised)
        outputs = elements | Dedupe(1, HORIZON_S, now=clock)
        firsts = outputs.first | beam.Map(lambda e: e.arrival.change.object_id)
        assert_that(firsts, equal_to(["c-1", "c-2", "c-1"]))


def test_what_is_remembered_holds_no_watermark_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker tells its runner of a timer: when it fires, and where it holds the watermark
    until then. The runner of TestStream knows of no such hold, so it is read where it is told."""
    told, timer = [], userstate.Timer

    def noted(**given: Any) -> userstate.Timer:
        told.append((given["fire_timestamp"], given["hold_timestamp"]))
        return timer(**given)

    monkeypatch.setattr(userstate, "Timer", noted)
    packed = [pack_normalised(a_normalised(i)) for i in range(9)]
    with TestPipeline(runner="FnApiRunner", options=PipelineOptions([])) as pipeline:
        elements = (
            pipeline
            | beam.Create(packed)
            | beam.Map(lambda one: TimestampedValue(one, 5))
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        _ = elements | Dedupe(2, HORIZON_S, now=lambda: Timestamp(10))
    flip = Timestamp(10 + HORIZON_S)
    assert set(told) == {(flip, flip)}, "nothing is held at second 5"


class ClockOfTheStream:
    """The moments of the stream, which are handed to no DoFn: 0, then 110 …

    `Dedupe` asks once for every timer that it sets: at the first sight, and at the first one after
    a flip.
    """

    def __init__(self) -> None:
        self.moments = [0, 110, 230, 230]

    def __call__(self) -> Timestamp:
        return Timestamp(self.moments.pop(0))
