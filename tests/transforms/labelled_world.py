"""Labelled sets and the sandbox's company as histories: records that came, changed and went,
decisions, and all of it shuffled, repeated and replayed.

The sets are no part of the project; `SALESINTEL_ER_DATA` names their directory.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from identity_world import State, Ticks, current

from benchmarks.bench_matching import company
from benchmarks.labelled import DIRECTORY, read
from sandbox.company import SMALL
from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.messages import Decision
from transforms.identity.weighed.evidence import weighing
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.fitting import fit
from transforms.identity.weighed.messages import Ruling
from transforms.identity.weighed.resolver import Placed, Resolver
from transforms.identity.weighed.rows import record_of
from transforms.identity.weighed.weights import SHIPPED, Model
from transforms.settings import Settings

DATA = Path(os.environ.get(DIRECTORY) or Path(__file__).parents[2].parent / "shared/data/er")
SIZE = 200
"""Records of a set that take part: whole entities, as many as fit."""
PASSERS_BY = 10
"""Records that come and go, and are like others."""
DECIDED = 12
NOON = 1_000
"""Stamp of the records of a set: others came before and after."""

Event = IdentityRecord | Decision


class World(NamedTuple):
    """Records with the truth beside them, and what they are weighed by."""

    records: list[IdentityRecord]
    truth: Mapping[str, str]
    model: Model
    settings: Settings


class History(NamedTuple):
    """All that happened: versions of records, and decisions on pairs."""

    versions: list[IdentityRecord]
    decisions: list[Decision]


@cache
def world(name: str) -> World:
    """A set by its name, or the sandbox's company; skips where the set is not here."""
    if name == "company":
        truth, settings, records = company(7, SMALL)
        settings = Settings(own_domains=settings.own_domains, own_numbers=settings.own_numbers)
        return World(current(records), truth.records, SHIPPED, settings)
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: {DIRECTORY} names the directory of labelled sets")
    entities = defaultdict(list)
    for row in read(path):
        entities[row["truth"]].append(row)
    some = list(entities.values())
    random.Random(name).shuffle(some)
    rows = [row for entity in some for row in entity][:SIZE]
    records = [record_of(row, NOON) for row in rows]
    model = fit(Extraction().all_features(records).items())
    return World(records, {row["id"]: row["truth"] for row in rows}, model, Settings())


def version(record: IdentityRecord, later: int, **fields: object) -> IdentityRecord:
    """Another version of a record, so many stamps later."""
    return msgspec.structs.replace(record, stamp=record.stamp + later, digest="x", **fields)


def history(records: Sequence[IdentityRecord], seed: int) -> History:
    """Of some records what they said before, of some that they were deleted, or deleted and came
    back; records that nobody knows any more; and what people decided."""
    rng = random.Random(seed)
    versions = list(records)
    for record in records:
        chance = rng.random()
        if chance < 0.2:
            other = rng.choice([one for one in records if one.kind == record.kind])
            versions.append(version(other, -9, record_key=record.record_key))
        elif chance < 0.3:
            versions.append(version(record, -5, deleted=True))
        elif chance < 0.4:
            versions.append(version(record, 5, deleted=True))
    versions += passers_by(records, rng)
    return History(versions, list(decisions(records, rng)))


def passers_by(
    records: Sequence[IdentityRecord], rng: random.Random, count: int = PASSERS_BY
) -> Iterator[IdentityRecord]:
    """Records like others, each followed by its deletion."""
    for number, like in enumerate(rng.sample(records, count)):
        key = f"{like.record_key.rpartition(':')[0]}:passed-{number}".lstrip(":")
        came = version(like, 1, record_key=key, same_as=())
        yield came
        yield version(came, 1, deleted=True)


def decisions(records: Sequence[IdentityRecord], rng: random.Random) -> Iterator[Decision]:
    """What people decided about pairs, some of it twice or withdrawn."""
    for number in range(DECIDED):
        left, right = sorted(record.record_key for record in rng.sample(records, 2))
        for turn in range(rng.randint(1, 2)):
            verdict = rng.choice(("same", "different", "withdrawn"))
            yield Decision(left, right, verdict, (1, turn, number, ""))


def anyhow(happened: History, seed: int) -> list[Event]:
    """All of it in any order, a third of it twice, and two stretches replayed in the end."""
    rng = random.Random(seed)
    events: list[Event] = [*happened.versions, *happened.decisions]
    events += rng.choices(events, k=len(events) // 3)
    rng.shuffle(events)
    for _ in range(2):
        start = rng.randrange(len(events))
        events += events[start : start + len(events) // 10]
    return events


def by_layers(events: Iterable[Event], world: World) -> State:
    """Links and entities of the layers that the stream runs, told one by one."""
    engine = Engine(world.settings, Ticks(), weighing(world.settings, world.model))
    for event in events:
        if isinstance(event, Decision):
            engine.decide((event,))
        else:
            engine.add((event,))
    return dict(engine.links()), dict(engine.entities())


def by_resolver(events: Iterable[Event], world: World) -> dict[str, Placed]:
    """Entities of the engine in one process, told one by one."""
    resolver = Resolver(world.model, settings=world.settings)
    for event in events:
        if isinstance(event, Decision):
            resolver.rule((ruling(event),))
        else:
            resolver.receive(event)
    return resolver.placed()


def ruling(decision: Decision) -> Ruling:
    return Ruling(decision.left, decision.right, decision.verdict, decision.version[1:])


def entity_ids(placed: State | Mapping[str, Placed]) -> dict[str, str]:
    """Record to entity, by whichever engine."""
    links = placed[0] if isinstance(placed, tuple) else placed
    return {key: one.entity_id for key, one in links.items()}
