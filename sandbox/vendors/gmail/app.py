"""The routes of the simulated Google: Gmail, the directory, the token server, IAM, its keys."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.vendors.faults import Faults
from sandbox.vendors.gmail import errors
from sandbox.vendors.gmail.batch import answer_batch
from sandbox.vendors.gmail.calls import GmailCalls
from sandbox.vendors.gmail.errors import Answer
from sandbox.vendors.gmail.quota import COSTS_2026, Limits, Quota
from sandbox.vendors.gmail.state import ADMIN, GmailState
from sandbox.vendors.gmail.tokens import GRANTED, Tokens

READONLY, DIRECTORY = GRANTED
GENEROUS = Limits(user=1_200_000)
"""For who does not mean to try the limits."""


class GmailSandbox:
    """The application and what steers it. Serve it with the state's clock."""

    def __init__(
        self,
        state: GmailState,
        faults: Faults | None = None,
        quota: Quota | None = None,
        page_size: int = 500,
    ) -> None:
        self.state = state
        self.faults = faults or Faults()
        self.tokens = Tokens(state)
        self.quota = quota or Quota(state.clock, GENEROUS, COSTS_2026)
        self.calls = GmailCalls(state, self.faults, self.quota, page_size)
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        """Method, path and query of every call, parts of batches too."""
        self.bodies: list[tuple[str, str, dict[str, Any]]] = []
        """Method, path and body of every call that has one."""
        self.answers: list[tuple[str, str, Answer]] = []
        """Method, path and answer of every call."""
        routes = [
            Route("/token", self._token, methods=["POST"]),
            Route("/v1/projects/-/serviceAccounts/{name}:signJwt", self._sign, methods=["POST"]),
            Route("/certs", self._certs),
            Route("/admin/directory/v1/users", self._users),
            Route("/batch/gmail/v1", self._batch, methods=["POST"]),
            Route("/gmail/v1/{rest:path}", self._gmail, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _token(self, request: Request) -> Response:
        return _json(self.tokens.exchange(dict(parse_qsl((await request.body()).decode()))))

    async def _sign(self, request: Request) -> Response:
        authorization, body = request.headers.get("authorization", ""), await request.json()
        answer = self.tokens.sign_jwt(authorization, body)
        path = request.url.path
        self.bodies.append((request.method, path, body))
        self.answers.append((request.method, path, answer))
        return _json(answer)

    async def _certs(self, request: Request) -> Response:
        return JSONResponse(self.tokens.key_set())

    def _call(
        self, user: str, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> Answer:
        self.requests.append((method, path, query))
        answer = self.calls.answer(user, method, path, query, body)
        self.answers.append((method, path, answer))
        return answer

    async def _gmail(self, request: Request) -> Response:
        user = self.tokens.user_of(request.headers.get("authorization", ""), READONLY)
        if user is None:
            return _json(_unauthenticated())
        raw = await request.body()
        query = parse_qs(request.url.query)
        body = json.loads(raw) if raw else {}
        path = request.url.path
        if raw:
            self.bodies.append((request.method, path, body))
        return _json(await run_in_threadpool(self._call, user, request.method, path, query, body))

    async def _batch(self, request: Request) -> Response:
        user = self.tokens.user_of(request.headers.get("authorization", ""), READONLY)
        if user is None:
            return _json(_unauthenticated())
        body, content_type = await request.body(), request.headers["content-type"]

        def call(method: str, path: str, query: dict[str, list[str]]) -> Answer:
            return self._call(user, method, path, query, {})

        status, answer, kind = await run_in_threadpool(
            answer_batch, body, content_type, call, self.faults
        )
        return Response(answer, status, media_type=kind)

    async def _users(self, request: Request) -> Response:
        user = self.tokens.user_of(request.headers.get("authorization", ""), DIRECTORY)
        if user is None:
            return _json(_unauthenticated())
        if user != ADMIN:
            return _json(errors.refusal(403, "forbidden", "Not Authorized to access this resource"))
        query = parse_qs(request.url.query)
        self.requests.append(("GET", request.url.path, query))
        size = int(query.get("maxResults", ["100"])[0])
        first = int(query.get("pageToken", ["0"])[0])
        boxes = sorted(self.state.mailboxes.values(), key=lambda box: box.address)
        answer: dict[str, Any] = {
            "kind": "admin#directory#users",
            "users": [
                {
                    "kind": "admin#directory#user",
                    "primaryEmail": box.address,
                    "suspended": box.suspended,
                    "archived": False,
                    "isMailboxSetup": box.licensed,
                }
                for box in boxes[first : first + size]
            ],
        }
        if len(boxes) > first + size:
            answer["nextPageToken"] = str(first + size)
        self.answers.append(("GET", request.url.path, Answer(200, answer)))
        return JSONResponse(answer)


def _unauthenticated() -> Answer:
    return errors.refusal(401, "authError", "Invalid Credentials")


def _json(answer: Answer) -> Response:
    if answer.status == 204:
        return Response(status_code=204)
    return JSONResponse(answer.body, answer.status)
