"""The routes of the org: tokens, queries with their cursors, describe, deletions, Bulk jobs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.faults import Faults
from sandbox.vendors.salesforce.answers import answer, counted, error, shown, struck, where_of
from sandbox.vendors.salesforce.jobs import Jobs
from sandbox.vendors.salesforce.schema import BODIES
from sandbox.vendors.salesforce.soql import SoqlError, moment, parse
from sandbox.vendors.salesforce.state import Org, stamped
from schemas.clock import DAY_US

Endpoint = Callable[[Request], Awaitable[Response]]
MINUTE_US = 60_000_000
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class Credentials:
    """Whom the org lets in."""

    consumer_key: str = "key"
    consumer_secret: str = "secret"  # noqa: S105 (of the simulated org)
    username: str = "integration@alderpeak.example"
    public_key: str = ""
    audience: str = "https://login.salesforce.com"


@dataclass
class Seen:
    """What clients have asked, for tests to look at."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    """Method and path below the version."""
    queries: list[str] = field(default_factory=list)
    batch_sizes: list[str] = field(default_factory=list)
    longest_uri: int = 0


class SalesforceServer:
    """The routes over an org. Of its faults `duplicate_page` has a page come twice."""

    def __init__(self, org: Org, faults: Faults, credentials: Credentials) -> None:
        self.org = org
        self.faults = faults
        self.credentials = credentials
        self.seen = Seen()
        self.spent = 0
        self.tokens: dict[str, int] = {}
        self._cursors: dict[str, tuple[list[dict[str, Any]], int]] = {}
        self._numbers = count(1)
        jobs = Jobs(org, faults)
        data = "/services/data/v{version}"
        self.app = Starlette(
            routes=[
                Route("/services/oauth2/token", self._token, methods=["POST"]),
                self._route(data + "/", self._resources),
                self._route(data + "/query", self._query),
                self._route(data + "/queryAll", self._query),
                # The library asks with a slash at the end.
                self._route(data + "/query/", self._query),
                self._route(data + "/queryAll/", self._query),
                self._route(data + "/query/{cursor}", self._more),
                self._route(data + "/sobjects/{entity}/describe", self._describe),
                self._route(data + "/sobjects/{entity}/deleted/", self._deleted),
                self._route(data + "/jobs/query", jobs.create, "POST"),
                self._route(data + "/jobs/query/{job}", jobs.state),
                self._route(data + "/jobs/query/{job}/results", jobs.results),
            ]
        )

    def _route(self, path: str, endpoint: Endpoint, method: str = "GET") -> Route:
        async def guarded(request: Request) -> Response:
            response = await self._guarded(request, endpoint)
            return counted(response, self.org, self.spent)

        return Route(path, guarded, methods=[method])

    async def _guarded(self, request: Request, endpoint: Endpoint) -> Response:
        where = where_of(request)
        self.seen.calls.append((request.method, where))
        uri = len(request.url.path) + 1 + len(request.url.query)
        self.seen.longest_uri = max(self.seen.longest_uri, uri)
        headers = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
        if uri + headers > self.org.terms.uri_bytes:
            return Response("URI Too Long", 414)
        fault = struck(self.faults, where)
        if fault is not None:
            return fault
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= self.org.clock():
            return error("INVALID_SESSION_ID", "Session expired or invalid")
        self.spent += 1
        if self.spent > self.org.terms.daily_calls:
            return error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return await endpoint(request)

    async def _token(self, request: Request) -> Response:
        self.seen.calls.append(("POST", "token"))
        form = dict(parse_qsl((await request.body()).decode()))
        refusal = self._refusal(form)
        if self.faults.strikes("token_html"):
            return Response("<html>", 503)
        if refusal:
            body = {"error": refusal, "error_description": f"{form.get('client_id')} is refused"}
            return answer(body, 400)
        token = f"00D!token{next(self._numbers)}"
        self.tokens[token] = self.org.clock() + self.org.terms.token_s * 1_000_000
        body = {"access_token": token, "instance_url": "https://elsewhere.example"}
        return answer(body)

    def _refusal(self, form: dict[str, Any]) -> str:
        known = self.credentials
        if self.faults.strikes("token_refused"):
            return "invalid_grant"
        if self.faults.strikes("token_unknown_error"):
            return "unknown_error"
        if form.get("grant_type") == "client_credentials":
            if form.get("client_id") != known.consumer_key:
                return "invalid_client_id"
            return "" if form.get("client_secret") == known.consumer_secret else "invalid_client"
        if form.get("grant_type") != _BEARER:
            return "unsupported_grant_type"
        try:
            claims = jwt.decode(
                str(form.get("assertion")),
                known.public_key,
                algorithms=["RS256"],
                audience=known.audience,
                issuer=known.consumer_key,
                options={"verify_exp": False, "require": ["exp", "sub"]},
            )
        except jwt.PyJWTError:
            return "invalid_grant"
        ahead = claims["exp"] - self.org.clock() / 1e6
        fits = claims["sub"] == known.username and 0 < ahead <= 300
        return "" if fits else "invalid_grant"

    async def _query(self, request: Request) -> Response:
        every = "/queryAll" in request.url.path
        soql = request.query_params.get("q", "")
        self.seen.queries.append(soql)
        wished = request.headers.get("Sforce-Query-Options", "")
        self.seen.batch_sizes.append(wished)
        try:
            query = parse(soql, self.org.entities)
        except SoqlError as wrong:
            return error(wrong.code, str(wrong))
        fault = struck(self.faults, f"query/{query.entity.name}")
        if fault is not None:
            return fault
        rows = self.org.visible(query.entity.name)
        if not every:
            rows = [one for one in rows if not (one.get("IsDeleted") or one.get("IsArchived"))]
        found = query.run(rows)
        slow = self.org.terms.slow_rows
        if slow is not None and len(found) > slow and not query.counts and query.limit is None:
            return error("QUERY_TIMEOUT", "Your query request was running for too long.")
        if query.counts:
            return answer({"totalSize": len(found), "done": True, "records": []})
        version = request.path_params["version"]
        records = [shown(query.entity, row, query.fields, version) for row in found]
        most = self.org.terms.page_rows
        if wished.startswith("batchSize="):
            most = min(most, int(wished.removeprefix("batchSize=")))
        if BODIES & set(query.fields):
            most = min(most, self.org.terms.body_page_rows)
        return self._page(f"01g{next(self._numbers):015d}", records, 0, most, version)

    def _page(
        self, cursor: str, records: list[dict[str, Any]], start: int, most: int, version: str
    ) -> Response:
        end = start + most
        done = end >= len(records)
        body: dict[str, Any] = {"totalSize": len(records), "done": done}
        if not done:
            self._cursors[cursor] = (records, most)
            again = start and self.faults.strikes("duplicate_page")
            following = start if again else end
            body["nextRecordsUrl"] = f"/services/data/v{version}/query/{cursor}-{following}"
        return answer({**body, "records": records[start:end]})

    async def _more(self, request: Request) -> Response:
        cursor, _, start = request.path_params["cursor"].rpartition("-")
        if cursor not in self._cursors or self.faults.strikes("locator_lost"):
            return error("INVALID_QUERY_LOCATOR", "invalid query locator")
        records, most = self._cursors[cursor]
        return self._page(cursor, records, int(start), most, request.path_params["version"])

    async def _resources(self, request: Request) -> Response:
        return answer({"sobjects": "sobjects", "query": "query", "queryAll": "queryAll"})

    async def _describe(self, request: Request) -> Response:
        entity = self.org.entities.get(request.path_params["entity"])
        if entity is None:
            return error("NOT_FOUND", "The requested resource does not exist")
        return answer(entity.describe())

    async def _deleted(self, request: Request) -> Response:
        name = request.path_params["entity"]
        try:
            start = moment(request.query_params["start"])
            end = moment(request.query_params["end"])
        except (KeyError, ValueError):
            return error("INVALID_REPLICATION_DATE", "start and end take a time with a zone")
        start -= start % MINUTE_US
        now = self.org.clock()
        oldest = self.org.oldest_deletion(name)
        if end - start < MINUTE_US or start < now - 30 * DAY_US:
            return error("INVALID_REPLICATION_DATE", "the window is none that is kept")
        settled = min(end, now - self.org.terms.open_us)
        found = self.org.deleted_between(name, start, settled)
        most = self.org.terms.most_deletions
        if most is not None and len(found) > most:
            return error("EXCEEDED_ID_LIMIT", "too many ids")
        listed = [{"id": one.record_id, "deletedDate": stamped(one.stamp_us)} for one in found]
        return answer(
            {
                "deletedRecords": listed,
                "earliestDateAvailable": stamped(oldest),
                "latestDateCovered": stamped(settled),
            }
        )


def salesforce_app(
    org: Org, faults: Faults | None = None, credentials: Credentials | None = None
) -> SalesforceServer:
    """A server over an org; serve its `app` with the org's clock, which dates its answers."""
    return SalesforceServer(org, faults or Faults(), credentials or Credentials())
