"""The supervisor: one a directory, children that die come back, and it stops without a trace."""

import errno
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provisioned import provisioned
from typer.testing import CliRunner

from embedded import child as child_module
from embedded.child import Child
from embedded.directory import DataDirectory
from embedded.supervisor import Ports, Supervisor, _written_since, listens
from operations import cli
from schemas.errors import ConfigurationError, FatalError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("supervisor")]

DEADLINE_S = 60.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_free(path: Path) -> bool:
    """Whether another stack could take the directory; takes it for a moment."""
    directory = DataDirectory(path)
    try:
        directory.open()
    except FatalError:
        return False
    directory.close()
    return True


def named(supervisor: Supervisor, name: str) -> Child:
    return next(child for child in supervisor.children if child.name == name)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module", autouse=True)
def its_own_environment() -> Iterator[None]:
    """A supervisor points its process at its Pub/Sub, a command quiets its logs."""
    before, level = os.environ.copy(), logging.getLogger().level
    yield
    os.environ.clear()
    os.environ.update(before)
    logging.getLogger().setLevel(level)


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """One that runs, without a pipeline: it is the same to it which program a child is."""
    directory = DataDirectory(tmp_path_factory.mktemp("stack") / "data")
    provisioned(directory.warehouse)
    made = Supervisor(directory, pipeline=False)
    made.start()
    watching = threading.Thread(target=made.run)
    watching.start()
    yield made
    made.ask_to_stop()
    watching.join()
    made.stop()


def seen(supervisor: Supervisor, name: str) -> dict[str, object]:
    """What the supervisor has last written of a child."""
    return supervisor.directory.read_health()[name]


def test_a_stack_answers_when_it_has_started_and_leaves_nothing_when_it_has_stopped(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "data", list[str]()
    made = Supervisor(DataDirectory(path), pipeline=False)
    stack = made.start(told.append)
    assert told == ["starting pubsub", "starting warehouse", "making topics, tables and views"]
    assert DataDirectory(path).stack() == stack
    assert stack.pid == os.getpid()
    assert listens(int(stack.pubsub.rpartition(":")[2]))
    health = DataDirectory(path).read_health()
    assert {name: seen["healthy"] for name, seen in health.items()} == {
        "pubsub": True,
        "warehouse": True,
    }, "who finds the stack finds its health"
    pids = [child.pid for child in made.children]

    with pytest.raises(FatalError, match=f"in use by the stack with process id {os.getpid()}"):
        Supervisor(DataDirectory(path), pipeline=False).start()
    assert [child.pid for child in made.children] == pids, "it is none the worse for it"

    made.stop()
    assert not any(exists(pid) for pid in pids if pid)
    assert is_free(path)
    with pytest.raises(ConfigurationError, match="no stack runs"):
        DataDirectory(path).stack()
    made.stop()


def test_a_child_that_was_killed_comes_back_where_it_was_and_is_counted(
    supervisor: Supervisor,
) -> None:
    stack, pubsub = supervisor.stack, named(supervisor, "pubsub")
    assert stack
    first, restarts = pubsub.pid, pubsub.restarts
    assert first
    os.kill(first, signal.SIGKILL)
    until(lambda: seen(supervisor, "pubsub")["restarts"] == restarts + 1)
    until(lambda: seen(supervisor, "pubsub")["healthy"])
    assert seen(supervisor, "pubsub")["pid"] not in (None, first)
    assert listens(int(stack.pubsub.rpartition(":")[2])), "on the same port"
    assert seen(supervisor, "warehouse")["restarts"] == 0


def test_a_child_that_was_asked_to_end_is_started_again_and_is_no_failure(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "RESTARTS", 0)
    pubsub = named(supervisor, "pubsub")
    for _ in range(2):
        pid, restarts = pubsub.pid, pubsub.restarts
        assert pid
        os.kill(pid, signal.SIGTERM)
        until(lambda restarts=restarts: pubsub.restarts == restarts + 1)
        until(pubsub.is_healthy)
    assert not pubsub.given_up


def test_a_child_that_keeps_dying_is_given_up_and_status_says_so(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "RESTARTS", 0)
    log = supervisor.directory.logs / "doomed.log"
    doomed = Child("doomed", [sys.executable, "-c", "raise SystemExit(3)"], log, lambda: True)
    doomed.start()
    supervisor.children.append(doomed)
    try:
        until(lambda: supervisor.directory.read_health().get("doomed", {}).get("given_up"))
        result = CliRunner().invoke(
            cli.app, ["status", "--data", str(supervisor.directory.path)], catch_exceptions=False
        )
    finally:
        supervisor.children.remove(doomed)
        doomed.stop()
    assert result.exit_code == 1
    said = re.sub(r"[\s│]", "", result.stdout[result.stdout.index("doomed") :])
    assert "givenup" in said
    assert str(log) in said, "it says where to look"
    assert re.search(r"warehouse\s*│\s*\d+\s*│\s*runs", result.stdout)


def test_a_full_disk_is_said_once_and_the_stack_goes_on(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[object] = []

    def full(directory: DataDirectory, health: object) -> None:
        tried.append(health)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk, caplog.at_level(logging.ERROR, "embedded.supervisor"):
        disk.setattr(DataDirectory, "write_health", full)
        until(lambda: len(tried) >= 2)
        pubsub = named(supervisor, "pubsub")
        first = pubsub.pid
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: pubsub.pid not in (None, first))
        until(pubsub.is_healthy)
    assert [record.message for record in caplog.records if "No space" in record.message] == [
        "the state of the stack cannot be written: [Errno 28] No space left on device"
    ]
    until(lambda: seen(supervisor, "pubsub")["pid"] == pubsub.pid)


def test_a_taken_port_is_refused_by_its_number_and_the_directory_is_let_go(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for ports in (Ports(pubsub=port), Ports(rest=port), Ports(grpc=port)):
            with pytest.raises(ConfigurationError, match=f"port {port} is taken: name another"):
                Supervisor(DataDirectory(tmp_path / "data"), ports=ports).start()
            assert is_free(tmp_path / "data")


def test_a_child_that_does_not_start_is_an_error_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "RESTARTS", 0)
    path = tmp_path / "data"
    (path / "pubsub").mkdir(parents=True)
    (path / "pubsub" / "messages.sqlite").write_bytes(b"this is no database" * 1_000)
    supervisor = Supervisor(DataDirectory(path), pipeline=False)
    with pytest.raises(FatalError, match="pubsub does not start") as refused:
        supervisor.start()
    assert "the messages cannot be read" in str(refused.value)
    assert supervisor.children == []
    assert is_free(path)


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    path, pids = tmp_path / "data", list[int | None]()
    supervisor = Supervisor(DataDirectory(path), pipeline=False)

    def interrupt(line: str) -> None:
        if line == "starting warehouse":
            pids.extend(child.pid for child in supervisor.children)
            supervisor.ask_to_stop()

    with pytest.raises(FatalError, match="stopped while it was starting"):
        supervisor.start(interrupt)
    assert pids
    assert not any(exists(pid) for pid in pids if pid)
    assert is_free(path)


def test_marks_of_a_pipeline_that_was_killed_say_nothing_of_the_next(tmp_path: Path) -> None:
    marks = tmp_path / "marks.json"
    now = time.time()
    assert not _written_since(marks, now, 60)
    marks.write_text("{}")
    os.utime(marks, (now - 5, now - 5))
    assert _written_since(marks, now - 6, 60)
    assert not _written_since(marks, now - 4, 60), "written before this one was started"
    assert not _written_since(marks, now - 6, 4), "it has not written for too long"
