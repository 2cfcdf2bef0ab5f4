"""The graph: the way of a change, one labelled step a line.

Labels, coders and state names are what a running job is updated by; the golden file in
tests/pipelines holds them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import apache_beam as beam

from pipelines.options import DEDUPE_HORIZON_S, DEFAULT_SHARDS
from schemas.clock import Clock, wall_clock
from schemas.flow import Arrival, Normalised, Received, RowBatch
from schemas.version import PIPELINE_VERSION
from transforms import coders
from transforms.accept import accepted_rows
from transforms.decide import decided_rows, to_forget, told
from transforms.decode import Fetch, decode_message
from transforms.dedupe import Dedupe
from transforms.forget import Forget, OpenKnown, nobody
from transforms.guard import Guard
from transforms.identity.weighed.choice import matching_of
from transforms.normalise import normalise
from transforms.pack import PackRowsFn
from transforms.redact import Redact
from transforms.resolve import Resolve
from transforms.settings import Settings
from warehouse.row_sink import OpenSink
from warehouse.row_writer import RowWriter
from warehouse.sink import WriteRowsFn

__all__ = ["Ingest", "Parts", "coders"]


def no_objects(uri: str) -> bytes:
    """Fetches nothing: for a pipeline that has no object store."""
    raise LookupError(uri)


@dataclass(frozen=True)
class Parts:
    """What a deployment puts into the graph."""

    settings: Settings
    open_sink: OpenSink
    fetch: Fetch = no_objects
    store: Callable[[str, bytes], str] | None = None
    redaction_key: bytes = field(default=b"", repr=False)
    open_known: OpenKnown = nobody
    """Who must stay forgotten (warehouse/erasures.py)."""
    job_name: str = "salesintel"
    shards: int = DEFAULT_SHARDS
    dedupe_horizon_s: float = DEDUPE_HORIZON_S
    clock: Clock = wall_clock

    def writer(self) -> RowWriter:
        """What writes the rows, unopened: a step carries it to its worker."""
        return RowWriter(
            self.open_sink,
            self.job_name,
            PIPELINE_VERSION,
            self.clock,
            store=self.store,
            open_known=self.open_known,
        )


def normalised(arrival: Arrival, settings: Settings, clock: Clock) -> Normalised:
    """Step Normalise: one moment for all rows of a change."""
    rows, identities = normalise(arrival.change, settings, clock())
    return Normalised(arrival, rows, identities)


def allowed(element: Normalised, redact: Redact, forget: Forget) -> Normalised:
    """Step Redact: what the field policy and those who are forgotten leave."""
    return forget(redact(element))


def accepted(element: Normalised, clock: Clock) -> RowBatch:
    """Step Accept."""
    return accepted_rows(element, clock())


class Steps(NamedTuple):
    """From a message to what its change says: what the graph, and a rebuild on one machine, do."""

    decode: Callable[[Received], Arrival]
    normalise: Callable[[Arrival], Normalised]
    redact: Callable[[Normalised], Normalised]


def steps_of(parts: Parts) -> Steps:
    """The steps of a deployment; none of them knows where it runs."""
    redact = Redact(parts.settings.field_policies, parts.redaction_key)
    return Steps(
        decode=partial(decode_message, fetch=parts.fetch),
        normalise=partial(normalised, settings=parts.settings, clock=parts.clock),
        redact=partial(allowed, redact=redact, forget=Forget(parts.open_known)),
    )


class Facts(NamedTuple):
    """What changes say, as far as it may be kept, and dead letters of those that say nothing."""

    left: beam.PCollection
    dead: tuple[beam.PCollection, ...]


def facts_of(messages: beam.PCollection, parts: Parts) -> Facts:
    """From messages to facts: the steps that know nothing of other changes."""
    guard = guard_of(parts)
    steps = steps_of(parts)
    changes = messages | "Decode" >> guard(steps.decode, "decode", Arrival)
    facts = changes.done | "Normalise" >> guard(steps.normalise, "normalise", Normalised)
    left = facts.done | "Redact" >> guard(steps.redact, "redact", Normalised)
    return Facts(left.done, (changes.dead_letters, facts.dead_letters, left.dead_letters))


def guard_of(parts: Parts) -> Callable[..., Guard]:
    """A guarded step of a deployment: a function, its stage and what it makes."""
    return partial(Guard, job_name=parts.job_name, clock=parts.clock, store=parts.store)


def written(
    kept: tuple[beam.PCollection, ...], parts: Parts, beating: beam.DoFn | None = None
) -> beam.PCollection:
    """Writes batches of rows; nothing comes of it, and is complete when everything is written.

    `beating` is passed by each batch as it is written, for a job that has to say that it works.
    """
    everything = kept | "All rows" >> beam.Flatten()
    packed = everything | "Pack" >> beam.ParDo(PackRowsFn()).with_output_types(RowBatch)
    # Random keys without end would stay for ever in the local runner, which looks through all.
    settled = packed | "Settle" >> beam.Reshuffle(parts.shards)
    if beating is not None:
        settled = settled | "Writing" >> beam.ParDo(beating).with_output_types(RowBatch)
    return settled | "Write" >> beam.ParDo(WriteRowsFn(parts.writer()))


class Ingest(beam.PTransform):  # type: ignore[misc]
    """From messages to the warehouse."""

    def __init__(
        self,
        parts: Parts,
        seeds: beam.PCollection | None = None,
        seeded: int | None = None,
        decisions: beam.PCollection | None = None,
        overrides: beam.PCollection | None = None,
    ) -> None:
        """`decisions` are messages of people's decisions, `overrides` the rows of those that were
        written before (pipelines/seeds.py)."""
        super().__init__()
        self._parts = parts
        self._seeds = seeds
        self._seeded = seeded
        self._decisions = decisions
        self._overrides = overrides

    def expand(self, messages: beam.PCollection) -> beam.PCollection:
        """Writes; the output is what was written of identity and dead letters, for notices."""
        parts = self._parts
        settings, clock = parts.settings, parts.clock
        left, dead = facts_of(messages, parts)
        sights = left | "Dedupe" >> Dedupe(parts.shards, parts.dedupe_horizon_s, clock)
        rows = sights.first | "Accept" >> beam.Map(accepted, clock).with_output_types(RowBatch)
        decided: tuple[beam.PCollection, ...] = ()
        if self._decisions is not None:
            decide = partial(decided_rows, clock=clock)
            decisions = self._decisions | "Decide" >> guard_of(parts)(decide, "decide", RowBatch)
            decided, dead = (decisions.done,), (*dead, decisions.dead_letters)
        erasures = self._erasures(decided)
        resolve = Resolve(
            settings,
            parts.shards,
            clock,
            seeds=self._seeds,
            seeded=self._seeded,
            decisions=self._told(decided),
            matching=matching_of(settings),
            erasures=erasures,
            key=parts.redaction_key,
        )
        identity = sights.first | "Resolve" >> resolve
        kept = (rows, sights.duplicates, identity, *decided, *dead)
        written(kept, parts)
        return (identity, *dead) | "Notable" >> beam.Flatten()

    def _erasures(self, decided: tuple[beam.PCollection, ...]) -> beam.PCollection | None:
        """Orders to forget people, for the resolver."""
        if not decided:
            return None
        orders = beam.FlatMap(to_forget).with_output_types(bytes)
        return decided[0] | "Tell erasures" >> orders

    def _told(self, decided: tuple[beam.PCollection, ...]) -> beam.PCollection | None:
        """What the resolver is told of decisions: those that come and those that stand."""
        known = decided if self._overrides is None else (*decided, self._overrides)
        if not known:
            return None
        every = known | "Every decision" >> beam.Flatten()
        return every | "Tell decisions" >> beam.Map(told).with_output_types(bytes)
