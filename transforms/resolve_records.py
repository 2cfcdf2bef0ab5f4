"""Records, the first stage of Resolve: who must be told of a record's new version.

What comes in is a record, one from the tables, or the order to forget; each on its way to the shard
of its record.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints import KV
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from schemas.clock import Clock
from schemas.columns import Row
from schemas.flow import Normalised, RowBatch
from schemas.identity import (
    Entity,
    IdentityRecord,
    Link,
    PairCandidate,
    PairEvidence,
    StoredRecord,
)
from transforms.erasure import Marks
from transforms.identity.engine import Seed, published
from transforms.identity.evidence import Evidence
from transforms.identity.messages import (
    Forget,
    Membership,
    Published,
    ToComponents,
    pack,
    unpack_entries,
)
from transforms.identity.newest import Newest
from transforms.identity.records import (
    NOTHING,
    Outcome,
    Records,
    Stamp,
    from_stored,
    stamp_of,
)
from transforms.shard import LOG, TOKEN, ShardedState

MEMBERSHIPS = "memberships"
STANDINGS = "standings"
COMPONENTS_SHARD = 0
ROWS_TOGETHER = 200
"""Rows of one decision that travel as one batch: well below what the sink sends at once."""

NewMarks = Callable[[Collection[str]], Marks]
"""Makes marks to hold records against of those that an order to forget names."""

Keyed = tuple[int, bytes]
KEYED_TYPE = KV[int, bytes]
"""The same for Beam, whose coder of it is that of (varint, bytes)."""


class Incoming(msgspec.Struct, frozen=True, array_like=True):
    """A record on its way to its shard; a seeded one with what stands of it in the tables."""

    record: IdentityRecord | None
    stands: Stamp | None = None
    published: Published | None = None
    forget: tuple[str, ...] = ()
    """Marks of those whom the shard must forget, instead of a record."""


_PACK = msgspec.msgpack.Encoder()
_INCOMING = msgspec.msgpack.Decoder(list[Incoming])


def shard_of_key(key: str, shards: int) -> int:
    """The shard of a record key or blocking key; part of a running job's interface."""
    return zlib.crc32(key.encode()) % shards


class GatherRecordsFn(beam.DoFn):  # type: ignore[misc]
    """Gathers the records of a bundle by shard, of each the newest version alone.

    What is gathered has the timestamp of the earliest element, so that the watermark stays honest.
    """

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self.start_bundle()

    def start_bundle(self) -> None:
        """Forgets what a failed bundle gathered."""
        self._newest = Newest()
        self._earliest = MAX_TIMESTAMP

    def process(self, element: Normalised, timestamp: Any = beam.DoFn.TimestampParam) -> None:
        """Gathers; repeats within a bundle are many, as the same people write again and again."""
        if timestamp < self._earliest:
            self._earliest = timestamp
        for record in element.identities:
            self._newest.see(record)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits one element a shard."""
        shards: dict[int, list[Incoming]] = {}
        for record in self._newest.records():
            shard = shard_of_key(record.record_key, self._shards)
            shards.setdefault(shard, []).append(Incoming(record))
        for shard, incoming in shards.items():
            value = (shard, _PACK.encode(incoming))
            yield WindowedValue(value, self._earliest, (GlobalWindow(),))


class _Out:
    """What a group of records brings about, by where it goes."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._rows: list[Row] = []
        self._memberships: dict[int, list[Membership]] = {}
        self.standings: list[ToComponents] = []

    def take(self, outcome: Outcome) -> None:
        """Takes what follows from one record."""
        if outcome.row is not None:
            self._rows.append(outcome.row)
        if outcome.standing is not None:
            self.standings.append(outcome.standing)
        for membership in outcome.memberships:
            block_shard = shard_of_key(membership.key, self._shards)
            self._memberships.setdefault(block_shard, []).append(membership)

    def elements(self) -> Iterator[Any]:
        """Rows to the main output, messages to the other layers."""
        yield from batches(self._rows)
        for block_shard, messages in self._memberships.items():
            yield beam.pvalue.TaggedOutput(MEMBERSHIPS, (block_shard, pack(messages)))
        if self.standings:
            yield beam.pvalue.TaggedOutput(STANDINGS, (COMPONENTS_SHARD, pack(self.standings)))


class RecordsFn(beam.DoFn):  # type: ignore[misc]
    """First layer. Main output: rows of identity.records; `memberships` and `standings` go on."""

    def __init__(self, evidence: Evidence, clock: Clock, shards: int, new_marks: NewMarks) -> None:
        self._shards = shards
        self._new_marks = new_marks
        self._state = ShardedState("records", partial(Records, evidence, clock))

    def start_bundle(self) -> None:
        """Opens no shard yet."""
        self._state.start_bundle()

    def process(
        self,
        keyed: Keyed,
        token: Any = beam.DoFn.StateParam(TOKEN),
        log: Any = beam.DoFn.StateParam(LOG),
    ) -> Iterator[Any]:
        """Takes a group of records in."""
        incoming = _INCOMING.decode(keyed[1])
        shard = self._state.open(keyed[0], token, log)
        out = _Out(self._shards)
        for one in incoming:
            if one.record is None:
                continue
            outcome = shard.index.receive(one.record, one.stands)
            if one.published is not None:
                out.standings.append(one.published)
            if outcome is not NOTHING:
                key = one.record.record_key
                shard.append(shard.index.entry(key, moved_on=outcome.standing is None))
                out.take(outcome)
        forgotten = tuple(mark for one in incoming for mark in one.forget)
        if forgotten:
            for key, outcome in shard.index.forget(self._new_marks(forgotten)):
                shard.append(shard.index.entry(key, moved_on=outcome.standing is None))
                out.take(outcome)
        shard.commit(log)
        if forgotten:
            shard.compact(log)
        yield from out.elements()
        if forgotten:
            # After what follows for the records: then their blocks are empty, or will be when the
            # order comes again.
            forget = pack([Forget(forgotten)])
            yield beam.pvalue.TaggedOutput(MEMBERSHIPS, (keyed[0], forget))
            yield beam.pvalue.TaggedOutput(STANDINGS, (COMPONENTS_SHARD, forget))

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


def seed_element(batch: RowBatch, shards: int) -> Keyed:
    """A seed on its way to the shard of its record; InvalidRow where its record is unreadable."""
    seed = seed_of(batch)
    incoming = Incoming(from_stored(seed.record), stamp_of(seed.record), published(seed))
    return (shard_of_key(seed.record.record_key, shards), _PACK.encode([incoming]))


def seed_of(batch: RowBatch) -> Seed:
    """What the rows of a record say of it."""
    stored = next(row for row in batch.rows if isinstance(row, StoredRecord))
    link = next((row for row in batch.rows if isinstance(row, Link)), None)
    entity = next((row for row in batch.rows if isinstance(row, Entity)), None)
    evidence = tuple(row for row in batch.rows if isinstance(row, PairEvidence))
    candidates = tuple(row for row in batch.rows if isinstance(row, PairCandidate))
    return Seed(stored, link, entity, evidence, candidates)


def to_records(order: bytes, shards: int) -> Iterator[Keyed]:
    """An order to forget on its way to every shard of records: none knows who is where."""
    orders = [one for one in unpack_entries(order) if isinstance(one, Forget)]
    packed = _PACK.encode([Incoming(None, forget=one.marks) for one in orders])
    return ((shard, packed) for shard in range(shards))


def batches(rows: Iterable[Row]) -> Iterator[RowBatch]:
    """Rows in batches of a size that travels well."""
    every = tuple(rows)
    for start in range(0, len(every), ROWS_TOGETHER):
        yield RowBatch(every[start : start + ROWS_TOGETHER])
