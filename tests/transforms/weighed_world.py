"""A small seeded world of people and accounts that overlap, and a bag of undelivered messages."""

import random
from collections.abc import Iterable, Sequence
from zlib import crc32

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.messages import version_of
from transforms.identity.weighed.blocks import Blocks
from transforms.identity.weighed.components import Components
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.messages import Crowd, Edges, Join, Ruling, Stand
from transforms.identity.weighed.records import Records
from transforms.identity.weighed.resolver import Placed, Resolver
from transforms.identity.weighed.weights import SHIPPED

GIVEN = ("Ann", "Anna", "Bob", "Robert", "Carla", "")
FAMILY = ("Lee", "Leigh", "Okafor", "Okafro", "")
MAILS = ("ann.lee@acme.com", "bob@birch.io", "office@birch.io", "c.okafor@gmail.com", "")
SIGHTED = ("ann74@gmail.com", "office@birch.io", "info@acme.com")
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


def key_of(number: int) -> str:
    """Of every eight records four are contacts, two accounts, and two are sightings."""
    kinds = {0: "files:account", 4: "files:account", 3: "gmail:address", 7: "dialpad:number"}
    return f"{kinds.get(number % 8, 'salesforce:contact')}:{number}"


def some_record(rng: random.Random, number: int, version: int) -> IdentityRecord:
    key = key_of(number)
    person = ":account:" not in key
    phones = tuple(rng.sample(PHONES, rng.randint(0, 2)))
    shared = {
        "record_key": key,
        "kind": "person" if person else "account",
        "stamp": version,
        "fetched": version,
        "digest": f"{version}",
    }
    if rng.random() < 0.1:
        merged = rng.random() < 0.5
        return IdentityRecord(
            **shared, deleted=True, successor=key_of(rng.randrange(RECORDS)) if merged else ""
        )
    if key.startswith("dialpad:"):
        return IdentityRecord(**shared, phones=phones[:1], full_name=rng.choice(GIVEN))
    if key.startswith("gmail:"):
        name = rng.choice(("", f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}".strip()))
        mail = SIGHTED[number % len(SIGHTED)]
        return IdentityRecord(
            **shared, emails=(mail,), full_name=name, shared=mail.startswith("info")
        )
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
    first, second = sorted((key_of(left), key_of(right)))
    return Ruling(first, second, rng.choice(VERDICTS), (version, 0, ""))


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
            known = records.get(event.record_key)
            if known is None or version_of(event) > version_of(known):
                records[event.record_key] = event
    live = (record for record in records.values() if not record.deleted or record.successor)
    return [*live, *rulings.values()]


def delivered_anyhow(happened: Sequence[Event], seed: int, shards: int = 3) -> dict[str, Placed]:
    """The layers apart, with every message shuffled, delayed and often delivered twice."""
    rng = random.Random(seed)
    judge = Judge(SHIPPED)
    records = Records(Extraction())
    blocks = [Blocks(judge, shard, limit) for shard in range(shards)]
    components = Components(judge)
    waiting: list[Event | Join | Stand | Edges | Crowd | tuple[int, Join]] = list(happened)
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
            case Crowd():
                components.crowd(message)
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
