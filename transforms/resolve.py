"""Resolve: the three layers of identity as keyed stages, with state by shard and no loop.

Records (sharded by record) tell Blocks (sharded by blocking key) and Components (one shard) what is
new; Blocks tell Components. Any order between them gives the same result (transforms/identity).
State begins to change in a stage only after everything that came in has been decoded.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import apache_beam as beam

from schemas.clock import Clock, wall_clock
from schemas.flow import RowBatch
from schemas.identity import StoredRecord
from transforms.erasure import Marks
from transforms.identity.blocks import Blocks
from transforms.identity.components import Components
from transforms.identity.evidence import Evidence
from transforms.identity.messages import (
    Forget,
    Membership,
    SeedEnd,
    pack,
    unpack_entries,
    unpack_memberships,
)
from transforms.identity.partition import Clustering, Matching, exact
from transforms.resolve_records import (
    COMPONENTS_SHARD,
    KEYED_TYPE,
    MEMBERSHIPS,
    STANDINGS,
    GatherRecordsFn,
    Keyed,
    NewMarks,
    RecordsFn,
    batches,
    seed_element,
    to_records,
)
from transforms.settings import Settings
from transforms.shard import LOG, TOKEN, ShardedState


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
        joins = [message for message in messages if isinstance(message, Membership)]
        if len(joins) < len(messages):
            shard.index.forget()
            shard.compact(log)
            return
        answers = [
            answer for message in joins if (answer := shard.index.receive(message)) is not None
        ]
        shard.append(pack([shard.index.logged(message) for message in joins]))
        shard.commit(log)
        if answers:
            yield (COMPONENTS_SHARD, pack(answers))

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


class ComponentsFn(beam.DoFn):  # type: ignore[misc]
    """Third layer: what follows from standings, answers and decisions, as rows."""

    def __init__(
        self,
        evidence: Evidence,
        clustering: Clustering,
        clock: Clock,
        seeded: bool,
        new_marks: NewMarks,
    ) -> None:
        self._new_marks = new_marks
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
        messages = unpack_entries(keyed[1])
        shard = self._state.open(keyed[0], token, log)
        forgotten = [mark for one in messages if isinstance(one, Forget) for mark in one.marks]
        if forgotten:
            shard.index.forget(self._new_marks(forgotten))
            shard.compact(log)
            return
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
    latest Link row, the latest row of the entity that this names, and those of the pairs of which
    it is the left end. Nothing is decided until all of them stand; then what differs from the
    tables is written. The collection must end: it is counted. `decisions` are packed messages to
    components. `matching` is what makes records one: without it their exact identifiers. `erasures`
    are packed orders to forget, their marks made with `key`.
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
        erasures: beam.PCollection | None = None,
        key: bytes = b"",
    ) -> None:
        super().__init__()
        self._evidence, self._clustering = matching or exact(settings)
        self._erasures = erasures
        self._new_marks: NewMarks = partial(Marks, key=key, region=settings.region)
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
        if self._erasures is not None:
            forget = self._erasures | "To every shard" >> beam.FlatMap(
                to_records, self._shards
            ).with_output_types(KEYED_TYPE)
            incoming = (incoming, forget) | "Changes and erasures" >> beam.Flatten()
        records = incoming | "Records" >> beam.ParDo(
            RecordsFn(self._evidence, self._clock, self._shards, self._new_marks)
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
                ComponentsFn(
                    self._evidence,
                    self._clustering,
                    self._clock,
                    self._seeds is not None,
                    self._new_marks,
                )
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


def seeded_key(batch: RowBatch) -> str:
    """The record_key of a seed."""
    return next(row.record_key for row in batch.rows if isinstance(row, StoredRecord))


def seed_end(count: int) -> Keyed:
    """Tells components how many records were seeded."""
    return to_components(pack([SeedEnd(count)]))


def to_components(packed: bytes) -> Keyed:
    """Packed messages on their way to the one shard of components."""
    return (COMPONENTS_SHARD, packed)
