"""A killed pipeline goes on at its low-water mark, less a margin, where there is one to trust."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from embedded.direct import Sources
from pipelines.recovery import MARGIN_US, read_marks, seek_back, written_until
from schemas.clock import from_us
from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS

MARK = 1_770_000_000_000_000
NAME = "projects/p/subscriptions/pipeline-changes-gmail"


def marks_file(directory: Path, text: str) -> Path:
    path = directory / "marks.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_marks_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_marks(marks_file(tmp_path, json.dumps({NAME: MARK}))) == {NAME: MARK}


def test_where_there_is_no_file_there_are_no_marks(tmp_path: Path) -> None:
    assert read_marks(tmp_path / "marks.json") == {}


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "[1]", "5", "null", '"text"', "\ufeff{}"])
def test_a_file_that_holds_no_marks_is_not_trusted(tmp_path: Path, text: str) -> None:
    assert read_marks(marks_file(tmp_path, text)) == {}


def test_a_file_of_broken_bytes_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    path.write_bytes(b'{"a\xff": 5}')
    assert read_marks(path) == {}


@pytest.mark.parametrize("mark", [0, -1, 1.5, "1", None, [], {}, True])
def test_a_mark_that_is_no_moment_is_left_out_and_the_others_stay(
    tmp_path: Path, mark: object
) -> None:
    text = json.dumps({"broken": mark, NAME: MARK})
    assert read_marks(marks_file(tmp_path, text)) == {NAME: MARK}


@pytest.mark.parametrize("mark", [10**17 * 9, 2**63, 10**30])
def test_a_mark_beyond_all_calendars_does_not_keep_the_pipeline_from_starting(
    tmp_path: Path, mark: int
) -> None:
    assert read_marks(marks_file(tmp_path, json.dumps({NAME: mark}))) == {}


class Subscriber:
    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, object], float]] = []

    def seek(self, request: dict[str, object], timeout: float) -> None:
        self.requests.append((request, timeout))


def test_every_subscription_is_sought_to_its_own_mark_less_the_margin() -> None:
    subscriber = Subscriber()
    sought = seek_back(subscriber, {NAME: MARK, "other": MARK + 1}, timeout_s=3.0)
    assert sought == {
        NAME: from_us(MARK - MARGIN_US),
        "other": from_us(MARK + 1 - MARGIN_US),
    }
    assert subscriber.requests == [
        ({"subscription": name, "time": moment}, 3.0) for name, moment in sought.items()
    ]


def test_a_mark_within_the_margin_of_the_epoch_is_the_epoch() -> None:
    assert seek_back(Subscriber(), {NAME: 1}) == {NAME: datetime(1970, 1, 1, tzinfo=UTC)}


def test_where_there_are_no_marks_nothing_is_sought() -> None:
    subscriber = Subscriber()
    assert seek_back(subscriber, {}) == {}
    assert subscriber.requests == []


def test_marks_that_the_sources_of_a_pipeline_wrote_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    sources = Sources(path, clock=lambda: MARK)
    sources.note_marks()
    assert read_marks(path) == {}
    sources.stop()


def test_a_subscription_without_a_mark_holds_back_what_counts_as_written(tmp_path: Path) -> None:
    every = (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION)
    marks = {f"projects/p/subscriptions/{one.name}": MARK + n for n, one in enumerate(every)}
    assert written_until(marks_file(tmp_path, json.dumps(marks))) == MARK
    for name in marks:
        assert written_until(marks_file(tmp_path, json.dumps({**marks, name: 0}))) == 0
        rest = {one: mark for one, mark in marks.items() if one != name}
        assert written_until(marks_file(tmp_path, json.dumps(rest))) == 0
    assert written_until(tmp_path / "none") == 0
