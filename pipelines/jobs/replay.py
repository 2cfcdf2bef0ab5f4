"""Job `replay`: dead letters back onto their topics, as `salesintel replay` does on one machine.

They take the way that they came: the stream's Dedupe and resolver hold the state, and a second job
beside it would know nothing of it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial

import apache_beam as beam

from connectors.bucket import bucket_store
from connectors.objects import ObjectStore
from pipelines.deployment import endpoint_of, messages_project
from pipelines.job_run import Beating, Begin, Done, End, JobRun
from pipelines.jobs.launch import Launch
from pipelines.publish import PublishFn
from pipelines.replay import Message, Selection, dead_letters, message_of
from pipelines.validation import days_of
from schemas.flow import RowBatch
from schemas.operations import DeadLetter
from warehouse.clients import bigquery_client


def midnight(day: date | None) -> datetime | None:
    """The moment at which a day of UTC begins."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def selected(_: bytes, run: JobRun, chosen: Selection) -> Iterator[RowBatch]:
    """The dead letters that are meant, one a batch."""
    with run.at_work(), bigquery_client(run.endpoint) as client:
        for letter in dead_letters(client, chosen):
            yield RowBatch((letter,))


def to_message(batch: RowBatch, objects: ObjectStore) -> Message | None:
    """What is published of a dead letter."""
    (letter,) = batch.rows
    assert isinstance(letter, DeadLetter)
    return message_of(letter, objects)


class Replay(beam.PTransform):  # type: ignore[misc]
    """Reads the letters and publishes them."""

    def __init__(self, run: JobRun, chosen: Selection, project: str, objects: ObjectStore) -> None:
        super().__init__()
        self._run = run
        self._read = partial(selected, run=run, chosen=chosen)
        self._publish = PublishFn(project, objects, to_message)

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """One reads, all publish."""
        published = (
            begin
            | "Begin" >> Begin(self._run, apart_from_erasures=True)
            | "Letters" >> beam.FlatMap(self._read).with_output_types(RowBatch)
            | "Apart" >> beam.Reshuffle()
            | "Alive" >> beam.ParDo(Beating(self._run)).with_output_types(RowBatch)
            | "Publish" >> beam.ParDo(self._publish).with_output_types(Done)
        )
        return published | "End" >> End(self._run)


def build(pipeline: beam.Pipeline, launch: Launch) -> None:
    """The letters that the parameters name."""
    given = launch.given
    since, until = days_of(given)
    chosen = Selection(
        stage=given.stage or "",
        error_type=given.error_type or "",
        source=given.source or "",
        dead_letter_id=given.dead_letter or "",
        since=midnight(since),
        until=midnight(until),
        limit=given.limit,
    )
    pipeline | "Replay" >> Replay(
        JobRun.new(endpoint_of(launch.options), "replay", launch.clock),
        chosen,
        messages_project(launch.options),
        bucket_store(given.objects),
    )
