"""Answers of the org: rows as REST gives them, errors as it words them, and the faults of both."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.vendors.faults import Faults
from sandbox.vendors.salesforce.schema import Entity
from sandbox.vendors.salesforce.state import Org, Row

STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS": 403,
    "API_DISABLED_FOR_ORG": 403,
    "NOT_FOUND": 404,
    "SERVER_UNAVAILABLE": 503,
}


class Refusal(Exception):
    """An error as the org answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def error(code: str, message: str) -> Response:
    """The body that Salesforce gives errors."""
    return answer([{"message": message, "errorCode": code}], STATUS.get(code, 400))


def answer(body: Any, status: int = 200) -> Response:
    """JSON as the org writes it."""
    return Response(json.dumps(body), status, media_type="application/json")


def counted(response: Response, org: Org, spent: int) -> Response:
    """An answer with the header that tells the day's calls."""
    usage = f"api-usage={spent}/{org.terms.daily_calls}"
    if org.terms.app_calls is not None:
        usage += f"; per-app-api-usage={spent}/{org.terms.app_calls}(appName=salesintel)"
    response.headers["Sforce-Limit-Info"] = usage
    return response


def struck(faults: Faults, where: str) -> Response | None:
    """The answer of a fault that strikes an authenticated call, by name:

    `session_expired`, `session_html` (401 without JSON), `request_limit`, `forbidden`,
    `api_disabled`, `query_timeout`, `too_large`, `locator_gone`, `edge_406`, `edge_420`,
    `empty_400`, `locked`.
    """
    if faults.strikes("session_html", where):
        return HTMLResponse("<html>Please log in</html>", 401)
    for status in (406, 420):
        if faults.strikes(f"edge_{status}", where):
            return Response("", status)
    if faults.strikes("empty_400", where):
        return Response("", 400)
    coded = {
        "session_expired": ("INVALID_SESSION_ID", "Session expired or invalid"),
        "request_limit": ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        "api_disabled": ("API_DISABLED_FOR_ORG", "API is not enabled for this Organization"),
        "forbidden": ("INSUFFICIENT_ACCESS", "insufficient access rights"),
        "query_timeout": ("QUERY_TIMEOUT", "Your query request was running for too long."),
        "too_large": ("OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's"),
        "locator_gone": ("INVALID_QUERY_LOCATOR", "invalid query locator"),
        "locked": ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access"),
    }
    for name, (code, message) in coded.items():
        if faults.strikes(name, where):
            return error(code, message)
    return None


def where_of(request: Request) -> str:
    """Path of a call below the version, by which faults are aimed."""
    return request.url.path.partition("/services/")[2].partition("/v")[2].partition("/")[2]


def shown(entity: Entity, row: Row, fields: tuple[str, ...], version: str) -> Row:
    """A row as a query gives it."""
    url = f"/services/data/v{version}/sobjects/{entity.name}/{row['Id']}"
    record: Row = {"attributes": {"type": entity.name, "url": url}}
    for name in fields:
        record[name] = _compound(name, row) if entity.types[name] == "address" else row.get(name)
        if entity.types[name] == "boolean" and record[name] is None:
            record[name] = False
        if entity.types[name] == "datetime" and record[name] is not None:
            record[name] = f"{record[name][:19]}.000+0000"
    return record


def _compound(name: str, row: Row) -> dict[str, Any] | None:
    prefix = name.removesuffix("Address")
    parts = {"street": "Street", "city": "City", "state": "State", "postalCode": "PostalCode"}
    found = {key: row.get(prefix + part) for key, part in parts.items()}
    return found if any(found.values()) else None
