"""Lines of a log as JSON, one object a line, for whoever collects them.

A line says what it is about: the trace of the request, the ids of the events (`change_id`, a hash),
the run, the source. Whoever has these in hand names them with `about`, and every line within has
them, in awaited code and in threads that are given the context, too. No line holds the text of an
exception that nobody expected, nor anything of a payload.

https://cloud.google.com/logging/docs/structured-logging
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

import msgspec

ENVIRONMENT = "SALESINTEL_LOGS"
"""Variable that says how lines are written: `json`, or as a person reads them."""
JSON = "json"

OURS = ("schemas", "connectors", "transforms", "warehouse", "pipelines", "embedded", "operations")
"""Loggers that tell what they do; of libraries errors alone, for others quote what they send."""

MOST_EVENTS = 20
"""On one line; Pub/Sub takes hundreds at once."""
MOST_FRAMES = 8


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What lines are about."""

    trace: str = ""
    """32 hex digits, as W3C's trace context has them."""
    event_ids: tuple[str, ...] = ()
    run_id: str = ""
    source: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line: its keys are an interface, log-based metrics look for them."""

    severity: str
    time: str
    message: str
    logger: str
    trace: str = msgspec.field(default="", name="logging.googleapis.com/trace")
    event_ids: tuple[str, ...] = ()
    run_id: str = ""
    source: str = ""
    error: str = ""
    """Class of an exception that nobody expected."""
    where: tuple[str, ...] = ()
    """Its last frames, `module:line`; without its words, which may quote what stands in a row."""


_SUBJECT: ContextVar[Subject] = ContextVar("subject of log lines", default=Subject())  # noqa: B039


@contextmanager
def about(
    *, trace: str = "", event_ids: tuple[str, ...] = (), run_id: str = "", source: str = ""
) -> Iterator[None]:
    """Within, lines are about these, besides what they were about."""
    before = _SUBJECT.get()
    token = _SUBJECT.set(
        Subject(
            trace=trace or before.trace,
            event_ids=event_ids[:MOST_EVENTS] or before.event_ids,
            run_id=run_id or before.run_id,
            source=source or before.source,
        )
    )
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def trace_of(headers: Mapping[str, str]) -> str:
    """The trace of a request by its headers, with lower-case names; "" where they have none.

    https://www.w3.org/TR/trace-context/#traceparent-header
    https://cloud.google.com/trace/docs/trace-context
    """
    found = headers.get("traceparent", "").split("-")
    if len(found) >= 4 and _is_trace(found[1]):
        return found[1]
    google = headers.get("x-cloud-trace-context", "").partition("/")[0]
    return google if _is_trace(google) else ""


def _is_trace(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef") and set(text) != {"0"}


class JsonFormatter(logging.Formatter):
    """A record as a line; `project` is that of the traces."""

    def __init__(self, project: str = "") -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        subject = _SUBJECT.get()
        trace = subject.trace
        error, where = "", tuple[str, ...]()
        if record.exc_info and record.exc_info[0]:
            error, where = record.exc_info[0].__name__, _frames(record)
        line = Line(
            severity=record.levelname,
            time=datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            message=record.getMessage(),
            logger=record.name,
            trace=f"projects/{self._project}/traces/{trace}" if trace and self._project else trace,
            event_ids=subject.event_ids,
            run_id=subject.run_id,
            source=subject.source,
            error=error,
            where=where,
        )
        return msgspec.json.encode(line).decode()


def _frames(record: logging.LogRecord) -> tuple[str, ...]:
    frames = traceback.extract_tb(record.exc_info[2] if record.exc_info else None)
    return tuple(f"{frame.filename}:{frame.lineno}" for frame in frames[-MOST_FRAMES:])


def _is_told(record: logging.LogRecord) -> bool:
    """Of libraries errors alone, whatever level they have set themselves: their warnings name
    addresses of requests, and with them people."""
    return record.levelno >= logging.ERROR or record.name.partition(".")[0] in OURS


def log_json(stream: TextIO | None = None, project: str = "") -> logging.Handler:
    """From now on lines go to a stream (standard error by default) as JSON; the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(project))
    handler.addFilter(_is_told)
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one.formatter, JsonFormatter)]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(logging.ERROR)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    return handler
