"""Waiting by the account: through an outage, but not for ever."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import InternalServerError, NotFound, RetryError
from requests.exceptions import ConnectionError as NoConnection

from embedded.directory import DataDirectory, Stack
from embedded.ports import free_port
from operations import waiting
from operations.console import StackGone
from operations.runs import RunNotes, noted_run
from operations.waiting import until_accounted, until_written
from schemas.errors import RetriableError
from warehouse.clients import Endpoint, bigquery_client

DOWN = (NoConnection("refused"), RetryError("in vain", None), InternalServerError("starting"))


@pytest.fixture(autouse=True)
def without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EVERY_S", 0.0)


def says(monkeypatch: pytest.MonkeyPatch, *answers: int | Exception) -> Any:
    """A warehouse that gives these answers in turn, and then the last again and again."""

    def script() -> Iterator[int | Exception]:
        yield from answers
        while True:
            yield answers[-1]

    left = script()

    def accounted(client: Any) -> int:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(waiting, "accounted", accounted)
    return None


def test_it_returns_at_the_goal_and_tells_of_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    assert until_accounted(says(monkeypatch, 0, 2, 2, 5), 4, told.append) == 5
    assert told == [0, 2, 2, 5]


def test_a_warehouse_that_is_down_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    client = says(monkeypatch, 1, *DOWN, 1, 3)
    assert until_accounted(client, 3, told.append) == 3
    assert told == [1, 1, 1, 1, 1, 3], "what was known stands"


def test_where_nothing_moves_it_says_what_is_missing_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for answers in ((2,), (2, *DOWN)):
        client = says(monkeypatch, *answers)
        with pytest.raises(RetriableError, match=r"3 of 5 messages are not accounted for") as stuck:
            until_accounted(client, 5, still_s=0.0)
        assert "salesintel status" in str(stuck.value)


@pytest.fixture
def gone(tmp_path: Path) -> DataDirectory:
    """A directory whose stack was killed."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    directory = DataDirectory(tmp_path / "[data]")
    directory.open()
    directory.publish(Stack(pid=ended.pid, project="p", pubsub="", rest="", grpc=""))
    return directory


def test_a_stack_that_has_ended_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, gone: DataDirectory
) -> None:
    client = says(monkeypatch, *DOWN)
    for wait in (
        lambda: until_accounted(client, 5, directory=gone),
        lambda: until_written(gone, 1),
    ):
        with pytest.raises(StackGone, match="has ended.*salesintel up --data") as told:
            wait()
        assert str(gone.logs) in str(told.value)


def test_a_stack_that_has_ended_is_told_no_end_of_a_run(
    monkeypatch: pytest.MonkeyPatch, gone: DataDirectory
) -> None:
    noted: list[str] = []
    monkeypatch.setattr(RunNotes, "note", lambda notes, status, error=None: noted.append(status))
    nowhere = Endpoint(project="p", rest="http://127.0.0.1:1", grpc="127.0.0.1:1")
    with pytest.raises(StackGone), noted_run(nowhere, "import"):
        until_written(gone, 1)
    assert noted == ["running"]


def test_an_error_of_another_kind_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        until_accounted(says(monkeypatch, NotFound("no such table")), 1)


def test_a_warehouse_that_is_gone_does_not_hold_the_one_who_asks(
    monkeypatch: pytest.MonkeyPatch, gone: DataDirectory
) -> None:
    """The client by itself would try again for ten minutes."""
    port = free_port()
    client = bigquery_client(
        Endpoint(project="p", rest=f"http://127.0.0.1:{port}", grpc=f"127.0.0.1:{port}")
    )
    monkeypatch.setattr(waiting, "ANSWER", waiting.ANSWER.with_timeout(0.1))
    running = iter([None])

    def still_running(directory: DataDirectory) -> None:
        if next(running, gone) is gone:
            raise StackGone("it has ended")

    monkeypatch.setattr(waiting, "still_running", still_running)
    with pytest.raises(StackGone):
        until_accounted(client, 1, directory=gone)
    client.close()
