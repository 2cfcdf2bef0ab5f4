"""Job `rebuild`: derived tables anew from raw.changes, day by day, by as many workers as it takes.

As `salesintel rebuild` (pipelines/rebuild.py), but for the resolver: the stream has its state, and
takes the new records in when it is started anew with seeds (docs/updates.md).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Any

import apache_beam as beam
from apache_beam.typehints import KV
from google.cloud import bigquery

from pipelines.deployment import endpoint_of, parts_of
from pipelines.derive import derived, standing_records
from pipelines.graph import Parts, accepted, facts_of, written
from pipelines.job_run import Beating, Begin, Done, End, JobRun
from pipelines.jobs.launch import Launch
from pipelines.jobs.replay import midnight
from pipelines.raw_messages import raw_messages
from pipelines.sweep import RAW, TIMEOUT_S, Cut, sweep
from pipelines.validation import Days, days_of
from schemas.clock import Clock, from_us
from schemas.flow import Normalised, Received, RowBatch
from transforms.identity.newest import Seen, Standing, held_against, newer, seen
from warehouse.bounded import rows
from warehouse.clients import bigquery_client
from warehouse.compaction import start_over
from warehouse.latest import table_reference

SEEN, STANDS = "seen", "stands"


def published(days: Days) -> tuple[str, list[bigquery.ScalarQueryParameter]]:
    """The changes of some days, as a condition with its parameters."""
    assert days.until is not None
    asked = [bigquery.ScalarQueryParameter("until", "DATE", days.until)]
    condition = "publish_date < @until"
    if days.since is not None:
        asked.append(bigquery.ScalarQueryParameter("since", "DATE", days.since))
        condition += " AND publish_date >= @since"
    return condition, asked


def days_with_changes(_: bytes, run: JobRun, days: Days) -> Iterator[str]:
    """The days that hold changes. Rows will be taken away: no view may go by a copy of them."""
    condition, asked = published(days)
    with run.at_work(), bigquery_client(run.endpoint) as client:
        start_over(client)
        raw = table_reference(client, RAW)
        sql = f"SELECT DISTINCT publish_date FROM {raw} WHERE {condition}"  # noqa: S608
        found = [row.publish_date for row in rows(client, sql, asked, timeout_s=TIMEOUT_S)]
    yield from (day.isoformat() for day in sorted(found))


def messages_of(day: str, run: JobRun) -> Iterator[Received]:
    """The accepted changes of a day."""
    with run.at_work():
        yield from raw_messages(run.endpoint, day=date.fromisoformat(day))


def derived_rows(element: Normalised, clock: Clock) -> RowBatch:
    """The rows that are made of a change."""
    return RowBatch(derived(accepted(element, clock).rows))


def swept(_: bytes, written: Any, run: JobRun, cut: Cut) -> None:
    """Sweeps once everything is `written`, which holds nothing: it is waited for.

    A compaction that ran meanwhile has copied what goes: no view may go by its copies either.
    """
    with run.at_work(), bigquery_client(run.endpoint) as client:
        sweep(client, cut)
        start_over(client)


def standing_in(_: bytes, run: JobRun, days: Days) -> Iterator[tuple[str, Standing]]:
    """The newest row of each record, whether what it is made of is read by this job or not."""
    with run.at_work(), bigquery_client(run.endpoint) as client:
        for one in standing_records(client, "", *published(days)):
            yield one.stored.record_key, one


def sightings(element: Normalised) -> Iterator[tuple[str, Seen]]:
    """What a change says of who is who, by record."""
    return ((record.record_key, seen(record)) for record in element.identities)


def stored(record: tuple[str, dict[str, list[Any]]], clock: Clock) -> Iterator[RowBatch]:
    """The row of a record that was seen, held against the one that stands."""
    for known in record[1][SEEN]:
        newest = reduce(held_against, record[1][STANDS], known)
        yield RowBatch((newest.stored(clock()),))


class NewestFn(beam.CombineFn):  # type: ignore[misc]
    """Of the versions of a record the newest."""

    def create_accumulator(self) -> Seen | None:
        """None was seen."""
        return None

    def add_input(self, known: Seen | None, one: Seen) -> Seen:
        """Takes in a version."""
        return one if known is None else newer(known, one)

    def merge_accumulators(self, every: Iterable[Seen | None]) -> Seen | None:
        """What was seen by some."""
        return reduce(self.add_input, filter(None, every), None)

    def extract_output(self, known: Seen | None) -> Seen | None:
        """The newest."""
        return known


class Rebuild(beam.PTransform):  # type: ignore[misc]
    """Reads, writes, and then sweeps what it has replaced."""

    def __init__(self, run: JobRun, parts: Parts, days: Days) -> None:
        super().__init__()
        self._run, self._parts, self._days = run, parts, days

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """The sweep has the writing as its side input, and so comes after all of it."""
        parts, run = self._parts, self._run
        until = midnight(self._days.until)
        assert until is not None
        began = from_us(parts.clock())
        cut = Cut(began, until, parts.job_name, midnight(self._days.since))
        days = (
            begin
            | "Begin" >> Begin(run, apart_from_erasures=True)
            | "Days" >> beam.FlatMap(days_with_changes, run, self._days).with_output_types(str)
        )
        messages = (
            days
            | "Apart" >> beam.Reshuffle()
            | "Messages" >> beam.FlatMap(messages_of, run).with_output_types(Received)
        )
        left, dead = facts_of(messages, parts)
        rows = left | "Derived" >> beam.Map(derived_rows, parts.clock).with_output_types(RowBatch)
        kept = (rows, self._records(begin, left), *dead)
        everything = written(kept, parts, Beating(run))
        last = (
            begin
            | "Written" >> beam.Impulse()
            | "Sweep" >> beam.Map(swept, beam.pvalue.AsIter(everything), run, cut)
        )
        return self._done(messages, dead) | "End" >> End(run, last)

    def _done(
        self, messages: beam.PCollection, dead: tuple[beam.PCollection, ...]
    ) -> beam.PCollection:
        """Changes, and those that became dead letters."""
        changes = (
            messages
            | "Changes" >> beam.combiners.Count.Globally()
            | "Read" >> beam.Map(lambda count: (count, 0, 0)).with_output_types(Done)
        )
        letters = (
            dead
            | "Letters" >> beam.Flatten()
            | "Letter" >> beam.Map(lambda batch: (0, 0, len(batch.rows))).with_output_types(Done)
        )
        return (changes, letters) | "Done" >> beam.Flatten()

    def _records(self, begin: beam.pvalue.PBegin, left: beam.PCollection) -> beam.PCollection:
        """Rows of identity.records."""
        every = left | "Sightings" >> beam.FlatMap(sightings).with_output_types(KV[str, Any])
        newest = every | "Newest" >> beam.CombinePerKey(NewestFn()).with_output_types(KV[str, Any])
        standing = (
            begin
            | "Records" >> beam.Impulse()
            | "Standing"
            >> beam.FlatMap(standing_in, self._run, self._days).with_output_types(KV[str, Any])
        )
        together = {SEEN: newest, STANDS: standing} | "By record" >> beam.CoGroupByKey()
        return together | "Stored" >> beam.FlatMap(stored, self._parts.clock).with_output_types(
            RowBatch
        )


def build(pipeline: beam.Pipeline, launch: Launch) -> None:
    """The days that the parameters name."""
    parts = parts_of(launch.options, launch.secrets, launch.folder, job_name="rebuild")
    parts = replace(parts, clock=launch.clock)
    run = JobRun.new(endpoint_of(launch.options), "rebuild", launch.clock)
    pipeline | "Rebuild" >> Rebuild(run, parts, days_of(launch.given))
