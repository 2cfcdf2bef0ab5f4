"""People's decisions through the whole graph: they hold whenever they come, and across restarts."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from company_messages import CompanyMessages
from graph_runs import NOW, latest, partition, parts, rows_of
from test_seeded_graph import seeds_from

from pipelines.graph import Ingest
from schemas.columns import Row
from schemas.decision import Decided, Verdict, encode
from schemas.flow import Received, RowBatch
from schemas.identity import EntityChange, Link, Override
from schemas.operations import DeadLetter
from transforms.coders import ReceivedCoder

pytestmark = pytest.mark.slow
MARK = "decision-"


def decision(one: str, other: str, verdict: Verdict, at: int) -> Received:
    """A message of a decision; `at` in microseconds after the first."""
    left, right = sorted((one, other))
    decided = Decided(
        left_key=left,
        right_key=right,
        verdict=verdict,
        decided_at=NOW + at,
        decided_by="ana",
        asked_left=one,
        asked_right=other,
    )
    message = encode(decided)
    return Received(message.data, message.attributes, MARK + decided.decision_id, NOW)


def is_decision(message: Received) -> bool:
    return message.message_id.startswith(MARK)


def is_change(message: Received) -> bool:
    return not is_decision(message)


def run(
    company: CompanyMessages,
    messages: Sequence[Received],
    before: Sequence[Row] = (),
    **others: Any,
) -> list[Row]:
    """Every row of a streaming run; `before` are the rows that it starts from."""
    made, rows = parts(company.settings, clock=_later if before else _now, **others)
    options = PipelineOptions(["--streaming"])
    events = TestStream(coder=ReceivedCoder())
    for start in range(0, len(messages), 60):
        events = events.add_elements(messages[start : start + 60])
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        every = pipeline | events.advance_watermark_to_infinity().with_output_types(Received)
        changes = every | "Changes" >> beam.Filter(is_change).with_output_types(Received)
        decisions = every | "Decisions" >> beam.Filter(is_decision).with_output_types(Received)
        known = decided = None
        seeds = seeds_from(before)
        if before:
            overrides = [RowBatch((row,)) for row in before if isinstance(row, Override)]
            known = pipeline | "Seeds" >> beam.Create(seeds).with_output_types(RowBatch)
            decided = pipeline | "Overrides" >> beam.Create(overrides).with_output_types(RowBatch)
        changes | "Ingest" >> Ingest(made, known, len(seeds), decisions, decided)
    return rows


def _now() -> int:
    return NOW


def _later() -> int:
    return NOW + 3_600_000_000


class Pairs(NamedTuple):
    """Of the company, two records that are one person, and two that are not."""

    one: tuple[str, str]
    two: tuple[str, str]


@pytest.fixture(scope="module")
def pairs(company: CompanyMessages) -> Pairs:
    entities: dict[str, list[str]] = {}
    for row in latest(rows_of(company.messages, company.settings))["identity.links"].items():
        (key, _), link = row
        if link["kind"] == "person" and link["entity_id"] is not None:
            entities.setdefault(link["entity_id"], []).append(key)
    groups = sorted(sorted(keys) for keys in entities.values())
    two = next(keys for keys in groups if len(keys) == 2)
    alone = [keys[0] for keys in groups if len(keys) == 1]
    return Pairs((two[0], two[1]), (alone[0], alone[1]))


def together(rows: Sequence[Row], pair: tuple[str, str]) -> bool:
    return any(set(pair) <= group for group in partition(rows))


def test_decisions_join_and_part_and_each_has_a_row(company: CompanyMessages, pairs: Pairs) -> None:
    decisions = [decision(*pairs.two, "same", 0), decision(*pairs.one, "different", 1)]
    rows = run(company, [*company.messages, *decisions])
    assert together(rows, pairs.two)
    assert not together(rows, pairs.one)
    written = [row for row in rows if isinstance(row, Override)]
    assert {row.message_id for row in written} == {one.message_id for one in decisions}
    methods = {row.record_key: row.method for row in rows if isinstance(row, Link)}
    assert methods[pairs.two[0]] == methods[pairs.two[1]] == "decision"


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(3))
def test_decisions_twice_and_in_any_order_come_to_the_same(
    company: CompanyMessages, pairs: Pairs, seed: int
) -> None:
    """The newest counts, whenever it comes: here before the records, between and after them."""
    decisions = [
        decision(*pairs.two, "same", 1),
        decision(*pairs.two, "different", 2),
        decision(*pairs.two, "same", 3),
        decision(*pairs.one, "different", 4),
        decision(*pairs.one, "withdrawn", 5),
    ]
    messages = [*company.messages, *decisions, *decisions]
    rows = run(company, random.Random(seed).sample(messages, len(messages)))
    assert together(rows, pairs.two)
    assert together(rows, pairs.one), "what is taken back is as if never decided"
    newest = latest(rows)["identity.overrides"]
    assert {row["verdict"] for row in newest.values()} == {"same", "withdrawn"}


def test_a_restart_holds_what_was_decided_and_tells_nothing_new(
    company: CompanyMessages, pairs: Pairs
) -> None:
    decisions = [decision(*pairs.two, "same", 0), decision(*pairs.one, "different", 1)]
    before = run(company, [*company.messages, *decisions])
    after = run(company, [], before)
    assert [row for row in after if isinstance(row, Link | EntityChange | Override)] == []
    undone = run(company, [decision(*pairs.two, "withdrawn", 2)], before)
    assert not together([*before, *undone], pairs.two)
    assert not together([*before, *undone], pairs.one)
    assert any(isinstance(row, EntityChange) and row.what == "split" for row in undone)


def test_what_is_no_decision_is_a_dead_letter_and_the_rest_holds(
    company: CompanyMessages, pairs: Pairs
) -> None:
    good = decision(*pairs.two, "same", 0)
    bad = [
        Received(data, attributes, f"{MARK}{number}", NOW)
        for number, (data, attributes) in enumerate(
            ((b"", {}), (b"{}", good.attributes), (good.data, {**good.attributes, "ce-id": "x"}))
        )
    ]
    rows = run(company, [*company.messages, *bad, good])
    letters = [row for row in rows if isinstance(row, DeadLetter) and row.stage == "decide"]
    assert {row.message_id for row in letters} == {one.message_id for one in bad}
    assert [row.payload for row in letters if row.message_id == f"{MARK}2"] == [good.data]
    assert [row.message_id for row in rows if isinstance(row, Override)] == [good.message_id]
    assert together(rows, pairs.two)
