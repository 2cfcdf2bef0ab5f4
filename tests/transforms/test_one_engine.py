"""The stream's layers, the engine in one process and the graph on Beam find the same entities."""

import random
from collections.abc import Sequence

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from identity_world import MATCHINGS, SETTINGS, Ticks, current, decisions, few, history, tables
from labelled_world import World, by_layers, by_resolver, entity_ids, ruling, world

from schemas.change import new_change
from schemas.flow import Arrival, Normalised, RowBatch, pack_normalised, unpack_normalised
from schemas.identity import IdentityRecord
from transforms import coders as coders
from transforms.identity.engine import Engine
from transforms.identity.weighed.bearers import SOLE_BEARER
from transforms.identity.weighed.evidence import weighing
from transforms.identity.weighed.resolver import Resolver
from transforms.resolve import Resolve

MORE = pytest.mark.exhaustive
SEEDS = [range(100), pytest.param(range(100, 5_000), marks=MORE, id="many")]
WORLDS = ["dq_t2", "company", *(pytest.param(n, marks=MORE) for n in ("fake_1000", "restaurants"))]


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("seeds", SEEDS)
def test_both_engines_put_any_world_s_records_together_alike(seeds: range) -> None:
    differing = []
    for seed in seeds:
        versions = history(seed, size=random.Random(seed).choice((24, 48)))
        decided = list(decisions(seed, sorted({one.record_key for one in versions})))
        engine = Engine(SETTINGS, Ticks(), MATCHINGS["weighing"], limit=few)
        engine.add(versions)
        engine.decide(decided)
        resolver = Resolver(limit=few, settings=SETTINGS)
        for one in random.Random(seed).sample(versions, len(versions)):
            resolver.receive(one)
        resolver.rule(map(ruling, decided))
        links = {key: link.entity_id for key, link in engine.links().items()}
        if links != entity_ids(resolver.placed()):
            differing.append(seed)
    assert not differing


def test_these_worlds_have_private_mailboxes_crowds_and_merged_records() -> None:
    bearers = crowds = merged = 0
    for seed in range(40):
        versions = current(history(seed))
        resolver = Resolver(limit=few, settings=SETTINGS)
        resolver.rebuild(versions)
        components, bits = resolver.components, resolver.judge.bits
        for one in components.records():
            linked = components.neighbours(one)
            bearers += list(linked.values()).count(SOLE_BEARER)
            # Whom their fields would join, and a crowd at their mailbox or number does not.
            crowds += sum(
                bits(components.live(one), components.live(other)) > 0
                for other in resolver.blocks.peers(one).difference(linked)
                if components.entity_id(other) is not None
            )
        merged += sum(one.deleted for one in versions)
    assert min(bearers, crowds, merged) > 5


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("streaming", [False, True], ids=["bounded", "streaming"])
@pytest.mark.parametrize("name", WORLDS)
def test_the_graph_comes_to_what_the_engines_say(name: str, streaming: bool) -> None:
    known = world(name)
    records = random.Random(5).sample(known.records, len(known.records))
    expected = by_layers(records, known)
    assert entity_ids(expected) == entity_ids(by_resolver(records, known))

    def check(batches: list[RowBatch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        rows.sort(key=lambda row: getattr(row, "revision", 0))
        assert tables(rows)[0] == expected

    options = PipelineOptions(["--streaming"] if streaming else [])
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        rows = _resolved(pipeline, bundles(records, 40 if streaming else 7), known, streaming)
        assert_that(rows, check)


def bundles(records: Sequence[IdentityRecord], size: int) -> list[bytes]:
    """Records as the normalising of changes passes them on, some together."""
    change = new_change("files", "contact", "c-1", b"{}", stamp=1, fetched=1)
    return [
        pack_normalised(Normalised(Arrival(change, "m-1", 1), (), tuple(records[at : at + size])))
        for at in range(0, len(records), size)
    ]


def _resolved(
    pipeline: beam.Pipeline, packed: list[bytes], known: World, streaming: bool
) -> beam.PCollection:
    source: beam.PTransform = beam.Create(packed)
    if streaming:
        source = TestStream()
        for one in packed:
            source = source.add_elements([one])
        source = source.advance_watermark_to_infinity()
    matching = weighing(known.settings, known.model)
    changes = (
        pipeline
        | "Packed" >> source.with_output_types(bytes)
        | "Unpack" >> beam.Map(unpack_normalised).with_output_types(Normalised)
    )
    return changes | Resolve(known.settings, shards=3, clock=later, matching=matching)


class _Later:
    """Rises with every reading, also in what Beam has pickled."""

    now = 1_800_000_000_000_000


def later() -> int:
    _Later.now += 1
    return _Later.now
