"""Serves a vendor's application on 127.0.0.1, on a free port, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedded.ports import free_port
from sandbox.vendors.faults import Faults
from schemas.clock import Clock

HANG_S = 120.0
START_S = 20.0


class FaultyMiddleware:
    """What can go wrong before any vendor's own code is reached.

    `http_500`, `http_503`, `429` and `429_retry_after` (2 s), `hang` (never answers), `malformed`
    (200 with half a document), `401` (the token is refused), `403` (it is good, and not for this).
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        if scope["type"] == "http":
            answer = await self._answer(Request(scope, receive))
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        path, strikes = request.url.path, self._faults.strikes
        if strikes("hang", path):
            await asyncio.sleep(HANG_S)
        for status in (500, 503):
            if strikes(f"http_{status}", path):
                return PlainTextResponse("upstream", status)
        if strikes("401", path):
            return JSONResponse({"message": "expired"}, 401)
        if strikes("403", path):
            return JSONResponse({"message": "not allowed"}, 403)
        if strikes("429", path):
            return JSONResponse({"message": "slow down"}, 429)
        if strikes("429_retry_after", path):
            return JSONResponse({"message": "slow down"}, 429, headers={"Retry-After": "2"})
        if strikes("malformed", path):
            return Response('{"results": [{"id": "1", "prop', media_type="application/json")
        return None


class DatedMiddleware:
    """Answers bear the Date of the sandbox's own clock, as a vendor's bear that of the vendor's."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._clock() // 1_000_000, usegmt=True)
                message["headers"] = [*message.get("headers", ()), (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, dated)


@contextmanager
def served(
    app: ASGIApp, faults: Faults | None = None, port: int = 0, clock: Clock | None = None
) -> Iterator[str]:
    """The address at which an application answers within the block: http://127.0.0.1:PORT.

    `clock` is what the Date header of its answers is read from; None: the machine's.
    """
    wrapped = FaultyMiddleware(app, faults) if faults is not None else app
    wrapped = DatedMiddleware(wrapped, clock) if clock is not None else wrapped
    port = port or free_port()
    config = uvicorn.Config(
        wrapped,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
        date_header=clock is None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"sandbox {port}", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError(f"the sandbox does not start on port {port}")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(START_S)
