"""Serves a vendor's application on 127.0.0.1, on a free port, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded.ports import free_port
from sandbox.vendors.faults import Faults

HANG_S = 120.0
START_S = 20.0


class FaultyMiddleware:
    """What can go wrong before any vendor's own code is reached.

    `http_500`, `http_503`, `429` and `429_retry_after` (2 s), `hang` (never answers), `malformed`
    (200 with half a document), `401` (the token is refused).
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
        if strikes("429", path):
            return JSONResponse({"message": "slow down"}, 429)
        if strikes("429_retry_after", path):
            return JSONResponse({"message": "slow down"}, 429, headers={"Retry-After": "2"})
        if strikes("malformed", path):
            return Response('{"results": [{"id": "1", "prop', media_type="application/json")
        return None


@contextmanager
def served(app: Starlette, faults: Faults | None = None, port: int = 0) -> Iterator[str]:
    """The address at which an application answers within the block: http://127.0.0.1:PORT."""
    wrapped = FaultyMiddleware(app, faults) if faults is not None else app
    port = port or free_port()
    config = uvicorn.Config(wrapped, host="127.0.0.1", port=port, log_level="error", lifespan="off")
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
