"""Dialpad's REST API, as much of it as is read. https://developers.dialpad.com/reference"""

import base64
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.vendors.dialpad.seed import MINUTE_US, Record
from sandbox.vendors.dialpad.state import DialpadState, order_of
from sandbox.vendors.faults import Faults

TOKEN_LIFE_US = 30 * MINUTE_US
PREFIX = "/api/v2"


class DialpadApp:
    """The routes. Faults of its own: `token_expired` (a page token is refused), `filter_ignored`
    (started_after counts for nothing), `unordered` (a page in no order), `duplicate_page` (a page
    comes twice), `poison` (a record among the others that is none), `refused` (410 for a path)."""

    def __init__(self, state: DialpadState, faults: Faults) -> None:
        self.state = state
        self._faults = faults
        # Who reads moves nothing of what is to happen: that is drawn from the state's own source.
        self._rng = random.Random(11)
        self.app = Starlette(
            routes=[
                self._route("/call", "calls", self._calls, scope="calls:list"),
                self._route("/call/{id}", "call", self._call),
                self._route("/call/{id}/ai_recap", "recap", self._recap, scope="ai_recap"),
                self._route("/transcripts/{id}", "transcript", self._transcript),
                self._route("/users", "users", self._users, scope="admin"),
                self._route("/contacts", "contacts", self._contacts),
                self._route("/company", "company", self._company, scope="admin"),
                self._route("/webhooks", "webhooks", self._webhooks, methods=["GET", "POST"]),
                self._route(
                    "/subscriptions/{kind}",
                    "subscriptions",
                    self._subscriptions,
                    methods=["GET", "POST"],
                ),
            ]
        )

    def _route(
        self,
        path: str,
        operation: str,
        answer: Callable[[Request], Awaitable[Response]],
        scope: str = "",
        methods: list[str] | None = None,
    ) -> Route:
        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or token not in self.state.tokens:
                return _error(401, "Authentication required", "authError")
            if scope and scope not in self.state.scopes:
                return _error(403, f"Missing scope {scope}", "forbidden")
            if not self.state.within_limit(operation):
                return _error(429, "Rate limit exceeded", "rateLimitExceeded")
            if self._faults.strikes("refused", request.url.path):
                return _error(410, "Gone", "gone")
            return await answer(request)

        return Route(PREFIX + path, guarded, methods=methods or ["GET"])

    async def _calls(self, request: Request) -> Response:
        wanted = request.query_params
        after = int(wanted.get("started_after", "-1"))
        before = int(wanted.get("started_before", str(1 << 62)))
        if self._faults.strikes("filter_ignored", request.url.path):
            after = -1
        found = [one for one in self.state.listed() if after < order_of(one)[0] < before]
        return self._page(request, found)

    async def _call(self, request: Request) -> Response:
        with self.state.lock:
            return _found(self.state.calls.get(request.path_params["id"]))

    async def _recap(self, request: Request) -> Response:
        return _found(self.state.recap(request.path_params["id"]))

    async def _transcript(self, request: Request) -> Response:
        return _found(self.state.transcript(request.path_params["id"]))

    async def _users(self, request: Request) -> Response:
        limit = int(request.query_params.get("limit", "0"))
        if limit > 100 and self._rng.random() < 0.2:
            return _error(400, "limit is above 100", "badRequest")
        with self.state.lock:
            users = list(self.state.users.values())
        state = request.query_params.get("state", "active")
        return self._page(request, [one for one in users if state in ("all", one["state"])])

    async def _contacts(self, request: Request) -> Response:
        with self.state.lock:
            return self._page(request, list(self.state.contacts.values()))

    async def _company(self, request: Request) -> Response:
        return JSONResponse({"id": "5085501938401280", "country": "us", "state": "active"})

    async def _webhooks(self, request: Request) -> Response:
        if request.method == "GET":
            return self._page(request, list(self.state.webhooks.values()))
        body = await request.json()
        made: Record = {"id": self.state.new_id(), "hook_url": body["hook_url"]}
        if body.get("secret"):
            made["signature"] = {"algo": "HS256", "type": "jwt", "secret": body["secret"]}
        self.state.webhooks[made["id"]] = made
        return JSONResponse(made)

    async def _subscriptions(self, request: Request) -> Response:
        listed = self.state.subscriptions[request.path_params["kind"]]
        if request.method == "GET":
            return self._page(request, list(listed))
        body = await request.json()
        hook = self.state.webhooks.get(str(body.pop("endpoint_id", "")))
        if hook is None:
            return _error(400, "no such endpoint", "badRequest")
        made = {"id": self.state.new_id(), "enabled": True, **body, "webhook": hook}
        listed.append(made)
        return JSONResponse(made)

    def _page(self, request: Request, records: list[Record]) -> Response:
        """One page, and the token of the next: it names the last record, so that records that come
        while somebody reads shift nothing."""
        path, size = request.url.path, self.state.page_size
        start = 0
        token = request.query_params.get("cursor", "")
        if token:
            last, made, _ = json.loads(base64.urlsafe_b64decode(token))
            expired = self.state.clock() - made > TOKEN_LIFE_US
            if expired or self._faults.strikes("token_expired", path):
                return _error(400, "Invalid cursor", "badRequest")
            places = [place for place, one in enumerate(records) if _key(one) == last]
            start = places[0] + 1 if places else 0
        page = records[start : start + size]
        answer: dict[str, Any] = {"items": page}
        if start + size < len(records):
            again = self._faults.strikes("duplicate_page", path)
            place = start - 1 if again else start + size - 1
            last = _key(records[place]) if place >= 0 else None
            answer["cursor"] = self._token(last)
        if self._faults.strikes("unordered", path):
            self._rng.shuffle(page)
        if self._faults.strikes("poison", path):
            answer["items"] = [*page, {"state": "nobody knows of what"}]
        return JSONResponse(answer)

    def _token(self, last: str | None) -> str:
        made = [last, self.state.clock(), self._rng.getrandbits(32)]
        return base64.urlsafe_b64encode(json.dumps(made).encode()).decode()


def _key(record: Record) -> str:
    return str(record.get("call_id") or record["id"])


def _found(record: Record | None) -> Response:
    return _error(404, "Not found", "notFound") if record is None else JSONResponse(record)


def _error(status: int, message: str, reason: str) -> Response:
    listed = [{"domain": "global", "message": message, "reason": reason}]
    return JSONResponse({"error": {"code": status, "errors": listed, "message": message}}, status)
