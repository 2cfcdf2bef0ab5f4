"""A small seeded world of records that overlap in every way, and a bag of undelivered messages."""

import random
from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

from schemas.columns import Row
from schemas.identity import Entity, IdentityRecord, Link, StoredRecord
from transforms.identity.blocks import Blocks
from transforms.identity.components import Components
from transforms.identity.engine import Seed, published
from transforms.identity.messages import (
    Decision,
    Entry,
    Membership,
    PublishedEntity,
    PublishedLink,
    SeedEnd,
    pack,
    version_of,
)
from transforms.identity.partition import Matching, exact
from transforms.identity.publish import published_entity, published_link
from transforms.identity.records import NOTHING, Records, Stamp, from_stored, stamp_of
from transforms.identity.weighed.evidence import weighing
from transforms.settings import Settings

SETTINGS = Settings(own_domains=("own.test",), own_numbers=("+12125550000",))
GIVEN = ("Ann", "Bob", "Robert", "Carla", "Dmitri", "")
FAMILY = ("Lee", "Ray", "Okafor", "")
DOMAINS = ("acme.com", "birch.io", "gmail.com")
PHONES = tuple(f"+1212736{n:04}" for n in range(6))
MATCHINGS = {"exact": exact(SETTINGS), "weighing": weighing(SETTINGS)}
State = tuple[dict[str, PublishedLink], dict[str, PublishedEntity]]


def record(key: str, version: int = 1, **fields: object) -> IdentityRecord:
    kind = fields.pop("kind", "account" if ":account" in key or ":company" in key else "person")
    return IdentityRecord(
        record_key=key,
        kind=kind,
        stamp=version,
        fetched=version,
        digest=f"d{version}",
        **fields,
    )


def few(key: str) -> int:
    """A world this small has hot keys only where little is much."""
    return 3


class Ticks:
    """A clock that ticks once a reading."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


def _some(rng: random.Random, values: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(rng.sample(values, rng.randint(0, most)))


def _person(rng: random.Random, key: str, version: int) -> IdentityRecord:
    addresses = [f"{name}@{domain}" for name in ("a", "b", "c.d", "info") for domain in DOMAINS]
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    if key.startswith("gmail:"):
        address = addresses[int(key.rpartition(":")[2]) % len(addresses)]
        name = f"{given} {family}".strip() if rng.random() < 0.6 else ""
        return record(key, version, emails=(address,), full_name=name)
    if key.startswith("dialpad:"):
        phone = PHONES[int(key.rpartition(":")[2]) % len(PHONES)]
        return record(key, version, phones=(phone,), full_name=rng.choice(("", given)))
    people = [f"salesforce:contact:{n}" for n in range(4)]
    return record(
        key,
        version,
        given_name=given,
        family_name=family + rng.choice(("", "", " Jr", " Sr")),
        emails=_some(rng, addresses, 2),
        phones=_some(rng, PHONES, 2),
        same_as=_some(rng, people, 1) if rng.random() < 0.4 else (),
        accounts=_some(rng, [f"salesforce:account:{n}" for n in range(3)], 1),
        shared=rng.random() < 0.1,
    )


def _account(rng: random.Random, key: str, version: int) -> IdentityRecord:
    return record(
        key,
        version,
        organisation=rng.choice(("Acme", "Birch")),
        domains=_some(rng, DOMAINS, 1),
        phones=_some(rng, PHONES[:2], 1),
    )


def history(seed: int, size: int = 24) -> list[IdentityRecord]:
    """Versions of `size` records: upserts, deletes, merges; some say the same as before."""
    rng = random.Random(seed)
    kinds = ("salesforce:contact", "hubspot:contact", "gmail:address", "dialpad:number")
    keys = [f"{rng.choice(kinds)}:{rng.randrange(9)}" for _ in range(size - size // 4)]
    keys += [
        f"{rng.choice(('salesforce:account', 'hubspot:company'))}:{n % 3}" for n in range(size // 4)
    ]
    versions = []
    for key in dict.fromkeys(keys):
        make = _account if ":account" in key or ":company" in key else _person
        count = rng.choice((1, 1, 2, 3))
        for version in range(1, count + 1):
            one = make(random.Random(f"{seed} {key} {rng.randrange(3)}"), key, version)
            if not key.startswith(("gmail", "dialpad")) and rng.random() < 0.15:
                successor = rng.choice(("", f"{key.rpartition(':')[0]}:0"))
                one = record(key, version, deleted=True, successor=successor)
            versions.append(one)
    return versions


def current(versions: Iterable[IdentityRecord]) -> list[IdentityRecord]:
    """Of each record the version that counts; deleted ones as if they had never been."""
    newest: dict[str, IdentityRecord] = {}
    for one in versions:
        known = newest.get(one.record_key)
        if known is None or version_of(one) > version_of(known):
            newest[one.record_key] = one
    return [one for one in newest.values() if not one.deleted or one.successor]


class Bag:
    """The three layers on several shards, with messages that arrive late, twice and in any order.

    With `rebuilding`, a layer is now and then thrown away and made anew from its shuffled log.
    """

    SHARDS = 2

    def __init__(
        self,
        rng: random.Random,
        matching: Matching,
        *,
        rebuilding: bool = False,
        seeded: bool = False,
    ) -> None:
        self._matching = matching
        self.rng = rng
        self.rows: list[Row] = []
        self._rebuilding = rebuilding
        self._clock = Ticks()
        self._seeded = seeded
        self._waiting: list[tuple[str, object]] = []
        self._records = [self._new_records() for _ in range(self.SHARDS)]
        self._blocks = [self._new_blocks() for _ in range(self.SHARDS)]
        self._components = self._new_components()
        self._logs: dict[str, list[bytes]] = {}

    def _new_records(self) -> Records:
        return Records(self._matching.evidence, self._clock)

    def _new_blocks(self) -> Blocks:
        return Blocks(self._matching.evidence, limit=few)

    def _new_components(self) -> Components:
        return Components(*self._matching, self._clock, seeded=self._seeded)

    def put(self, *messages: object) -> None:
        for message in messages:
            layer = "records" if isinstance(message, IdentityRecord) else "components"
            self._waiting.append((layer, message))

    def put_seeds(self, seeds: Sequence[Seed]) -> None:
        """What a rebuilding reads from the tables, with the count at its end."""
        self._waiting += (("seeds", seed) for seed in seeds)
        self.put(SeedEnd(len(seeds)))

    def deliver(self) -> None:
        """Delivers until nothing waits; every tenth message arrives a second time."""
        while self._waiting:
            place = self.rng.randrange(len(self._waiting))
            self._waiting[place], self._waiting[-1] = self._waiting[-1], self._waiting[place]
            layer, message = self._waiting[-1] if self.rng.random() < 0.1 else self._waiting.pop()
            getattr(self, f"_to_{layer}")(message)
            if self._rebuilding and self.rng.random() < 0.05:
                self._rebuild()
        self.rows += self._components.decide()

    def _to_seeds(self, seed: Seed) -> None:
        self.put(published(seed))
        self._to_records(from_stored(seed.record), stamp_of(seed.record))

    def _to_records(self, message: IdentityRecord, stands: Stamp | None = None) -> None:
        shard = crc32(message.record_key.encode()) % self.SHARDS
        outcome = self._records[shard].receive(message, stands)
        if outcome is NOTHING:
            return
        entry = self._records[shard].entry(message.record_key, moved_on=outcome.standing is None)
        self._logs.setdefault(f"records{shard}", []).append(entry)
        if outcome.row is not None:
            self.rows.append(outcome.row)
        if outcome.standing is not None:
            self.put(outcome.standing)
        self._waiting += (("blocks", membership) for membership in outcome.memberships)

    def _to_blocks(self, message: Membership) -> None:
        shard = crc32(message.key.encode()) % self.SHARDS
        answer = self._blocks[shard].receive(message)
        self._logs.setdefault(f"blocks{shard}", []).append(
            pack([self._blocks[shard].logged(message)])
        )
        if answer is not None:
            self.put(answer)

    def _to_components(self, message: Entry) -> None:
        slept = not self._components.awake
        self._components.apply(pack([message]))
        log = self._logs.setdefault("components", [])
        log.append(pack([message]))
        if self.rng.random() < 0.5:
            return
        rows = self._components.decide()
        self.rows += rows
        if rows or (slept and self._components.awake):
            log.append(self._components.spoken())

    def _rebuild(self) -> None:
        self.rows += self._components.decide()
        for layer, shards, new in (
            ("records", self._records, self._new_records),
            ("blocks", self._blocks, self._new_blocks),
        ):
            for shard in range(self.SHARDS):
                name = f"{layer}{shard}"
                self._logs[name] = self._log_of(name, shards[shard])
                shards[shard] = new()
                for entry in self._logs[name]:
                    shards[shard].apply(entry)
        decided = self.state()
        self._logs["components"] = self._log_of("components", self._components)
        self._logs["components"].append(self._components.spoken())
        self._components = self._new_components()
        for entry in self._logs["components"]:
            self._components.apply(entry)
        self._components.warm()
        if self._components.awake:
            assert self.state() == decided, "nothing is decided in silence that was not before"

    def _log_of(self, name: str, index: Records | Blocks | Components) -> list[bytes]:
        """The log as it grew, or compacted; in any order."""
        log = list(self._logs.get(name, [])) if self.rng.random() < 0.5 else list(index.entries())
        self.rng.shuffle(log)
        return log

    def state(self) -> State:
        return (dict(self._components.ledger.links), dict(self._components.ledger.entities))


def decisions(seed: int, keys: Sequence[str]) -> Iterator[Decision]:
    """What people decided about some pairs, some of it withdrawn later."""
    rng = random.Random(seed)
    for number in range(3):
        left, right = sorted(rng.sample(list(keys), 2))
        if left.rpartition(":")[0] in ("salesforce:account", "hubspot:company"):
            continue
        for version in range(1, rng.randint(1, 2) + 1):
            verdict = rng.choice(("same", "different", "withdrawn"))
            yield Decision(left, right, verdict, (1, version, number, ""))


def tables(rows: Iterable[Row]) -> tuple[State, dict[str, StoredRecord], dict[str, Link]]:
    """What the latest views show of rows that were appended."""
    links: dict[str, Link] = {}
    entities: dict[str, Entity] = {}
    stored: dict[str, StoredRecord] = {}
    for row in rows:
        if isinstance(row, Link) and revision(links.get(row.record_key)) <= row.revision:
            links[row.record_key] = row
        elif isinstance(row, Entity) and revision(entities.get(row.entity_id)) <= row.revision:
            entities[row.entity_id] = row
        elif isinstance(row, StoredRecord):
            known = stored.get(row.record_key)
            if known is None or _order(row) > _order(known):
                stored[row.record_key] = row
    live_links = {key: link for key, row in links.items() if (link := published_link(row))}
    live = {key: view for key, row in entities.items() if (view := published_entity(row))}
    return (live_links, live), stored, links


def seeds_of(rows: Iterable[Row]) -> list[Seed]:
    """What a rebuilding reads from tables that hold these rows."""
    rows = list(rows)
    _, stored, links = tables(rows)
    entities: dict[str, Entity] = {}
    for row in rows:
        if isinstance(row, Entity) and revision(entities.get(row.entity_id)) <= row.revision:
            entities[row.entity_id] = row
    found = []
    for key, row in stored.items():
        link = links.get(key)
        found.append(Seed(row, link, entities.get(link.entity_id or "") if link else None))
    return found


def revision(row: Link | Entity | None) -> int:
    return row.revision if row else 0


def _order(row: StoredRecord) -> tuple[int, int, str, int]:
    return (row.version_stamp, row.version_fetched, row.version_digest, row.written_at)
