"""The partition is a function of the set of current versions, whatever the order of anything."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_world import (
    MATCHINGS,
    SETTINGS,
    Bag,
    State,
    Ticks,
    current,
    decisions,
    few,
    history,
    seeds_of,
    tables,
)

from schemas.identity import IdentityRecord
from transforms.identity.blocks import Blocks
from transforms.identity.engine import Engine
from transforms.identity.evidence import ExactEvidence
from transforms.identity.messages import Decision
from transforms.identity.partition import Matching


@pytest.fixture(params=MATCHINGS)
def matching(request: pytest.FixtureRequest) -> Matching:
    """What records are joined by: the order of things matters to neither."""
    return MATCHINGS[request.param]


def in_process(
    versions: list[IdentityRecord], decided: list[Decision], matching: Matching
) -> State:
    engine = Engine(SETTINGS, Ticks(), matching, limit=few)
    engine.add(versions)
    engine.decide(decided)
    return dict(engine.links()), dict(engine.entities())


def world(seed: int) -> tuple[list[IdentityRecord], list[Decision]]:
    versions = history(seed)
    return versions, list(decisions(seed, sorted({one.record_key for one in versions})))


@pytest.mark.parametrize("seed", range(120))
def test_shuffled_repeated_delayed_and_rebuilt_is_the_same_as_current_versions_alone(
    seed: int, matching: Matching
) -> None:
    versions, decided = world(seed)
    rng = random.Random(seed)
    bag = Bag(rng, matching, rebuilding=seed % 2 == 1)
    bag.put(*versions, *decided)
    bag.deliver()
    expected = in_process(current(versions), decided, matching)
    assert bag.state() == expected
    assert tables(bag.rows)[0] == expected, "the rows written say the same as the state"


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    "worlds",
    [
        300,
        pytest.param(1_000, marks=pytest.mark.exhaustive),
        pytest.param(10_000, marks=pytest.mark.exhaustive),
    ],
)
def test_many_worlds_that_are_shuffled_and_rebuilt_all_the_time_differ_in_nothing(
    worlds: int, matching: Matching
) -> None:
    differing = []
    for seed in range(1_000, 1_000 + worlds):
        versions, decided = world(seed)
        bag = Bag(random.Random(seed), matching, rebuilding=True)
        bag.put(*versions, *decided)
        bag.deliver()
        expected = in_process(current(versions), decided, matching)
        if not bag.state() == tables(bag.rows)[0] == expected:
            differing.append(seed)
    assert not differing


@pytest.mark.parametrize("seed", range(60))
def test_seeds_and_live_changes_in_any_order_write_what_differs_from_the_tables_alone(
    seed: int, matching: Matching
) -> None:
    versions, _ = world(seed)
    rng = random.Random(seed)
    before = Bag(rng, matching)
    before.put(*versions[:-6])
    before.deliver()
    rebuilt = Bag(rng, matching, rebuilding=seed % 2 == 1, seeded=True)
    rebuilt.put_seeds(seeds_of(before.rows))
    live = versions[-6:] if seed % 3 else []
    rebuilt.put(*live)
    rebuilt.deliver()
    expected = in_process([*versions[:-6], *live], [], matching)
    assert rebuilt.state() == expected
    assert tables([*before.rows, *rebuilt.rows])[0] == expected
    if not live:
        assert rebuilt.rows == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_any_order_in_one_process_gives_the_same(seed: int, rng: random.Random) -> None:
    for matching in MATCHINGS.values():
        _any_order(seed, rng, matching)


def _any_order(seed: int, rng: random.Random, matching: Matching) -> None:
    versions, decided = world(seed)
    expected = in_process(versions, decided, matching)
    rng.shuffle(versions)
    engine = Engine(SETTINGS, Ticks(), matching, limit=few)
    rows = engine.decide(decided)
    for one in versions:
        rows += engine.add([one])
    assert (engine.links(), engine.entities()) == expected
    assert tables(rows)[0] == expected


@pytest.mark.parametrize("seed", range(20))
def test_deleted_is_as_if_never_seen(seed: int, matching: Matching) -> None:
    versions, _ = world(seed)
    engine = Engine(SETTINGS, Ticks(), matching, limit=few)
    engine.add(versions)
    doomed = random.Random(seed).sample(sorted({one.record_key for one in versions}), 5)
    engine.add(
        IdentityRecord(
            record_key=key, kind="person", stamp=99, fetched=99, digest="gone", deleted=True
        )
        for key in doomed
    )
    never = [one for one in versions if one.record_key not in doomed]
    assert (engine.links(), engine.entities()) == in_process(never, [], matching)


def test_a_world_is_worth_testing(matching: Matching) -> None:
    """Entities of several records, hot keys and people with accounts do occur."""
    joined = affiliated = hot = 0
    for seed in range(20):
        versions, decided = world(seed)
        links, entities = in_process(versions, decided, matching)
        joined += sum(view.record_count > 1 for view in entities.values())
        affiliated += sum(view.account_entity_id is not None for view in entities.values())
        engine = Engine(SETTINGS, Ticks(), matching, limit=few)
        engine.add(versions)
        hot += len(engine.hot_keys())
    assert joined > 40
    assert affiliated > 40
    assert hot > 5
    assert Blocks(ExactEvidence(SETTINGS)).hot_keys() == []
