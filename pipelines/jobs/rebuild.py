"""Job `rebuild`: derived tables anew from raw.changes, day by day, by as many workers as it takes.

As `salesintel rebuild` (pipelines/rebuild.py), but for the resolver: the stream has its state, and
takes the new records in when it is started anew with seeds (docs/updates.md).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import apache_beam as beam
from google.cloud import bigquery

from pipelines.deployment import endpoint_of, parts_of
from pipelines.derived_sink import derived_sink
from pipelines.graph import Ingest, Parts
from pipelines.jobs.launch import Launch
from pipelines.jobs.replay import midnight
from pipelines.raw_messages import raw_messages
from pipelines.sweep import RAW, TIMEOUT_S, Cut, sweep
from pipelines.validation import Days, days_of
from schemas.clock import from_us
from schemas.flow import Received
from warehouse.bounded import rows
from warehouse.clients import Endpoint, bigquery_client
from warehouse.compaction import start_over
from warehouse.latest import table_reference


def begun(_: bytes, endpoint: Endpoint, days: Days) -> Iterator[str]:
    """The days that hold changes. Rows will be taken away: no view may go by a copy of them."""
    assert days.until is not None
    with bigquery_client(endpoint) as client:
        start_over(client)
        asked = [bigquery.ScalarQueryParameter("until", "DATE", days.until)]
        condition = "publish_date < @until"
        if days.since is not None:
            asked.append(bigquery.ScalarQueryParameter("since", "DATE", days.since))
            condition += " AND publish_date >= @since"
        raw = table_reference(client, RAW)
        sql = f"SELECT DISTINCT publish_date FROM {raw} WHERE {condition}"  # noqa: S608
        found = [row.publish_date for row in rows(client, sql, asked, timeout_s=TIMEOUT_S)]
    yield from (day.isoformat() for day in sorted(found))


def messages_of(day: str, endpoint: Endpoint) -> Iterator[Received]:
    """The accepted changes of a day."""
    yield from raw_messages(endpoint, day=date.fromisoformat(day))


def swept(_: bytes, written: Any, endpoint: Endpoint, cut: Cut) -> None:
    """Sweeps once everything is `written`, which holds nothing: it is waited for.

    A compaction that ran meanwhile has copied what goes: no view may go by its copies either.
    """
    with bigquery_client(endpoint) as client:
        sweep(client, cut)
        start_over(client)


class Rebuild(beam.PTransform):  # type: ignore[misc]
    """Reads, writes, and then sweeps what it has replaced."""

    def __init__(self, endpoint: Endpoint, parts: Parts, days: Days) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._parts = replace(parts, open_sink=partial(derived_sink, parts.open_sink))
        self._days = days

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """The sweep has the writing as its side input, and so comes after all of it."""
        until = midnight(self._days.until)
        assert until is not None
        began = from_us(self._parts.clock())
        cut = Cut(began, until, self._parts.job_name, midnight(self._days.since))
        days = (
            begin
            | "Begin" >> beam.Impulse()
            | "Days" >> beam.FlatMap(begun, self._endpoint, self._days).with_output_types(str)
        )
        messages = (
            days
            | "Apart" >> beam.Reshuffle()
            | "Messages" >> beam.FlatMap(messages_of, self._endpoint).with_output_types(Received)
        )
        ingest = Ingest(self._parts)
        messages | "Ingest" >> ingest
        return (
            begin
            | "End" >> beam.Impulse()
            | "Sweep" >> beam.Map(swept, beam.pvalue.AsIter(ingest.written), self._endpoint, cut)
        )


def build(pipeline: beam.Pipeline, launch: Launch) -> None:
    """The days that the parameters name."""
    parts = parts_of(launch.options, launch.secrets, launch.folder, job_name="rebuild")
    parts = replace(parts, clock=launch.clock)
    pipeline | "Rebuild" >> Rebuild(endpoint_of(launch.options), parts, days_of(launch.given))
