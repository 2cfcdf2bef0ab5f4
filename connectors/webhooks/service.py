"""The service that vendors call: /webhooks/<source>, /health, /openapi.json.

A delivery is verified, read, published, and answered 2xx only when Pub/Sub has acknowledged all of
it; 503 has the vendor send it again. What is signed as it should be and yet cannot be read is a
dead letter and a 2xx: it would only come again. Logs name the source and the outcome, never more.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.webhooks.openapi import document
from connectors.webhooks.receiver import Delivery, InvalidSignature, Received, Receiver
from connectors.webhooks.settings import WebhookSettings
from schemas.errors import SalesIntelError
from schemas.logs import about, trace_of
from schemas.version import PIPELINE_VERSION

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
MOST_IN_HAND = 200
"""Deliveries at a time. More only wait for those before them, with their bodies in memory, and the
vendor has long hung up: while Pub/Sub hangs he is asked at once to come again."""


class Tally:
    """Deliveries so far, by source and outcome. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, source: str, outcome: str, times: int = 1) -> None:
        """Counts."""
        with self._lock:
            self._counts[source, outcome] += times

    def counts(self) -> dict[tuple[str, str], int]:
        """As they are now: published, refused, too_large, too_slow, busy, failed, changes, hints,
        bad, excluded, and what else receivers note."""
        with self._lock:
            return dict(self._counts)


class _TooLarge(Exception):
    pass


class WebhookService:
    """The application. `publish` returns when Pub/Sub has all of it, or raises."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        publish: Callable[[Received], None],
        settings: WebhookSettings | None = None,
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._receivers = dict(receivers)
        self._publish = publish
        self._settings = settings or WebhookSettings()
        self._ready = ready
        self._in_hand = 0
        self.tally = Tally()
        self.app = Starlette(
            routes=[
                Route("/webhooks/{source}", self._receive, methods=["POST"]),
                Route("/health", _alive),
                Route("/health/live", _alive),
                Route("/health/ready", self._is_ready),
                Route("/openapi.json", self._document),
            ]
        )
        # A slash too many is nobody's address: vendors do not follow a 307, and nothing counts it.
        self.app.router.redirect_slashes = False

    async def _receive(self, request: Request) -> Response:
        source = request.path_params["source"]
        receiver = self._receivers.get(source)
        if receiver is None:
            return Response(status_code=404)
        if self._in_hand >= MOST_IN_HAND:
            return self._ended(source, "busy", 503)
        self._in_hand += 1
        try:
            with about(trace=trace_of(_headers(request)), source=source):
                return await self._answered(source, receiver, request)
        finally:
            self._in_hand -= 1

    async def _answered(self, source: str, receiver: Receiver, request: Request) -> Response:
        try:
            async with asyncio.timeout(self._settings.body_s):
                body = await _body(request, self._settings.limit_bytes)
        except _TooLarge:
            return self._ended(source, "too_large", 413)
        except TimeoutError:
            # No 4xx: HubSpot would never send it again.
            return self._ended(source, "too_slow", 503)
        except ClientDisconnect:
            return self._ended(source, "disconnected", 400)
        delivery = Delivery(request.method, self._url(request), _headers(request), body)
        return await run_in_threadpool(self._taken, source, receiver, delivery)

    def _taken(self, source: str, receiver: Receiver, delivery: Delivery) -> Response:
        try:
            received = receiver.receive(delivery)
            if received.changes or received.hints or received.bad:
                self._publish(received)
        except InvalidSignature as error:
            log.warning("%s: refused: %s", source, error)
            return self._ended(source, "refused", 401)
        except SalesIntelError as error:
            log.error("%s: %s: %s", source, type(error).__name__, error)
            return self._ended(source, "failed", 503)
        except Exception as error:
            # Words of an unexpected error may hold content.
            log.error("%s: %s", source, type(error).__name__)
            return self._ended(source, "failed", 503)
        with about(event_ids=tuple(change.change_id for change in received.changes)):
            return self._published(source, receiver, received)

    def _published(self, source: str, receiver: Receiver, received: Received) -> Response:
        receiver.published(received)
        for outcome, times in (
            ("changes", len(received.changes)),
            ("hints", len(received.hints)),
            ("bad", len(received.bad)),
            ("excluded", received.excluded),
            *received.notes.items(),
        ):
            if times:
                self.tally.add(source, outcome, times)
        return self._ended(source, "published", 200)

    def _ended(self, source: str, outcome: str, status: int) -> Response:
        self.tally.add(source, outcome)
        log.info("%s: %s", source, outcome)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
        return Response(status_code=status, headers=headers)

    def _url(self, request: Request) -> str:
        base = (
            self._settings.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        )
        # As it came, percent-encoding and all: this is what was signed.
        path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query: bytes = request.scope["query_string"]
        return base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")

    async def _is_ready(self, request: Request) -> Response:
        ready = await run_in_threadpool(self._ready)
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def _document(self, request: Request) -> Response:
        return JSONResponse(document(tuple(sorted(self._receivers)), str(PIPELINE_VERSION)))


async def _alive(request: Request) -> Response:
    return JSONResponse({"alive": True})


def _headers(request: Request) -> dict[str, str]:
    """Lower-case names; of one that comes twice both, as RFC 9110 joins them."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _body(request: Request, limit: int) -> bytes:
    """The body; _TooLarge as soon as it is known to be."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > limit:
        raise _TooLarge
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise _TooLarge
    return bytes(body)


def server(service: WebhookService, host: str, port: int) -> uvicorn.Server:
    """The server of a process. SIGTERM: no more are taken, and those in hand are answered."""
    config = uvicorn.Config(
        service.app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=30,
    )
    return uvicorn.Server(config)
