"""Answers of status 200 that are JSON and not what they should be: none is taken for success."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hubspot_harness import FAST, Vault
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from connectors.exclusions import Excluder, Exclusions
from connectors.hubspot import HubSpotSettings
from connectors.hubspot.associations import associations
from connectors.hubspot.client import HubSpot
from connectors.hubspot.counts import counts
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.owners import Owners
from connectors.hubspot.properties import Properties
from connectors.hubspot.records import RecordReader
from connectors.hubspot.windows import DEEPEST, Position, search, stamp_ms
from sandbox.vendors.server import served
from schemas.errors import RetriableError

CONTACT = KINDS["contact"]
STAMP = "2026-01-01T00:00:00Z"


class Scripted:
    """Answers in turn, whatever is asked; the last one again and again."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    async def answer(self, request: Request) -> JSONResponse:
        self.asked.append(await request.json() if request.method == "POST" else None)
        return JSONResponse(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@contextmanager
def scripted(*answers: dict[str, Any]) -> Iterator[tuple[HubSpot, Scripted]]:
    script = Scripted(*answers)
    route = Route("/{rest:path}", script.answer, methods=["GET", "POST"])
    with served(Starlette(routes=[route])) as address:
        yield HubSpot(HubSpotSettings(base_url=address, **FAST), Vault()), script


def found(number: int, ms: int = 5_000) -> dict[str, Any]:
    return {"id": str(number), "properties": {CONTACT.stamp: str(ms)}}


def following(after: object) -> dict[str, Any]:
    return {"paging": {"next": {"after": after}}}


def test_a_search_without_results_is_no_empty_one() -> None:
    with scripted({"total": 3}) as (client, _), pytest.raises(RetriableError, match="results"):
        list(search(client, CONTACT, Position(1_000)))


def test_a_page_that_is_all_before_its_window_is_looked_behind_within_the_limit() -> None:
    """The index was behind what it showed: the records are read, the position stays."""
    pages = [
        {"results": [found(1, 10), found(2, 20)], **following("200")},
        {"results": [found(3, 6_000)]},
    ]
    with scripted(*pages) as (client, script):
        first, last = search(client, CONTACT, Position(5_000))
    assert (first.stamps, first.strays, first.ended) == ({"1": 10, "2": 20}, 2, False)
    assert first.position == Position(5_000)
    assert (last.position, last.ended) == (Position(6_000), True)
    assert [asked["after"] for asked in script.asked] == ["0", "200"]


def test_an_index_that_is_behind_beyond_the_limit_is_asked_again_later() -> None:
    page = {"results": [found(1, 10)], **following(str(DEEPEST + 1))}
    with scripted(page) as (client, _), pytest.raises(RetriableError, match="far behind"):
        list(search(client, CONTACT, Position(5_000)))


def test_results_that_are_none_are_passed_over() -> None:
    with scripted({"results": [found(7), {"id": "x"}, "text", {}]}) as (client, _):
        (only,) = search(client, CONTACT, Position(5_000))
    assert (only.stamps, only.ended) == ({"7": 5_000}, True)


def test_a_page_that_goes_on_at_no_offset_is_not_the_last_one() -> None:
    page = {"results": [found(7)], **following("MjAw")}
    with scripted(page) as (client, _), pytest.raises(RetriableError, match="at no offset"):
        list(search(client, CONTACT, Position(5_000)))


def test_a_millisecond_that_is_the_last_before_the_end_ends_the_search_when_it_is_drained() -> None:
    pages = [
        {"results": [found(1), found(2)], **following("2")},
        {"results": [found(1)], **following("1")},
        {"results": [found(2)]},
    ]
    with scripted(*pages) as (client, script):
        pages_of = list(search(client, CONTACT, Position(5_000), 5_001))
    assert [one.stamps for one in pages_of] == [{"1": 5_000}, {"2": 5_000}]
    assert [one.ended for one in pages_of] == [False, True]
    assert script.asked[2]["filterGroups"][0]["filters"][1]["value"] == "1"


@pytest.mark.parametrize(
    ("properties", "ms"),
    [
        ({"s": "5000"}, 5_000),
        ({"s": "1970-01-01T00:00:05Z"}, 5_000),
        ({"s": "yesterday"}, 0),
        ({"s": 5_000}, 5_000),
        ({"s": []}, 0),
        ({}, 0),
        (None, 0),
    ],
)
def test_a_stamp_is_a_time_or_nothing(properties: object, ms: int) -> None:
    assert stamp_ms(properties, "s") == ms


def owners(client: HubSpot) -> Owners:
    settings = HubSpotSettings()
    properties = Properties(client, settings)
    return Owners(client, RecordReader(client, settings, Excluder(Exclusions()), properties))


def test_owners_of_several_pages_are_read_and_one_that_is_none_is_a_dead_letter() -> None:
    good = {"id": "1", "updatedAt": STAMP}
    pages = [
        {"results": [good, {"id": "x", "updatedAt": STAMP}], **following("1")},
        {"results": [{"id": "2", "updatedAt": "soon"}, "text"]},
        {"results": []},
    ]
    with scripted(*pages) as (client, _):
        read = list(owners(client).pages(None))
    assert [one.object_id for page in read for one in page.changes] == ["1"]
    assert sum(len(page.bad) for page in read) == 3
    assert {one.reason for page in read for one in page.bad} == {"no id or updatedAt"}


def test_owners_without_results_are_not_nobody() -> None:
    with scripted({}) as (client, _), pytest.raises(RetriableError, match="without results"):
        list(owners(client).pages(None))


def test_owners_are_counted_over_all_their_pages() -> None:
    pages = [{"results": [{}, {}], **following("2")}, {"results": [{}]}, {"results": [{}]}]
    with scripted(*pages) as (client, _):
        assert counts(client, HubSpotSettings(objects=("owner",))) == {"owner": 4}


def test_a_count_without_a_total_is_none() -> None:
    with scripted({"results": []}) as (client, _), pytest.raises(RetriableError, match="total"):
        counts(client, HubSpotSettings(objects=("contact",)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"results": [], "errors": [{"category": "INTERNAL"}]}, "failed"),
        ({"results": [], "errors": ["text"]}, "failed"),
        ({"errors": []}, "without results"),
    ],
)
def test_associations_that_are_not_all_there_are_asked_for_again(
    body: dict[str, Any], words: str
) -> None:
    with scripted(body) as (client, _), pytest.raises(RetriableError, match=words):
        associations(client, CONTACT, "companies", ["1"], 0)


def test_associations_that_there_are_none_of_are_none() -> None:
    errors = [{"category": "OBJECT_NOT_FOUND"}, {"subCategory": "crm.NO_ASSOCIATIONS_FOUND"}]
    with scripted({"results": [], "errors": errors, "completedAt": STAMP}) as (client, _):
        assert associations(client, CONTACT, "companies", ["1"], 0) == ({}, 1_767_225_600_000_000)
