"""Notices on topics: a dead letter has been written, an entity has changed.

A notice says which row to look at and holds no content: the tables are the truth.
"""

from collections.abc import Iterator

import apache_beam as beam
import msgspec
from apache_beam.io.gcp.pubsub import WriteToPubSub

from schemas.flow import RowBatch
from schemas.identity import EntityChange
from schemas.operations import DeadLetter
from schemas.topology import DEAD_LETTERS_TOPIC, IDENTITY_CHANGES_TOPIC


def dead_letter_notices(batch: RowBatch) -> Iterator[bytes]:
    """One JSON document a dead letter."""
    for row in batch.rows:
        if isinstance(row, DeadLetter):
            yield msgspec.json.encode(
                {
                    "dead_letter_id": row.dead_letter_id,
                    "stage": row.stage,
                    "error_type": row.error_type,
                    "source": row.source,
                    "message_id": row.message_id,
                    "attempt": row.attempt,
                }
            )


def identity_notices(batch: RowBatch) -> Iterator[bytes]:
    """One JSON document a change of an entity."""
    for row in batch.rows:
        if isinstance(row, EntityChange):
            yield msgspec.json.encode(
                {
                    "entity_id": row.entity_id,
                    "kind": row.kind,
                    "what": row.what,
                    "other_ids": row.other_ids,
                    "revision": row.revision,
                }
            )


class Notify(beam.PTransform):  # type: ignore[misc]
    """Publishes the notices of what `Ingest` gives out."""

    def __init__(self, project: str) -> None:
        super().__init__()
        self._project = project

    def _topic(self, name: str) -> str:
        return f"projects/{self._project}/topics/{name}"

    def expand(self, notable: beam.PCollection) -> beam.PCollection:
        """Two topics; at least once, as everything."""
        changed = notable | "Entity changes" >> beam.FlatMap(identity_notices).with_output_types(
            bytes
        )
        changed | "To identity-changes" >> WriteToPubSub(self._topic(IDENTITY_CHANGES_TOPIC))
        dead = notable | "Dead letters" >> beam.FlatMap(dead_letter_notices).with_output_types(
            bytes
        )
        dead | "To dead-letters" >> WriteToPubSub(self._topic(DEAD_LETTERS_TOPIC))
        return notable
