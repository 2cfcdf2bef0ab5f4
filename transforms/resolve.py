"""Resolve: the three layers of identity as keyed stages, with state by shard and no loop.

Records (sharded by record) tell Blocks (sharded by blocking key) and Components (one shard) what is
new; Blocks tell Components. Any order between them gives the same result (transforms/identity).
State begins to change in a stage only after everything that came in has been decoded.
"""

import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints import KV
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from schemas.clock import Clock, wall_clock
from schemas.columns import Row
from schemas.flow import Normalised, RowBatch
from schemas.identity import Entity, IdentityRecord, Link, StoredRecord
from transforms.identity.blocks import Blocks
from transforms.identity.components import Components
from transforms.identity.engine import Seed, published
from transforms.identity.evidence import Evidence
from transforms.identity.messages import (
    Membership,
    Published,
    SeedEnd,
    ToComponents,
    Version,
    pack,
    unpack_entries,
    unpack_memberships,
    version_of,
)
from transforms.identity.partition import Clustering, Matching, exact
from transforms.identity.records import NOTHING, Records, Stamp, from_stored, stamp_of
from transforms.settings import Settings
from transforms.shard import LOG, TOKEN, ShardedState

MEMBERSHIPS = "memberships"
STANDINGS = "standings"
COMPONENTS_SHARD = 0
ROWS_TOGETHER = 200
"""Rows of one decision that travel as one batch: well below what the sink sends at once."""

Keyed = tuple[int, bytes]
KEYED_TYPE = KV[int, bytes]
"""The same for Beam, whose coder of it is that of (varint, bytes)."""


class Incoming(msgspec.Struct, frozen=True, array_like=True):
    """A record on its way to its shard; a seeded one with what stands of it in the tables."""

    record: IdentityRecord
    stands: Stamp | None = None
    published: Published | None = None


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
        self._newest: dict[str, tuple[Version, IdentityRecord]] = {}
        self._earliest = MAX_TIMESTAMP

    def process(self, element: Normalised, timestamp: Any = beam.DoFn.TimestampParam) -> None:
        """Gathers; repeats within a bundle are many, as the same people write again and again."""
        if timestamp < self._earliest:
            self._earliest = timestamp
        for record in element.identities:
            version = version_of(record)
            known = self._newest.get(record.record_key)
            if known is None or version > known[0]:
                self._newest[record.record_key] = (version, record)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits one element a shard."""
        shards: dict[int, list[Incoming]] = {}
        for key, (_, record) in self._newest.items():
            shards.setdefault(shard_of_key(key, self._shards), []).append(Incoming(record))
        for shard, incoming in shards.items():
            value = (shard, _PACK.encode(incoming))
            yield WindowedValue(value, self._earliest, (GlobalWindow(),))


class RecordsFn(beam.DoFn):  # type: ignore[misc]
    """First layer. Main output: rows of identity.records; `memberships` and `standings` go on."""

    def __init__(self, evidence: Evidence, clock: Clock, shards: int) -> None:
        self._shards = shards
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
        rows: list[Row] = []
        memberships: dict[int, list[Membership]] = {}
        standings: list[ToComponents] = []
        for one in incoming:
            outcome = shard.index.receive(one.record, one.stands)
            if one.published is not None:
                standings.append(one.published)
            if outcome is NOTHING:
                continue
            key = one.record.record_key
            shard.append(shard.index.entry(key, moved_on=outcome.standing is None))
            if outcome.row is not None:
                rows.append(outcome.row)
            if outcome.standing is not None:
                standings.append(outcome.standing)
            for membership in outcome.memberships:
                block_shard = shard_of_key(membership.key, self._shards)
                memberships.setdefault(block_shard, []).append(membership)
        shard.commit(log)
        yield from batches(rows)
        for block_shard, messages in memberships.items():
            yield beam.pvalue.TaggedOutput(MEMBERSHIPS, (block_shard, pack(messages)))
        if standings:
            yield beam.pvalue.TaggedOutput(STANDINGS, (COMPONENTS_SHARD, pack(standings)))

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


class BlocksFn(beam.DoFn):  # type: ignore[misc]
    """Second layer: memberships in, answers and edges out."""

    def __init__(self, evidence: Evidence) -> None:
        self._state = ShardedState("blocks", partial(Blocks, evidence))

    def start_bundle(self) -> None:
        """Opens no shard yet."""
        self._state.start_bundle()

    def process(
        self,
        keyed: Keyed,
        token: Any = beam.DoFn.StateParam(TOKEN),
        log: Any = beam.DoFn.StateParam(LOG),
    ) -> Iterator[Keyed]:
        """Takes a group of joins and leaves in."""
        messages = unpack_memberships(keyed[1])
        shard = self._state.open(keyed[0], token, log)
        answers = [
            answer for message in messages if (answer := shard.index.receive(message)) is not None
        ]
        shard.append(pack([shard.index.logged(message) for message in messages]))
        shard.commit(log)
        if answers:
            yield (COMPONENTS_SHARD, pack(answers))

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


class ComponentsFn(beam.DoFn):  # type: ignore[misc]
    """Third layer: what follows from standings, answers and decisions, as rows."""

    def __init__(
        self, evidence: Evidence, clustering: Clustering, clock: Clock, seeded: bool
    ) -> None:
        self._state = ShardedState(
            "components", partial(Components, evidence, clustering, clock, seeded=seeded)
        )

    def start_bundle(self) -> None:
        """Opens no shard yet."""
        self._state.start_bundle()

    def process(
        self,
        keyed: Keyed,
        token: Any = beam.DoFn.StateParam(TOKEN),
        log: Any = beam.DoFn.StateParam(LOG),
    ) -> Iterator[RowBatch]:
        """Takes a group of messages in and tells what is new."""
        unpack_entries(keyed[1])
        shard = self._state.open(keyed[0], token, log)
        shard.index.warm()
        slept = not shard.index.awake
        shard.append(keyed[1])
        rows = shard.index.decide()
        if rows or (slept and shard.index.awake):
            shard.append(shard.index.spoken())
        shard.commit(log)
        yield from batches(rows)

    def finish_bundle(self) -> None:
        """Puts the index back."""
        self._state.finish_bundle()


class Resolve(beam.PTransform):  # type: ignore[misc]
    """PCollection[Normalised] -> PCollection[RowBatch]: rows of identity.*.

    `seeds` rebuilds the state from the tables: batches of a record's latest StoredRecord row, its
    latest Link row and the latest row of the entity that this names. Nothing is decided until all
    of them stand; then what differs from the tables is written. The collection must end: it is
    counted. `decisions` are packed messages to components. `matching` is what makes records one:
    without it their exact identifiers.
    """

    def __init__(
        self,
        settings: Settings,
        shards: int = 16,
        clock: Clock = wall_clock,
        *,
        seeds: beam.PCollection | None = None,
        seeded: int | None = None,
        decisions: beam.PCollection | None = None,
        matching: Matching | None = None,
    ) -> None:
        super().__init__()
        self._evidence, self._clustering = matching or exact(settings)
        self._shards = shards
        self._clock = clock
        self._seeds = seeds
        self._seeded = seeded
        self._decisions = decisions

    def expand(self, changes: beam.PCollection) -> beam.PCollection:
        """Records, blocks, components."""
        incoming = changes | "Gather" >> beam.ParDo(
            GatherRecordsFn(self._shards)
        ).with_output_types(KEYED_TYPE)
        ends: list[beam.PCollection] = []
        if self._seeds is not None:
            incoming = (
                incoming,
                self._seeds
                | "Seed" >> beam.Map(seed_element, self._shards).with_output_types(KEYED_TYPE),
            ) | "Seeds and changes" >> beam.Flatten()
            ends.append(self._seed_end(self._seeds))
        records = incoming | "Records" >> beam.ParDo(
            RecordsFn(self._evidence, self._clock, self._shards)
        ).with_outputs(MEMBERSHIPS, STANDINGS, main="rows")
        records.rows.element_type = RowBatch
        records[MEMBERSHIPS].element_type = KEYED_TYPE
        records[STANDINGS].element_type = KEYED_TYPE
        answers = records[MEMBERSHIPS] | "Blocks" >> beam.ParDo(
            BlocksFn(self._evidence)
        ).with_output_types(KEYED_TYPE)
        if self._decisions is not None:
            ends.append(
                self._decisions
                | "Decisions" >> beam.Map(to_components).with_output_types(KEYED_TYPE)
            )
        decided = (
            (records[STANDINGS], answers, *ends)
            | "To components" >> beam.Flatten()
            | "Components"
            >> beam.ParDo(
                ComponentsFn(self._evidence, self._clustering, self._clock, self._seeds is not None)
            ).with_output_types(RowBatch)
        )
        return (records.rows, decided) | "Rows" >> beam.Flatten()

    def _seed_end(self, seeds: beam.PCollection) -> beam.PCollection:
        if self._seeded is not None:
            # The local runner cannot group a bounded collection within a streaming pipeline.
            ends = [seed_end(self._seeded)]
            return seeds.pipeline | "Seed end" >> beam.Create(ends).with_output_types(KEYED_TYPE)
        return (
            seeds
            | "Seeded keys" >> beam.Map(seeded_key).with_output_types(str)
            | "Distinct keys" >> beam.Distinct()
            | "Count seeds" >> beam.combiners.Count.Globally()
            | "Seed end" >> beam.Map(seed_end).with_output_types(KEYED_TYPE)
        )


def seed_element(batch: RowBatch, shards: int) -> Keyed:
    """A seed on its way to the shard of its record; InvalidRow where its record is unreadable."""
    stored = next(row for row in batch.rows if isinstance(row, StoredRecord))
    link = next((row for row in batch.rows if isinstance(row, Link)), None)
    entity = next((row for row in batch.rows if isinstance(row, Entity)), None)
    told = published(Seed(stored, link, entity))
    incoming = Incoming(from_stored(stored), stamp_of(stored), told)
    return (shard_of_key(stored.record_key, shards), _PACK.encode([incoming]))


def seeded_key(batch: RowBatch) -> str:
    """The record_key of a seed."""
    return next(row.record_key for row in batch.rows if isinstance(row, StoredRecord))


def seed_end(count: int) -> Keyed:
    """Tells components how many records were seeded."""
    return to_components(pack([SeedEnd(count)]))


def to_components(packed: bytes) -> Keyed:
    """Packed messages on their way to the one shard of components."""
    return (COMPONENTS_SHARD, packed)


def batches(rows: Iterable[Row]) -> Iterator[RowBatch]:
    """Rows in batches of a size that travels well."""
    every = tuple(rows)
    for start in range(0, len(every), ROWS_TOGETHER):
        yield RowBatch(every[start : start + ROWS_TOGETHER])
