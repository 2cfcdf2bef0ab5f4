"""A port that says how a command fares that nobody calls: a platform asks there whether to start it
anew, and a scheduler whether it gets its work done."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from operations.listening import listening

LONGEST_S = 900.0
"""A loop that has not turned for so long does not turn any more. A run takes five minutes."""


class Pulse:
    """When a loop has last turned, and whether all was well then. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: tuple[float, bool] = (monotonic(), False)

    def beat(self, well: bool) -> None:
        """The loop has turned."""
        self._seen = (self._monotonic(), well)

    def alive(self) -> bool:
        """Whether it turns."""
        return self._monotonic() - self._seen[0] <= LONGEST_S

    def ready(self) -> bool:
        """Whether it turns and its last turn went well."""
        return self.alive() and self._seen[1]


def application(pulse: Pulse) -> Starlette:
    """/health and /health/live: it turns; /health/ready: and does its work. 503 where not."""

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"alive": pulse.alive()}, 200 if pulse.alive() else 503)

    async def ready(request: Request) -> JSONResponse:
        return JSONResponse({"ready": pulse.ready()}, 200 if pulse.ready() else 503)

    routes = [Route("/health", live), Route("/health/live", live), Route("/health/ready", ready)]
    return Starlette(routes=routes)


@contextmanager
def health_served(pulse: Pulse, host: str, port: int | None) -> Iterator[str]:
    """Within, the pulse is told at the address that this gives; nowhere where `port` is None.

    ConfigurationError where the port is not to be had.
    """
    if port is None:
        yield ""
        return
    with listening(host, port) as opened:
        settings = uvicorn.Config(
            application(pulse), log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(settings)
        served = threading.Thread(
            target=server.run, kwargs={"sockets": [opened]}, name="tells health", daemon=True
        )
        served.start()
        try:
            yield f"http://{host}:{opened.getsockname()[1]}"
        finally:
            server.should_exit = True
            served.join()
