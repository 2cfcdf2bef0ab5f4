"""Resolve on Beam comes to the same partition as the engine in one process."""

import random

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from identity_world import SETTINGS, State, Ticks, batch_of, history, record, seeds_of, tables

from schemas.change import new_change
from schemas.flow import Arrival, Normalised, RowBatch, pack_normalised, unpack_normalised
from schemas.identity import IdentityRecord, Link, StoredRecord
from transforms import coders as coders
from transforms.identity.engine import Engine
from transforms.identity.messages import Decision, pack
from transforms.resolve import Resolve
from transforms.resolve_records import seed_element

RUNNERS = ["FnApiRunner", "BundleBasedDirectRunner"]
CLOCK = 1_700_000_000_000_000


def clock() -> int:
    return CLOCK


def packed(records: list[IdentityRecord]) -> bytes:
    change = new_change("files", "contact", "c-1", b"{}", stamp=1, fetched=1)
    return pack_normalised(Normalised(Arrival(change, "m-1", 1), (), tuple(records)))


def in_process(records: list[IdentityRecord]) -> State:
    engine = Engine(SETTINGS, Ticks())
    engine.add(records)
    return dict(engine.links()), dict(engine.entities())


def says(expected: State):
    def check(batches: list[RowBatch]) -> None:
        rows = sorted(
            (row for batch in batches for row in batch.rows),
            key=lambda row: getattr(row, "revision", 0),
        )
        assert tables(rows)[0] == expected

    return check


def run(runner: str, elements: list[bytes], expected: State, **options: object) -> None:
    with TestPipeline(runner=runner, options=PipelineOptions([])) as pipeline:
        changes = (
            pipeline
            | beam.Create(elements)
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        made = {name: pipeline | name >> beam.Create(values) for name, values in options.items()}
        rows = changes | Resolve(SETTINGS, shards=3, clock=clock, **made)
        assert rows.element_type is RowBatch
        assert_that(rows, says(expected))


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_bounded_run_comes_to_the_partition_of_the_engine(runner: str) -> None:
    versions = history(1, size=48)
    shuffled = random.Random(1).sample(versions, len(versions))
    elements = [packed(shuffled[i : i + 3]) for i in range(0, len(shuffled), 3)]
    run(runner, elements, in_process(versions))


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_stream_in_many_bundles_comes_to_the_partition_of_the_engine() -> None:
    versions = history(5)
    stream = TestStream(coder=beam.coders.BytesCoder())
    for one in random.Random(2).sample(versions, len(versions)):
        stream = stream.add_elements([packed([one])])
    with TestPipeline(
        runner="BundleBasedDirectRunner", options=PipelineOptions(["--streaming"])
    ) as pipeline:
        changes = (
            pipeline
            | stream.advance_watermark_to_infinity()
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        assert_that(changes | Resolve(SETTINGS, shards=2, clock=clock), says(in_process(versions)))


def seeds(records: list[IdentityRecord]) -> list[RowBatch]:
    rows = Engine(SETTINGS, Ticks()).add(records)
    return [batch_of(seed) for seed in seeds_of(rows)]


@pytest.mark.parametrize("runner", RUNNERS)
def test_seeded_state_is_silent_about_what_is_published(runner: str) -> None:
    versions = history(6)
    with TestPipeline(runner=runner, options=PipelineOptions([])) as pipeline:
        tables_of = pipeline | "Tables" >> beam.Create(seeds(versions))
        changes = (
            pipeline
            | beam.Create([packed(versions[:4])])
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        rows = changes | Resolve(SETTINGS, shards=3, clock=clock, seeds=tables_of)
        assert_that(rows, says(({}, {})))


@pytest.mark.parametrize("runner", RUNNERS)
def test_seeded_state_goes_on_with_what_is_new(runner: str) -> None:
    known = [record("salesforce:contact:1", given_name="Ann", emails=("ann@acme.com",))]
    new = [record("gmail:address:9", 2, emails=("ann@acme.com",))]
    links, entities = in_process(known + new)

    def check(batches: list[RowBatch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        assert [row.record_key for row in rows if isinstance(row, StoredRecord)] == [
            "gmail:address:9"
        ]
        assert {row.entity_id for row in rows if isinstance(row, Link)} == {
            link.entity_id for link in links.values()
        }
        assert len(entities) == 1

    with TestPipeline(runner=runner, options=PipelineOptions([])) as pipeline:
        tables_of = pipeline | "Tables" >> beam.Create(seeds(known))
        changes = (
            pipeline
            | beam.Create([packed(new)])
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        assert_that(changes | Resolve(SETTINGS, shards=3, clock=clock, seeds=tables_of), check)


def test_a_decision_of_a_person_holds_records_apart() -> None:
    pair = [
        record("salesforce:contact:1", emails=("ann@acme.com",)),
        record("hubspot:contact:1", emails=("ann@acme.com",)),
    ]
    decision = Decision("hubspot:contact:1", "salesforce:contact:1", "different", (1, 1, 1, ""))
    engine = Engine(SETTINGS, Ticks())
    engine.add(pair)
    engine.decide([decision])
    expected = dict(engine.links()), dict(engine.entities())
    assert len(expected[1]) == 2
    run("FnApiRunner", [packed(pair)], expected, decisions=[pack([decision])])


def test_a_seed_without_a_published_link_is_a_record_all_the_same() -> None:
    row = seeds([record("salesforce:contact:1")])[0].rows[0]
    shard, message = seed_element(RowBatch((row,)), 4)
    assert 0 <= shard < 4
    assert message


def test_stages_and_coders_of_keyed_state_are_as_a_running_job_has_them() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions([]))
    changes = pipeline | beam.Create([]).with_output_types(Normalised)
    changes | Resolve(SETTINGS, shards=3, clock=clock)
    components = pipeline.to_runner_api().components
    stateful = {
        step.unique_name: step
        for step in components.transforms.values()
        if step.spec.urn == "beam:transform:pardo:v1" and b"token" in step.spec.payload
    }
    stages = {name.split("/")[1] for name in stateful}
    assert stages == {"Records", "Blocks", "Components"}
    for step in stateful.values():
        (collection,) = step.inputs.values()
        coder = components.coders[components.pcollections[collection].coder_id]
        parts = [components.coders[part].spec.urn for part in coder.component_coder_ids]
        assert parts == ["beam:coder:varint:v1", "beam:coder:bytes:v1"], step.unique_name
