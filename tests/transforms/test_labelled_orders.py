"""Real records in any order, changed, deleted, decided on and replayed: always the same people."""

import random
from collections import Counter

import pytest
from identity_world import current
from labelled_world import (
    History,
    anyhow,
    by_layers,
    by_resolver,
    entity_ids,
    history,
    passers_by,
    world,
)

from transforms.identity.measures import pairwise

FEW, MANY = 10, 200
EXHAUSTIVE = pytest.mark.exhaustive
NAMES = ("dq_t2", "early_childhood", "dq_t3", "fake_1000", "febrl3", "restaurants", "company")
SHUFFLES = [
    *((name, FEW) for name in NAMES[:2]),
    *(pytest.param(name, MANY, marks=[EXHAUSTIVE, pytest.mark.timeout(1_800)]) for name in NAMES),
]
EVERY_WORLD = [*NAMES[:2], *(pytest.param(name, marks=EXHAUSTIVE) for name in NAMES[2:])]


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(("name", "shuffles"), SHUFFLES)
def test_whatever_the_order_the_partition_is_that_of_what_stands(name: str, shuffles: int) -> None:
    known = world(name)
    happened = history(known.records, seed=1)
    stands = [*current(happened.versions), *happened.decisions]
    layers, resolver = by_layers(stands, known), by_resolver(stands, known)
    differing = []
    for seed in range(shuffles):
        events = anyhow(happened, seed)
        if by_layers(events, known) != layers or by_resolver(events, known) != resolver:
            differing.append(seed)
    assert not differing
    assert entity_ids(layers) == entity_ids(resolver)


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_who_came_and_went_leaves_no_trace(name: str) -> None:
    known = world(name)
    rng = random.Random(3)
    events = list(known.records)
    for one in passers_by(known.records, rng, count=40):
        # Each comes anywhere, and goes anywhere.
        events.insert(rng.randrange(len(events)), one)
    assert by_layers(events, known) == by_layers(known.records, known)
    assert by_resolver(events, known) == by_resolver(known.records, known)


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_these_worlds_have_what_could_go_wrong_and_are_resolved_well(name: str) -> None:
    known = world(name)
    found = entity_ids(by_resolver(known.records, known))
    truth = {key: true for key, true in known.truth.items() if key in found}
    score = pairwise(truth, found)
    assert score.right > 20
    assert score.f1 is not None
    assert score.f1 > 0.85
    happened = history(known.records, seed=1)
    assert_eventful(happened)


def assert_eventful(happened: History) -> None:
    per_record = Counter(one.record_key for one in happened.versions)
    assert sum(count > 1 for count in per_record.values()) > 20
    assert sum(one.deleted for one in happened.versions) > 10
    assert len({one.verdict for one in happened.decisions}) == 3
