"""Statements of the embedded warehouse end when their time is over, as BigQuery's do.

bqemulator runs a query in the loop that answers all requests, and heeds no `jobTimeoutMs`: one that
takes for ever, whose client has long given it up, lets nobody else be answered.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import duckdb
from bqemulator.api.routes import jobs
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.storage.engine import DuckDBEngine

TIMED_OUT = "Job timed out"
"""What a statement that was ended says."""

_until: ContextVar[float | None] = ContextVar("until", default=None)
"""When the time of the job is over, by the clock that only goes forwards; None: never."""

_handle: Callable[..., Awaitable[Any]] = jobs._handle_query_job


async def handled(project_id: str, job_id: str, config: dict[str, Any], **more: Any) -> Any:
    """In place of jobs._handle_query_job: as it, within the job's own limit."""
    limit = int(config.get("jobTimeoutMs") or 0)
    token = _until.set(time.monotonic() + limit / 1_000 if limit else None)
    try:
        return await _handle(project_id, job_id, config, **more)
    finally:
        _until.reset(token)


def limited(run: Callable[..., Any]) -> Callable[..., Any]:
    """A method of the engine that runs a statement, ended where the time of its job is over."""

    def within(self: DuckDBEngine, *given: Any, **more: Any) -> Any:
        until = _until.get()
        if until is None:
            return run(self, *given, **more)
        # Within it, no method ends it again.
        token = _until.set(None)
        end = _End(self.connection)
        timer = threading.Timer(max(until - time.monotonic(), 0.0), end.come)
        timer.start()
        try:
            return run(self, *given, **more)
        except duckdb.InterruptException:
            raise InvalidQueryError(
                f"{TIMED_OUT}: narrow the query or allow it more time"
            ) from None
        finally:
            end.never()
            timer.cancel()
            _until.reset(token)

    return within


class _End:
    """Comes to a statement that runs, and to none that runs after it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._runs = True
        self._lock = threading.Lock()

    def come(self) -> None:
        """Ends the statement."""
        with self._lock:
            if self._runs:
                self._connection.interrupt()

    def never(self) -> None:
        """It has ended."""
        with self._lock:
            self._runs = False
