"""Whatever was added, changed, deleted, decided, undone, replayed or rebuilt: what stands decides.

Both engines are told the same; the stream's is also thrown away and made anew from its tables.
"""

import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from identity_world import MATCHINGS, SETTINGS, Ticks, few, seeds_of, tables
from labelled_world import ruling
from weighed_world import key_of, newest, some_record

from schemas.columns import Row
from schemas.identity import Entity, IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.messages import Decision
from transforms.identity.weighed.resolver import Resolver

RECORDS = 12
NUMBERS = st.integers(0, RECORDS - 1)
SEEDS = st.integers(0, 2**16)


def new_engine(clock: Ticks) -> Engine:
    return Engine(SETTINGS, clock, MATCHINGS["weighing"], limit=few)


def new_resolver() -> Resolver:
    return Resolver(limit=few, settings=SETTINGS)


class Identity(RuleBasedStateMachine):
    """Two engines, the rows that one of them wrote, and all that they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Ticks()
        self.engine = new_engine(self.clock)
        self.resolver = new_resolver()
        self.rows: list[Row] = []
        self.versions: list[IdentityRecord] = []
        self.decisions: list[Decision] = []
        self.at = 0

    def tell(self, record: IdentityRecord) -> None:
        self.rows += self.engine.add((record,))
        self.resolver.receive(record)

    def decide(self, decision: Decision) -> None:
        self.rows += self.engine.decide((decision,))
        self.resolver.rule((ruling(decision),))

    def _version(self, number: int, seed: int, *, gone: bool = False, late: bool = False) -> None:
        self.at += 1
        made = some_record(random.Random(seed), number, self.at)
        stamp = random.Random(seed).randrange(self.at) if late else self.at
        fields: dict[str, Any] = {"stamp": stamp, "fetched": self.at}
        if gone:
            made = IdentityRecord(
                record_key=made.record_key,
                kind=made.kind,
                digest=made.digest,
                deleted=True,
                successor=key_of(seed % RECORDS) if seed % 2 else "",
                **fields,
            )
        elif late:
            values = {name: getattr(made, name) for name in made.__struct_fields__}
            made = IdentityRecord(**{**values, **fields})
        self.versions.append(made)
        self.tell(made)

    @rule(number=NUMBERS, seed=SEEDS)
    def add_or_update(self, number: int, seed: int) -> None:
        self._version(number, seed)

    @rule(number=NUMBERS, seed=SEEDS)
    def update_that_comes_late(self, number: int, seed: int) -> None:
        self._version(number, seed, late=True)

    @rule(number=NUMBERS, seed=SEEDS)
    def delete_or_merge(self, number: int, seed: int) -> None:
        self._version(number, seed, gone=True)

    @rule(one=NUMBERS, other=NUMBERS, verdict=st.sampled_from(("same", "different")))
    def link_or_unlink(self, one: int, other: int, verdict: Any) -> None:
        if one == other:
            return
        self.at += 1
        left, right = sorted((key_of(one), key_of(other)))
        self.decisions.append(Decision(left, right, verdict, (1, self.at, 0, "")))
        self.decide(self.decisions[-1])

    @precondition(lambda self: self.decisions)
    @rule(seed=SEEDS)
    def undo(self, seed: int) -> None:
        self.at += 1
        undone = self.decisions[seed % len(self.decisions)]
        self.decisions.append(Decision(undone.left, undone.right, "withdrawn", (1, self.at, 0, "")))
        self.decide(self.decisions[-1])

    @rule(seed=SEEDS)
    def replay(self, seed: int) -> None:
        for record in self.versions[seed % (len(self.versions) + 1) :]:
            self.tell(record)
        for decision in self.decisions[seed % (len(self.decisions) + 1) :]:
            self.decide(decision)

    @rule()
    def restart_from_the_tables(self) -> None:
        self.engine = new_engine(self.clock)
        started = self.engine.seed(seeds_of(self.rows))
        started += self.engine.decide(self.decisions)
        self.rows += started

    @rule(seed=SEEDS)
    def rebuild(self, seed: int) -> None:
        self.resolver = new_resolver()
        self.resolver.rebuild(random.Random(seed).sample(self.versions, len(self.versions)))
        self.resolver.rule(map(ruling, self.decisions))

    @invariant()
    def it_is_what_a_new_engine_says_of_what_stands(self) -> None:
        """Ids too: they are a function of the set."""
        rng = random.Random(self.at)
        stands = newest(self.versions)
        fresh, resolver = new_engine(Ticks()), new_resolver()
        fresh.decide(rng.sample(self.decisions, len(self.decisions)))
        fresh.add(rng.sample(stands, len(stands)))
        assert self.engine.links() == fresh.links()
        assert self.engine.entities() == fresh.entities()
        resolver.rebuild(rng.sample(stands, len(stands)))
        resolver.rule(map(ruling, self.decisions))
        assert self.resolver.placed() == resolver.placed()
        links = {key: link.entity_id for key, link in fresh.links().items()}
        assert links == {key: one.entity_id for key, one in resolver.placed().items()}

    @invariant()
    def the_tables_say_the_same(self) -> None:
        assert tables(self.rows)[0] == (self.engine.links(), self.engine.entities())

    @invariant()
    def aliases_lead_to_entities_that_live(self) -> None:
        living = {one.entity_id for one in self.resolver.placed().values()}
        aliases = self.resolver.aliases()
        assert living.issuperset(aliases.values())
        assert living.isdisjoint(aliases)

    @invariant()
    def who_kept_the_id_of_a_retired_entity_finds_where_its_records_went(self) -> None:
        newest_row = {row.entity_id: row for row in self.rows if isinstance(row, Entity)}
        for row in newest_row.values():
            onward = []
            while row.is_retired and row.successor_id is not None:
                onward.append(row.entity_id)
                assert row.successor_id not in onward
                row = newest_row[row.successor_id]

    @invariant()
    def confidences_are_probabilities(self) -> None:
        for found in (self.engine.links(), self.resolver.placed()):
            assert all(0.0 <= one.confidence <= 1.0 for one in found.values())


class TestIdentity(Identity.TestCase):
    settings = settings(max_examples=12, stateful_step_count=20)


@pytest.mark.exhaustive
class TestIdentityAtLength(Identity.TestCase):
    settings = settings(max_examples=300, stateful_step_count=50)
