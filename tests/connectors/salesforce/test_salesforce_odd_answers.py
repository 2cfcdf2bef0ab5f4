"""Answers of status 200 that are not what they should be: none is taken for success."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from salesforce_harness import KEY, SECRET, Vault, salesforce
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.calls import Rate
from connectors.salesforce import SalesforceClient, SalesforceConnector, bulk, settings_of
from connectors.salesforce.counts import counts
from connectors.salesforce.shapes import Shape, shape_of
from sandbox.vendors.salesforce import Terms
from sandbox.vendors.server import served
from schemas.errors import RetriableError, SkippableError

SHAPE = Shape("Contact", {"Id": "id", "SystemModstamp": "datetime"}, "SystemModstamp", True)
FIELDS = [{"name": name, "type": kind} for name, kind in SHAPE.types.items()]
MISSING = [{"errorCode": "NOT_FOUND", "message": "no such job"}]


@contextmanager
def scripted(*answers: Any) -> Iterator[SalesforceClient]:
    """A client of an org that answers in turn, whatever is asked: a text as CSV, a list as the
    error that it is."""
    left = list(answers)

    async def token(request: Request) -> JSONResponse:
        return JSONResponse({"access_token": "t"})

    async def answer(request: Request) -> Response:
        body = left.pop(0)
        if isinstance(body, str):
            count = str(max(0, len(body.splitlines()) - 1))
            return Response(body, media_type="text/csv", headers={"Sforce-NumberOfRecords": count})
        return JSONResponse(body, 404 if isinstance(body, list) else 200)

    routes = [
        Route("/services/oauth2/token", token, methods=["POST"]),
        Route("/{rest:path}", answer, methods=["GET", "POST"]),
    ]
    with served(Starlette(routes=routes)) as address:
        settings = {
            "instance_url": address,
            "consumer_key": KEY,
            "consumer_secret": SECRET,
            "rate": Rate(1e9, 1),
        }
        yield SalesforceClient(settings_of(settings), Vault(), sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("described", "error", "words"),
    [
        ({}, RetriableError, "no fields in the answer"),
        ({"fields": FIELDS, "queryable": False}, SkippableError, "grant read access"),
        ({"fields": FIELDS[:1]}, SkippableError, "no SystemModstamp"),
    ],
)
def test_an_object_that_cannot_be_followed_says_why(
    described: dict[str, Any], error: type[Exception], words: str
) -> None:
    with scripted(described) as client, pytest.raises(error, match=words):
        shape_of(client, "Contact")


def test_a_count_without_a_number_is_none() -> None:
    with (
        scripted({"fields": FIELDS}, {"records": []}) as client,
        pytest.raises(RetriableError, match="a count without a number"),
    ):
        counts(client, ["Contact"])


Ask = Callable[[SalesforceClient], object]


def start(client: SalesforceClient) -> object:
    return bulk.start(client, SHAPE, None, 1)


def wait(client: SalesforceClient) -> object:
    return list(bulk.looked_at(client, "750A"))


def parts(client: SalesforceClient) -> object:
    return list(bulk.parts(client, SHAPE, "750A", 1, "", 0))


@pytest.mark.parametrize(
    ("ask", "answer", "words"),
    [
        (start, {"id": None}, "a job without an id"),
        (start, {"id": "../x"}, "a job without an id"),
        (start, MISSING, "NOT_FOUND"),
        (wait, {"state": "JobComplete"}, "does not count its rows"),
        (wait, MISSING, "NOT_FOUND"),
        (parts, MISSING, "NOT_FOUND"),
        (parts, "Name\nAda\n", "a result without ids"),
        (parts, "Id,Name\n003A\n", "broken off"),
        (parts, 'Id\n"003A\n', "no CSV"),
        (parts, "Id\n003A\n003B\n", "2 rows of a job that found 1"),
    ],
    ids=range(10),
)
def test_a_job_that_does_not_give_what_it_should_is_given_up_for_rest(
    ask: Ask, answer: Any, words: str
) -> None:
    with scripted(answer) as client, pytest.raises(bulk.BulkFailed, match=words):
        ask(client)


def test_records_that_take_several_pages_are_fetched_whole() -> None:
    with salesforce(Terms(page_rows=2)) as harness:
        ids = list(harness.org.newest("Contact"))[:5]
        (page,) = harness.connector().fetch("Contact", ids)
        assert sorted(one.object_id for one in page.changes) == sorted(ids)
        assert page.notes == {}


def test_of_an_object_that_cannot_be_deleted_no_deletions_are_asked_for() -> None:
    with scripted({"fields": FIELDS, "replicateable": False}) as client:
        connector = SalesforceConnector(client)
        _, deletions = connector.streams(["contact"])
        assert list(deletions.pages(None)) == []
