"""What the engine says is a function of the set of what it was told, never of the order."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from weighed_world import (
    RECORDS,
    Event,
    delivered_anyhow,
    events,
    limit,
    newest,
    resolved,
    some_record,
    some_ruling,
)

from transforms.identity.weighed.messages import Ruling
from transforms.identity.weighed.resolver import Resolver

MORE = pytest.mark.exhaustive


def seeds(few: int, many: int) -> list[object]:
    return [*range(few), *(pytest.param(n, marks=MORE) for n in range(few, many))]


@pytest.mark.parametrize("seed", seeds(20, 200))
def test_shuffled_and_repeated_events_end_in_the_same_entities(seed: int) -> None:
    happened = events(seed)
    rng = random.Random(1_000 + seed)
    shuffled = happened + rng.choices(happened, k=30)
    rng.shuffle(shuffled)
    assert resolved(shuffled) == resolved(happened)


@pytest.mark.parametrize("seed", seeds(20, 200))
def test_a_deleted_record_or_an_older_version_is_as_if_it_had_never_been(seed: int) -> None:
    happened = events(seed)
    assert resolved(happened) == resolved(newest(happened))


@pytest.mark.parametrize("seed", seeds(10, 200))
def test_a_state_rebuilt_at_once_is_that_of_event_by_event(seed: int) -> None:
    happened = events(seed)
    rebuilt = Resolver(limit=limit)
    rebuilt.rebuild(event for event in happened if not isinstance(event, Ruling))
    rebuilt.rule(event for event in happened if isinstance(event, Ruling))
    assert rebuilt.placed() == resolved(happened)


@pytest.mark.parametrize("seed", seeds(20, 200))
def test_messages_between_the_layers_may_be_late_out_of_order_and_twice(seed: int) -> None:
    happened = events(seed)
    assert delivered_anyhow(happened, seed) == resolved(happened)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    "worlds", [300, pytest.param(1_000, marks=MORE), pytest.param(10_000, marks=MORE)]
)
def test_many_worlds_whose_messages_come_anyhow_differ_in_nothing(worlds: int) -> None:
    differing = []
    for seed in range(1_000, 1_000 + worlds):
        happened = events(seed, count=30)
        if delivered_anyhow(happened, seed) != resolved(newest(happened)):
            differing.append(seed)
    assert not differing


def test_the_world_has_all_that_could_go_wrong() -> None:
    placed = [resolved(events(seed)) for seed in range(20)]
    sizes = [
        sum(1 for other in one.values() if other.entity_id == entity.entity_id)
        for one in placed
        for entity in one.values()
    ]
    assert max(sizes) > 2
    assert min(sizes) == 1
    assert any(resolver_of(seed).blocks.hot_keys() for seed in range(20))


def resolver_of(seed: int) -> Resolver:
    resolver = Resolver(limit=limit)
    for event in events(seed):
        if not hasattr(event, "verdict"):
            resolver.receive(event)
    return resolver


class Engine(RuleBasedStateMachine):
    """Whatever was told so far, a new engine that is told what stands says the same."""

    def __init__(self) -> None:
        super().__init__()
        self.resolver = Resolver(limit=limit)
        self.told: list[Event] = []

    @rule(number=st.integers(0, RECORDS - 1), seed=st.integers(0, 2**16))
    def record(self, number: int, seed: int) -> None:
        self.told.append(some_record(random.Random(seed), number, len(self.told)))
        self.resolver.receive(self.told[-1])

    @rule(seed=st.integers(0, 2**16))
    def ruling(self, seed: int) -> None:
        self.told.append(some_ruling(random.Random(seed), len(self.told)))
        self.resolver.rule([self.told[-1]])

    @rule(seed=st.integers(0, 2**16))
    def again(self, seed: int) -> None:
        if self.told:
            event = random.Random(seed).choice(self.told)
            if hasattr(event, "verdict"):
                self.resolver.rule([event])
            else:
                self.resolver.receive(event)

    @invariant()
    def nothing_but_what_stands_counts(self) -> None:
        assert self.resolver.placed() == resolved(newest(self.told))


Engine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, derandomize=True
)
TestEngine = Engine.TestCase
