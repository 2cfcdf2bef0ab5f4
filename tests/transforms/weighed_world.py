"""A small seeded world of people and accounts that overlap, and a bag of undelivered messages."""

import random
from collections.abc import Iterable, Sequence
from zlib import crc32

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.weighed.blocks import Blocks
from transforms.identity.weighed.components import Components
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.messages import Edges, Hot, Join, Ruling, Stand
from transforms.identity.weighed.records import Records
from transforms.identity.weighed.resolver import Placed, Resolver
from transforms.identity.weighed.weights import SHIPPED

GIVEN = ("Ann", "Anna", "Bob", "Robert", "Carla", "")
FAMILY = ("Lee", "Leigh", "Okafor", "Okafro", "")
MAILS = ("ann.lee@acme.com", "bob@birch.io", "office@birch.io", "c.okafor@gmail.com", "")
PHONES = tuple(f"+1212736{n:04}" for n in range(4))
STREETS = ("12 Main Street", "12 Main St", "9 Elm Ave", "")
BORN = ("1970-01-02", "1970-02-01", "1988-05-05", "")
ORGS = ("Acme Inc", "Acme", "Birch Tree Ltd", "Birch")
VERDICTS = ("same", "different", "withdrawn")
RECORDS = 24

Event = IdentityRecord | Ruling


def limit(key: str) -> int:
    """A world this small has hot keys only where little is much."""
    return 3 if key.startswith("w:") else 5


def some_record(rng: random.Random, number: int, version: int) -> IdentityRecord:
    person = number % 4 != 0
    key = f"salesforce:contact:{number}" if person else f"files:account:{number}"
    phones = tuple(rng.sample(PHONES, rng.randint(0, 2)))
    shared = {
        "record_key": key,
        "kind": "person" if person else "account",
        "stamp": version,
        "fetched": version,
        "digest": f"{version}",
    }
    if rng.random() < 0.1:
        return IdentityRecord(**shared, deleted=True)
    place = {"street": rng.choice(STREETS), "city": "Oslo", "postal_code": "0150"}
    if not person:
        return IdentityRecord(**shared, organisation=rng.choice(ORGS), phones=phones, **place)
    mail = rng.choice(MAILS)
    same = (f"salesforce:contact:{rng.randrange(RECORDS)}",) if rng.random() < 0.1 else ()
    return IdentityRecord(
        **shared,
        given_name=rng.choice(GIVEN),
        family_name=rng.choice(FAMILY) + rng.choice(("", "", " Jr")),
        emails=(mail,) if mail else (),
        phones=phones,
        birth_date=rng.choice(BORN),
        same_as=same,
        **place,
    )


def some_ruling(rng: random.Random, version: int) -> Ruling:
    left, right = sorted(rng.sample(range(RECORDS), 2))
    keys = [f"salesforce:contact:{n}" if n % 4 else f"files:account:{n}" for n in (left, right)]
    return Ruling(*keys, rng.choice(VERDICTS), (version, 0, ""))


def events(seed: int, count: int = 70) -> list[Event]:
    """Records, newer versions, deletes and rulings in the order in which they happened."""
    rng = random.Random(seed)
    found: list[Event] = []
    for version in range(count):
        if rng.random() < 0.12:
            found.append(some_ruling(rng, version))
        else:
            found.append(some_record(rng, rng.randrange(RECORDS), version))
    return found


def resolved(happened: Iterable[Event]) -> dict[str, Placed]:
    resolver = Resolver(limit=limit)
    for event in happened:
        if isinstance(event, Ruling):
            resolver.rule([event])
        else:
            resolver.receive(event)
    return resolver.placed()


def newest(happened: Sequence[Event]) -> list[Event]:
    """What stands in the end: the newest of each record and pair, and nothing of the deleted."""
    records: dict[str, IdentityRecord] = {}
    rulings: dict[tuple[str, str], Ruling] = {}
    for event in happened:
        if isinstance(event, Ruling):
            rulings[event.left, event.right] = event
        else:
            records[event.record_key] = event
    return [*(r for r in records.values() if not r.deleted), *rulings.values()]


def delivered_anyhow(happened: Sequence[Event], seed: int, shards: int = 3) -> dict[str, Placed]:
    """The layers apart, with every message shuffled, delayed and often delivered twice."""
    rng = random.Random(seed)
    judge = Judge(SHIPPED)
    records = Records()
    blocks = [Blocks(judge, shard, limit) for shard in range(shards)]
    components = Components(judge)
    waiting: list[Event | Join | Stand | Edges | Hot | tuple[int, Join]] = list(happened)
    while waiting:
        place = rng.randrange(len(waiting))
        message = waiting[place]
        if rng.random() < 0.8:
            waiting[place] = waiting[-1]
            waiting.pop()
        match message:
            case IdentityRecord():
                told = records.receive(message)
                if told is not None:
                    join, stand = told
                    waiting.append(stand)
                    waiting += [(shard, _part(join, shard, shards)) for shard in range(shards)]
            case Ruling():
                components.rule(message)
            case Stand():
                components.stand(message)
            case Edges():
                components.edges(message)
            case Hot():
                components.hot(message)
            case (shard, join):
                waiting += blocks[shard].receive(join)
        if rng.random() < 0.2:
            components.decide()
    components.decide()
    return {
        records.keys[n]: Placed(components.entity_id(n) or "", components.confidence(n))
        for n in components.records()
    }


def _part(join: Join, shard: int, shards: int) -> Join:
    keys = tuple(key for key in join.keys if crc32(key.encode()) % shards == shard)
    return msgspec.structs.replace(join, keys=keys)
