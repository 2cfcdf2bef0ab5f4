"""The streaming pipeline: subscriptions to tables."""

from collections.abc import Sequence
from datetime import datetime

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.utils.timestamp import Timestamp

from pipelines.graph import Ingest, Parts
from pipelines.notices import Notify
from schemas.clock import to_us
from schemas.flow import Received
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS, Subscription


def received(message: PubsubMessage) -> Received:
    """The message as the graph takes it."""
    return Received(
        message.data or b"",
        dict(message.attributes or {}),
        message.message_id or "",
        _micros(message.publish_time),
    )


def _micros(published: Timestamp | datetime | None) -> int:
    """Beam's own reader gives a datetime, though it documents a Timestamp."""
    if published is None:
        return 0
    return to_us(published) if isinstance(published, datetime) else int(published.micros)


class Read(beam.PTransform):  # type: ignore[misc]
    """Some subscriptions of the pipeline as one collection.

    No id_label (dedupe is ours, and it would swallow a replay) and no timestamp attribute: an
    element's time is when it was published; event time is a column.
    """

    def __init__(
        self, project: str, subscriptions: Sequence[Subscription] = PIPELINE_SUBSCRIPTIONS
    ) -> None:
        super().__init__()
        self._project = project
        self._subscriptions = subscriptions

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """One labelled read a subscription."""
        reads = [
            begin
            | subscription.topic
            >> ReadFromPubSub(
                subscription=f"projects/{self._project}/subscriptions/{subscription.name}",
                with_attributes=True,
            )
            for subscription in self._subscriptions
        ]
        messages = reads | "Together" >> beam.Flatten()
        return messages | "Receive" >> beam.Map(received).with_output_types(Received)


def build(
    pipeline: beam.Pipeline,
    parts: Parts,
    messages_project: str,
    seeds: beam.PCollection | None = None,
    seeded: int | None = None,
    overrides: beam.PCollection | None = None,
) -> None:
    """Puts the streaming graph into a pipeline; `seeded` is the number of seeds where known, and
    `overrides` the decisions that stand in the tables."""
    messages = pipeline | "Read" >> Read(messages_project)
    decisions = pipeline | "Read decisions" >> Read(messages_project, (DECISIONS_SUBSCRIPTION,))
    notable = messages | "Ingest" >> Ingest(parts, seeds, seeded, decisions, overrides)
    notable | "Notify" >> Notify(messages_project)
