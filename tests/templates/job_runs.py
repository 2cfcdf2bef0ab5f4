"""What runs of the bounded jobs share: contacts, a runner, topics to look at."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud import bigquery, pubsub_v1

from pipelines.bounded import RUNNER
from schemas.change import new_change
from schemas.clock import DAY_US
from schemas.envelope import encode
from schemas.flow import Received
from schemas.topology import PIPELINE_SUBSCRIPTIONS
from warehouse.clients import Endpoint, bigquery_client

PROJECT = "salesintel-test"
DAY = date(2026, 3, 1)
NOON_US = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000


def messages(count: int = 30) -> list[Received]:
    """A contact a message, ten a day, and one at the end that no parser can read."""
    found = []
    for number in range(count):
        body = b'{"given_name": "Ada", "emails": ["ada%d@customer.com"]}' % (number // 2)
        if number == count - 1:
            body = b"no JSON"
        change = new_change("files", "contact", f"c{number}", body, stamp=5, fetched=6, lane="live")
        published = NOON_US + number // 10 * DAY_US
        found.append(Received(*encode(change), f"m{number}", published))
    return found


def run(build: Callable[[beam.Pipeline], object]) -> None:
    pipeline = beam.Pipeline(runner=RUNNER, options=PipelineOptions([]))
    build(pipeline)
    pipeline.run().wait_until_finish()


def noted_runs(endpoint: Endpoint) -> list[tuple[str, str, int]]:
    """Command, status and changes of each run as it was noted last; every one has a start row."""
    with bigquery_client(endpoint) as client:
        rows = client.query_and_wait("SELECT * FROM `ops.runs` ORDER BY started_at, noted_at")
        runs: dict[str, list[bigquery.Row]] = {}
        for row in rows:
            runs.setdefault(row.run_id, []).append(row)
    assert all(noted[0].status == "running" for noted in runs.values())
    return [(noted[-1].command, noted[-1].status, noted[-1].changes) for noted in runs.values()]


class Topics(NamedTuple):
    """The changes topics of an embedded Pub/Sub."""

    subscriber: pubsub_v1.SubscriberClient

    def taken(self) -> list[Received]:
        """All messages that wait, acknowledged."""
        found: list[Received] = []
        for one in PIPELINE_SUBSCRIPTIONS:
            path = f"projects/{PROJECT}/subscriptions/{one.name}"
            while True:
                pulled = self.subscriber.pull(
                    subscription=path, max_messages=500, return_immediately=True, timeout=10
                ).received_messages
                if not pulled:
                    break
                self.subscriber.acknowledge(
                    subscription=path, ack_ids=[each.ack_id for each in pulled]
                )
                found += [
                    Received(each.message.data, dict(each.message.attributes), one.topic, 0)
                    for each in pulled
                ]
        return found
