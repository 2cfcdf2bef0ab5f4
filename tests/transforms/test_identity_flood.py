"""One change writes what truly changed: neither a hub nor a mind that wavers floods the tables."""

import random
from collections.abc import Callable, Iterable, Sequence

import pytest
from identity_world import MATCHINGS, SETTINGS, Ticks, record

from schemas.columns import Row
from schemas.identity import IdentityRecord, StoredRecord
from transforms.identity.engine import Engine
from transforms.identity.evidence import MOST_MEMBERS
from transforms.identity.partition import Matching
from transforms.resolve_records import ROWS_TOGETHER, batches

HUB = 2_000
SHUFFLED = random.Random(1).sample(range(HUB), HUB)
ROWS_A_RECORD = 6
"""Its record, link and entity, the feed, a pair that holds or is asked about; and what the first
sixty cost each other while the key still says something."""
ROWS_A_MEMBER = 5
"""Where a key falls silent each of its records has a new link, entity, entry in the feed, and loses
a pair of evidence."""


@pytest.fixture(params=MATCHINGS)
def matching(request: pytest.FixtureRequest) -> Matching:
    return MATCHINGS[request.param]


def unnamed(number: int) -> IdentityRecord:
    return record(f"hubspot:contact:{number:05}", emails=("all@acme.com",))


def named(number: int) -> IdentityRecord:
    word = chr(97 + number % 26) * 4 + chr(97 + number // 26 % 26) * 3
    return record(
        f"hubspot:contact:{number:05}",
        given_name=word,
        family_name=word[::-1],
        phones=("+12127360001",),
    )


def written(engine: Engine, records: Iterable[IdentityRecord]) -> list[Row]:
    return [row for row in engine.add(records) if not isinstance(row, StoredRecord)]


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (unnamed, range(HUB)),
        (unnamed, range(HUB)[::-1]),
        (unnamed, SHUFFLED),
        (named, SHUFFLED),
    ],
    ids=["rising", "falling", "shuffled", "named"],
)
def test_two_thousand_records_around_one_key_write_a_few_rows_each(
    matching: Matching, make: Callable[[int], IdentityRecord], numbers: Sequence[int]
) -> None:
    engine = Engine(SETTINGS, Ticks(), matching)
    counts = [len(engine.add([make(number)])) for number in numbers]
    assert sum(counts) <= ROWS_A_RECORD * HUB
    assert max(counts) <= ROWS_A_MEMBER * (MOST_MEMBERS + 1)


@pytest.mark.no_cover
def test_a_key_that_falls_silent_and_speaks_again_at_once_writes_nothing(
    matching: Matching,
) -> None:
    engine = Engine(SETTINGS, Ticks(), matching)
    engine.add(unnamed(number) for number in range(MOST_MEMBERS))
    for version in range(1, 20, 2):
        one_more = unnamed(99_999)
        gone = record(one_more.record_key, version + 1, deleted=True)
        again = record(one_more.record_key, version, emails=one_more.emails)
        assert written(engine, [again, gone]) == []


@pytest.mark.no_cover
def test_a_key_that_wavers_writes_of_its_records_alone_and_ends_as_it_began(
    matching: Matching,
) -> None:
    engine = Engine(SETTINGS, Ticks(), matching)
    engine.add(unnamed(number) for number in range(MOST_MEMBERS))
    engine.add(
        record(f"salesforce:contact:{number}", emails=(f"p{number}@birch.io",))
        for number in range(500)
    )
    before = dict(engine.links()), dict(engine.entities())
    for version in range(1, 9, 2):
        silent = written(
            engine, [record("hubspot:contact:99999", version, emails=("all@acme.com",))]
        )
        speaks = written(engine, [record("hubspot:contact:99999", version + 1, deleted=True)])
        assert len(silent) <= ROWS_A_MEMBER * (MOST_MEMBERS + 1)
        assert len(speaks) <= ROWS_A_MEMBER * (MOST_MEMBERS + 1)
    assert (dict(engine.links()), dict(engine.entities())) == before


@pytest.mark.no_cover
def test_sightings_of_a_hub_that_come_again_and_again_write_nothing(matching: Matching) -> None:
    engine = Engine(SETTINGS, Ticks(), matching)
    engine.add(unnamed(number) for number in range(MOST_MEMBERS // 2))
    sighting = "gmail:address:1"
    engine.add([record(sighting, 1, emails=("all@acme.com",), full_name="Ann Okafor")])
    for version in range(2, 200):
        name = "Ann Okafor" if version % 3 else ""
        assert (
            engine.add([record(sighting, version, emails=("all@acme.com",), full_name=name)]) == []
        )


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_change_of_one_in_a_large_entity_writes_of_that_one(matching: Matching) -> None:
    """Two thousand records that their sources say are one: a chain by the CRM's own word."""
    first = record("salesforce:contact:0", given_name="Ann", family_name="Okafor")
    chain = [
        record(f"salesforce:contact:{n}", same_as=(f"salesforce:contact:{n - 1}",))
        for n in range(1, HUB)
    ]
    engine = Engine(SETTINGS, Ticks(), matching)
    rows = engine.add([first, *chain])
    assert len(rows) <= ROWS_A_RECORD * HUB
    end = f"salesforce:contact:{HUB - 1}"
    news = record(end, 2, same_as=(f"salesforce:contact:{HUB - 2}",), city="Oslo")
    assert written(engine, [news]) == []
    assert len(written(engine, [record(end, 3, deleted=True)])) <= ROWS_A_MEMBER
    assert len(written(engine, [record(end, 4, same_as=news.same_as)])) <= ROWS_A_MEMBER


def test_what_one_decision_writes_travels_in_batches_that_the_sink_can_take() -> None:
    engine = Engine(SETTINGS, Ticks())
    engine.add(unnamed(number) for number in range(MOST_MEMBERS))
    rows = written(engine, [unnamed(99_999)])
    assert len(rows) > ROWS_TOGETHER
    sent = list(batches(rows))
    assert [row for batch in sent for row in batch.rows] == rows
    assert max(len(batch.rows) for batch in sent) <= ROWS_TOGETHER
