"""A line of a log is one JSON object that says what it is about, and quotes nobody."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.logs import MOST_EVENTS, JsonFormatter, about, log_json, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
log = logging.getLogger("connectors.somewhere")


def line(message: str, *arguments: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("a", logging.WARNING, __file__, 1, message, arguments, None)
    vars(record).update(more)
    read: dict[str, Any] = json.loads(JsonFormatter("p").format(record))
    return read


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged within a test, by the root logger's new handler."""
    stream = io.StringIO()
    handler = log_json(stream, "p")
    yield stream
    logging.getLogger().removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(one) for one in stream.getvalue().splitlines()]


def test_a_line_has_its_severity_time_and_words() -> None:
    found = line("waited %.1f s", 2.5, created=0.25)
    assert found == {
        "severity": "WARNING",
        "time": "1970-01-01T00:00:00.250000+00:00",
        "message": "waited 2.5 s",
        "logger": "a",
    }


@given(st.text())
def test_whatever_is_said_is_one_line(words: str) -> None:
    record = logging.LogRecord("a", logging.INFO, __file__, 1, "%s", (words,), None)
    try:
        words.encode()
    except UnicodeEncodeError:
        words = words.encode("utf-8", "replace").decode()
        record.args = (words,)
    text = JsonFormatter().format(record)
    assert "\n" not in text and json.loads(text)["message"] == words


def test_a_line_says_what_it_is_about_besides_what_it_was_about() -> None:
    with about(trace=TRACE, source="hubspot"):
        with about(event_ids=("e1", "e2"), run_id="r"):
            inner = line("published")
        outer = line("answered")
    assert inner["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"
    assert (inner["event_ids"], inner["run_id"], inner["source"]) == (["e1", "e2"], "r", "hubspot")
    assert "event_ids" not in outer and outer["source"] == "hubspot"
    assert line("later").keys() == {"severity", "time", "message", "logger"}


def test_a_line_names_no_more_events_than_it_can_hold() -> None:
    with about(event_ids=tuple(map(str, range(1_000)))):
        assert len(line("published")["event_ids"]) == MOST_EVENTS


def test_requests_side_by_side_keep_their_subjects(written: io.StringIO) -> None:
    async def request(name: str) -> None:
        with about(source=name):
            await asyncio.sleep(0)
            await asyncio.to_thread(log.info, "in a thread")

    async def both() -> None:
        await asyncio.gather(request("gmail"), request("dialpad"))

    asyncio.run(both())
    assert sorted(one["source"] for one in lines(written)) == ["dialpad", "gmail"]


def test_an_unexpected_error_is_told_by_its_class_and_place_alone(written: io.StringIO) -> None:
    try:
        raise ValueError("ann@customer.example")
    except ValueError:
        log.exception("unexpected error")
    (found,) = lines(written)
    assert (found["severity"], found["error"]) == ("ERROR", "ValueError")
    assert "test_json_logs.py:" in found["where"][0]
    assert "customer.example" not in written.getvalue()


def test_libraries_tell_errors_alone_whatever_level_they_set(written: io.StringIO) -> None:
    library = logging.getLogger("urllib3.connectionpool")
    level = library.level
    # HubSpot's client sets one, for all of the process.
    library.setLevel(logging.WARNING)
    library.warning("retrying /users/ann@customer.example")
    library.setLevel(level)
    log.info("asked again")
    assert [one["message"] for one in lines(written)] == ["asked again"]


def test_a_second_set_up_does_not_say_everything_twice(written: io.StringIO) -> None:
    again = io.StringIO()
    handler = log_json(again)
    try:
        log.info("once")
    finally:
        logging.getLogger().removeHandler(handler)
    assert (len(lines(again)), written.getvalue()) == (1, "")


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"x-cloud-trace-context": f"{TRACE}/123;o=1"}, TRACE),
        ({"traceparent": "00-zz-1-01", "x-cloud-trace-context": TRACE}, TRACE),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, ""),
        ({"x-cloud-trace-context": "ann@customer.example/1"}, ""),
        ({}, ""),
    ],
)
def test_the_trace_of_a_request_is_read_from_its_headers(
    headers: dict[str, str], trace: str
) -> None:
    assert trace_of(headers) == trace


@given(st.text(), st.text())
def test_whatever_a_stranger_sends_is_a_trace_or_nothing(parent: str, google: str) -> None:
    found = trace_of({"traceparent": parent, "x-cloud-trace-context": google})
    assert found == "" or (len(found) == 32 and int(found, 16))
