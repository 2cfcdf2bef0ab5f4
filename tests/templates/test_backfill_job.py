"""An archive of messages comes out on the topics again, by the embedded Pub/Sub."""

from datetime import date
from pathlib import Path

import fastavro
import msgspec
import pytest
from job_runs import DAY, PROJECT, Topics, messages, noted_runs, run

from connectors.objects import FolderStore
from pipelines.job_run import JobRun
from pipelines.jobs.backfill import Backfill, archived, to_message, within
from pipelines.validation import Days
from schemas.clock import from_us, wall_clock
from schemas.envelope import decode
from schemas.flow import Received
from warehouse.clients import Endpoint

NO_DAYS = Days(None, None)
ARCHIVE = {
    "type": "record",
    "name": "PubsubMessage",
    "fields": [
        {"name": "subscription_name", "type": "string"},
        {"name": "message_id", "type": "string"},
        {"name": "publish_time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "attributes", "type": {"type": "map", "values": "string"}},
        {"name": "data", "type": "bytes"},
    ],
}
"""https://cloud.google.com/pubsub/docs/create-cloudstorage-subscription#file_format"""


def write_archive(path: Path, found: list[Received]) -> None:
    records = [
        {
            "subscription_name": "archive",
            "message_id": one.message_id,
            "publish_time": from_us(one.publish_time),
            "attributes": one.attributes,
            "data": one.data,
        }
        for one in found
    ]
    with path.open("wb") as out:
        fastavro.writer(out, ARCHIVE, records)


def test_a_record_of_an_archive_is_the_message_that_it_was() -> None:
    (sent, *_) = messages(2)
    record = {"message_id": "m0", "attributes": sent.attributes, "data": sent.data}
    for published in (sent.publish_time, from_us(sent.publish_time)):
        assert archived({**record, "publish_time": published}) == sent
    with pytest.raises(ValueError, match="no column 'publish_time': its subscription has to write"):
        archived(record)


def test_an_archived_message_goes_to_the_topic_of_its_source_on_the_lane_of_backfills() -> None:
    (sent, *_) = messages(2)
    topic, data, attributes = to_message(sent, FolderStore(Path()))
    assert topic == "changes-files"
    before, after = decode(sent.data, sent.attributes), decode(data, attributes)
    assert after == msgspec.structs.replace(before, lane="backfill")
    unknown = Received(b"x", {"ce-source": "//salesintel/fax"}, "m", 0)
    assert to_message(unknown, FolderStore(Path()))[0] == "changes-files"


@pytest.mark.parametrize(
    ("since", "until", "inside"),
    [
        (None, None, True),
        (DAY, None, True),
        (date(2026, 3, 2), None, False),
        (None, DAY, False),
        (DAY, date(2026, 3, 2), True),
    ],
)
def test_days_begin_with_since_and_end_before_until(
    since: date | None, until: date | None, inside: bool
) -> None:
    assert within(messages(2)[0], Days(since, until)) is inside


@pytest.mark.slow
def test_an_archive_comes_out_on_the_topics_whole_or_by_days(
    tmp_path: Path, topics: Topics, noting: Endpoint
) -> None:
    sent = messages()
    for number in range(3):
        write_archive(tmp_path / f"{number}.avro", sent[number * 10 : number * 10 + 10])
    objects = FolderStore(tmp_path / "objects")
    archive = str(tmp_path / "*.avro")

    def backfill(days: Days) -> Backfill:
        noted = JobRun.new(noting, "backfill", wall_clock)
        return Backfill(noted, archive, days, PROJECT, objects)

    run(lambda p: p | "Backfill" >> backfill(NO_DAYS))
    taken = topics.taken()
    assert sorted(one.data for one in taken) == sorted(one.data for one in sent)
    assert {one.attributes["ce-lane"] for one in taken} == {"backfill"}
    assert {one.attributes["ce-id"] for one in taken} == {one.attributes["ce-id"] for one in sent}
    second = Days(date(2026, 3, 2), date(2026, 3, 3))
    run(lambda p: p | "Backfill" >> backfill(second))
    assert sorted(one.data for one in topics.taken()) == sorted(one.data for one in sent[10:20])
    assert noted_runs(noting) == [("backfill", "succeeded", 30), ("backfill", "succeeded", 10)]
