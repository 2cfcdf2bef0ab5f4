"""Notices say which row to look at and hold no content; those of other rows are none."""

import json
from collections import Counter

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that
from graph_runs import NOW, parts, rows_of
from hostile_messages import received

from pipelines.graph import Ingest
from pipelines.notices import dead_letter_notices, identity_notices
from pipelines.stream import build
from schemas.change import new_change
from schemas.columns import Row
from schemas.flow import Received, RowBatch
from schemas.identity import EntityChange, Link
from schemas.operations import DeadLetter
from schemas.topology import DEAD_LETTERS_TOPIC, IDENTITY_CHANGES_TOPIC, TOPICS

NOTABLE = {Link.__module__, DeadLetter.__module__}
PRIVATE = "ann@acme.com"
MESSAGES = [
    received(
        new_change(
            "files",
            "contact",
            "1",
            json.dumps({"emails": PRIVATE, "given_name": "Ann"}).encode(),
            stamp=1,
            fetched=1,
        ),
        1,
    ),
    received(
        new_change("files", "nothing", "2", PRIVATE.encode(), stamp=1, fetched=1),
        2,
    ),
    Received(PRIVATE.encode(), {"x": PRIVATE}, "h-3", NOW),
]


def test_every_dead_letter_and_every_change_of_an_entity_has_one_notice_without_content() -> None:
    rows = rows_of(MESSAGES)
    letters = [row for row in rows if isinstance(row, DeadLetter)]
    changes = [row for row in rows if isinstance(row, EntityChange)]
    assert len(letters) == 2 and len(changes) == 1
    batch = RowBatch(tuple(rows))
    dead = [json.loads(notice) for notice in dead_letter_notices(batch)]
    changed = [json.loads(notice) for notice in identity_notices(batch)]
    assert [one["dead_letter_id"] for one in dead] == [one.dead_letter_id for one in letters]
    assert {one["message_id"] for one in dead} == {"h-2", "h-3"}
    assert [(one["entity_id"], one["what"]) for one in changed] == [
        (changes[0].entity_id, "created")
    ]
    assert PRIVATE not in json.dumps([dead, changed]) and "Ann" not in json.dumps(changed)


def test_rows_of_nothing_notable_have_no_notice() -> None:
    rows = [row for row in rows_of(MESSAGES) if not isinstance(row, DeadLetter | EntityChange)]
    batch = RowBatch(tuple(rows))
    assert rows
    assert [*dead_letter_notices(batch), *identity_notices(batch)] == []


def test_what_the_graph_gives_out_is_what_it_writes_of_identity_and_dead_letters() -> None:
    expected = [row for row in rows_of(MESSAGES) if type(row).__module__ in NOTABLE]

    def are_what_is_written(batches: list[RowBatch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        assert Counter(map(kind_of, rows)) == Counter(map(kind_of, expected))

    with TestPipeline(runner="FnApiRunner", options=PipelineOptions([])) as pipeline:
        begin = pipeline | beam.Create([0])
        messages = begin | beam.FlatMap(lambda _: MESSAGES).with_output_types(Received)
        assert_that(messages | Ingest(parts()[0]), are_what_is_written)


def kind_of(row: Row) -> tuple[str, str]:
    return type(row).__name__, getattr(row, "dead_letter_id", getattr(row, "record_key", ""))


def test_notices_go_to_topics_that_are_provisioned() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(["--streaming"]))
    build(pipeline, parts()[0], "acme-sales")
    topics = {DEAD_LETTERS_TOPIC, IDENTITY_CHANGES_TOPIC}
    assert topics <= set(TOPICS)
    text = str(pipeline.to_runner_api())
    assert all(f"projects/acme-sales/topics/{topic}" in text for topic in topics)
