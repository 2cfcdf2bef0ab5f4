"""Job `backfill`: archived messages of a bucket back onto their topics.

What a source still has is filled back from the source (`salesintel backfill`), and files are
imported where they lie (`salesintel import`): both are bound by who is asked, not by how many ask.
What is left is an archive, which many can read at once: Avro files, as Pub/Sub's own subscription
to Cloud Storage writes them with metadata.
https://cloud.google.com/pubsub/docs/create-cloudstorage-subscription#file_format
"""

from datetime import date, datetime
from functools import partial
from typing import Any

import apache_beam as beam

from connectors.bucket import bucket_store
from connectors.objects import ObjectStore
from pipelines.deployment import endpoint_of, messages_project
from pipelines.job_run import Beating, Begin, Done, End, JobRun
from pipelines.jobs.launch import Launch
from pipelines.publish import PublishFn
from pipelines.replay import Message
from pipelines.validation import Days, days_of
from schemas.change import SOURCES
from schemas.clock import from_us, to_us
from schemas.envelope import SOURCE_PREFIX, topic_of
from schemas.flow import Received

OF_NO_SOURCE = "files"
"""To whose topic goes what names no source of ours: it becomes a dead letter there."""


def archived(record: dict[str, Any]) -> Received:
    """The message in a record of the archive; ValueError where a column is missing."""
    try:
        published, attributes, data = record["publish_time"], record["attributes"], record["data"]
    except KeyError as missing:
        raise ValueError(
            f"the archive has no column {missing}: its subscription has to write metadata"
        ) from None
    moment = to_us(published) if isinstance(published, datetime) else int(published)
    return Received(data, dict(attributes), str(record["message_id"]), moment)


def within(message: Received, days: Days) -> bool:
    """Whether it was published on one of the days."""
    day: date = from_us(message.publish_time).date()
    return (days.since is None or day >= days.since) and (days.until is None or day < days.until)


def to_message(message: Received, _: ObjectStore) -> Message:
    """The message as it was, on the lane of backfills."""
    source = message.attributes.get("ce-source", "").removeprefix(SOURCE_PREFIX)
    topic = topic_of(source if source in SOURCES else OF_NO_SOURCE)
    return topic, message.data, {**message.attributes, "ce-lane": "backfill"}


class Backfill(beam.PTransform):  # type: ignore[misc]
    """Reads an archive and publishes what is in it."""

    def __init__(
        self, run: JobRun, archive: str, days: Days, project: str, objects: ObjectStore
    ) -> None:
        super().__init__()
        self._run = run
        self._archive = archive
        self._within = partial(within, days=days)
        self._publish = PublishFn(project, objects, to_message)

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Files are read in blocks, by all workers."""
        begin | "Begin" >> Begin(self._run)
        published = (
            begin
            # Looked at by who runs it: who launches it may not read the archive.
            | "Archive" >> beam.io.ReadFromAvro(self._archive, validate=False)
            | "Messages" >> beam.Map(archived).with_output_types(Received)
            | "Days" >> beam.Filter(self._within).with_output_types(Received)
            | "Alive" >> beam.ParDo(Beating(self._run)).with_output_types(Received)
            | "Publish" >> beam.ParDo(self._publish).with_output_types(Done)
        )
        return published | "End" >> End(self._run)


def build(pipeline: beam.Pipeline, launch: Launch) -> None:
    """The archive that the parameters name."""
    given = launch.given
    pipeline | "Backfill" >> Backfill(
        JobRun.new(endpoint_of(launch.options), "backfill", launch.clock),
        given.archive,
        days_of(given),
        messages_project(launch.options),
        bucket_store(given.objects),
    )
