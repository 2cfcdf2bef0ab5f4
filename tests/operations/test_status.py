"""`salesintel status`: how far behind the pipeline is, and what a name in brackets does to it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded.directory import DataDirectory, Stack
from operations import status as status_command
from operations.console import console
from operations.status import status
from schemas.clock import wall_clock

SECOND = 1_000_000


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataDirectory]:
    """A stack all of whose other signs are well."""
    made = DataDirectory(tmp_path / "[/x] data")
    made.open()
    made.publish(
        Stack(pid=os.getpid(), project="p", pubsub="", rest="", grpc="", started=wall_clock())
    )
    health = {"pid": 1, "healthy": True, "restarts": 0, "given_up": False, "log": "a[/b].log"}
    made.write_health({"pipeline": health})

    @contextmanager
    def no_warehouse(directory: DataDirectory) -> Iterator[None]:
        yield

    monkeypatch.setattr(status_command, "warehouse_of", no_warehouse)
    monkeypatch.setattr(status_command, "_rows", lambda client: None)
    monkeypatch.setattr(status_command, "_health", lambda client: True)
    monkeypatch.setattr(console, "_width", 200)
    yield made
    made.close()


def behind(directory: DataDirectory, **seconds: int) -> None:
    now = wall_clock()
    marks = {f"projects/p/subscriptions/{name}": now - s * SECOND for name, s in seconds.items()}
    directory.marks.write_text(json.dumps(marks))


def said(directory: DataDirectory) -> tuple[bool, str]:
    with console.capture() as shown:
        well = status(directory)
    return well, shown.get()


@pytest.mark.parametrize(
    ("seconds", "well"),
    [({"gmail": 0, "hubspot": 290}, True), ({"gmail": 4000, "files": 1}, False)],
)
def test_every_subscription_is_shown_with_how_far_it_is_behind(
    directory: DataDirectory, seconds: dict[str, int], well: bool
) -> None:
    behind(directory, **seconds)
    is_well, shown = said(directory)
    assert is_well is well
    for name in seconds:
        assert name in shown
    assert "seconds behind" in shown
    assert ("messages wait for more than 300 s" in shown) is not well
    assert ("4,00" in shown) is not well


def test_a_clock_that_was_set_back_and_marks_that_are_not_there_are_no_backlog(
    directory: DataDirectory,
) -> None:
    behind(directory, gmail=-60)
    well, shown = said(directory)
    assert well
    assert "-" + "60" not in shown
    directory.marks.unlink()
    well, shown = said(directory)
    assert well
    assert "seconds behind" not in shown


def test_brackets_in_a_path_are_shown_as_they_are(directory: DataDirectory) -> None:
    _, shown = said(directory)
    assert str(directory.path) in shown
    assert "a[/b].log" in shown
