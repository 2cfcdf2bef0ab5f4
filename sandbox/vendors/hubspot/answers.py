"""Pieces of HubSpot's answers: refusals, pages, errors within a batch, rate limits."""

from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from sandbox.vendors.hubspot.state import Record

OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "GTE": int.__ge__,
    "GT": int.__gt__,
    "LTE": int.__le__,
    "LT": int.__lt__,
    "EQ": int.__eq__,
}


class Refused(Exception):
    """An answer that is an error, in the vendor's form."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(status)
        body = {
            "status": "error",
            "message": message,
            "category": category,
            "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
            **more,
        }
        self.answer = JSONResponse(body, status)


def sorted_by(one: Any) -> str:
    """The property that a sort names, in either form."""
    return str(one["propertyName"] if isinstance(one, dict) else one)


CREATED = {"contacts": "createdate", "companies": "createdate", "deals": "createdate"}
"""Path to the property that says when a record was made; of all others it is hs_createdate."""


def passes(one: dict[str, str], row: tuple[int, Record], stamp: str, created: str) -> bool:
    """Whether a row of the index passes a filter."""
    values = {stamp: row[0], created: row[1].created, "hs_object_id": int(row[1].id)}
    if one["propertyName"] not in values:
        raise Refused(400, "VALIDATION_ERROR", f"There is no property {one['propertyName']}.")
    value = values[one["propertyName"]]
    if one["propertyName"] == stamp and int(one["value"]) == 0:
        raise Refused(500, "INTERNAL_ERROR", "internal error")
    return OPERATORS[one["operator"]](value, int(one["value"]))


def paged(rows: list[dict[str, Any]], request: Request, most: int) -> dict[str, Any]:
    """A page of a list, with the way to the next."""
    limit = min(int(request.query_params.get("limit", 10)), most)
    start = int(request.query_params.get("after") or 0)
    answer: dict[str, Any] = {"results": rows[start : start + limit]}
    if start + limit < len(rows):
        answer["paging"] = {"next": {"after": str(start + limit), "link": "?"}}
    return answer


def error(category: str, context: dict[str, list[str]]) -> dict[str, Any]:
    """An entry of a batch's errors."""
    return {
        "status": "error",
        "category": category,
        "message": "Could not get some objects.",
        "context": context,
        "errors": [],
        "links": {},
    }


def full(calls: deque[int], now: int, window_ms: int, most: int) -> bool:
    """Whether a window has as many calls as it may; counts the call where not."""
    while calls and calls[0] <= now - window_ms:
        calls.popleft()
    if len(calls) >= most:
        return True
    calls.append(now)
    return False
