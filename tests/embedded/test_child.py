"""A child process: restarted, given up, stopped, its log turned over, never an orphan."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded import child as child_module
from embedded.child import FIRST_WAIT_S, LOG_BYTES, LONGEST_WAIT_S, RESTARTS, WITHIN_S, Child

pytestmark = pytest.mark.slow

ENDS = "raise SystemExit(3)"
RUNS = "import signal; print('ready', flush=True); signal.pause()"
SAYS_GOODBYE = """
import signal, sys
def end(number, frame):
    print("goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""
IS_STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
PARENT = """
import sys
from pathlib import Path
from embedded.child import Child
child = Child("child", [sys.executable, "-c", "import signal; signal.pause()"], Path(sys.argv[1]),
              lambda: True)
child.start()
print(child.pid, flush=True)
import signal
signal.pause()
"""
DEADLINE_S = 60.0

Make = Callable[..., Child]


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def make(tmp_path: Path, clock: Time) -> Iterator[Make]:
    made: list[Child] = []

    def one(program: str, **more: object) -> Child:
        command = [sys.executable, "-c", program]
        child = Child(
            "child",
            command,
            tmp_path / "child.log",
            **{"healthy": lambda: True, "monotonic": clock, **more},  # type: ignore[arg-type]
        )
        made.append(child)
        return child

    yield one
    for child in made:
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)
        child.stop()


def until(condition: Callable[[], object]) -> None:
    """Waits for another process; fails where the condition never comes true."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def has_ended(child: Child) -> bool:
    return child.pid is None


def exists(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not yet reaped does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def restarted(child: Child, clock: Time) -> float:
    """Lets an ended child be seen, waits as long as it wants, and returns how long that was."""
    until(lambda: has_ended(child))
    before, started = child.restarts, clock.now
    child.watch()
    while child.restarts == before and not child.given_up:
        clock.now += 0.25
        child.watch()
    return clock.now - started


def test_a_child_that_runs_is_healthy_when_it_answers_and_is_left_alone(make: Make) -> None:
    answers = False
    child = make(RUNS, healthy=lambda: answers)
    assert child.pid is None
    assert not child.is_healthy()
    child.start()
    assert not child.is_healthy()
    answers = True
    assert child.is_healthy()
    pid = child.pid
    child.watch()
    assert child.pid == pid
    assert child.restarts == 0


def test_a_child_that_was_never_started_is_not_started_by_watching(make: Make) -> None:
    child = make(RUNS)
    child.watch()
    child.stop()
    assert child.pid is None
    assert child.tail() == ""


def test_a_child_that_was_killed_is_restarted_after_the_wait_and_not_before(
    make: Make, clock: Time
) -> None:
    child = make(RUNS)
    child.start()
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    until(lambda: has_ended(child))
    child.watch()
    clock.now += FIRST_WAIT_S - 0.01
    child.watch()
    assert child.pid is None
    clock.now += 0.02
    child.watch()
    assert child.pid not in (None, first)
    assert child.restarts == 1


def test_a_child_that_ends_at_once_is_restarted_five_times_and_then_given_up(
    make: Make, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    child = make(ENDS)
    child.start()
    waits = [restarted(child, clock) for _ in range(RESTARTS)]
    assert waits == [FIRST_WAIT_S * 2**number for number in range(RESTARTS)]
    assert max(waits) <= LONGEST_WAIT_S
    restarted(child, clock)
    assert child.given_up
    assert child.restarts == RESTARTS
    assert "child is given up after 5 restarts in 300 s" in caplog.text
    assert "ended with code 3" in caplog.text
    clock.now += 10 * WITHIN_S
    child.watch()
    assert child.restarts == RESTARTS, "given up stays given up"
    assert not child.is_healthy()


def test_a_child_that_ends_now_and_then_is_never_given_up(make: Make, clock: Time) -> None:
    child = make(ENDS)
    child.start()
    for _ in range(RESTARTS + 3):
        assert restarted(child, clock) <= FIRST_WAIT_S
        clock.now += WITHIN_S + 1
    assert not child.given_up
    assert child.restarts == RESTARTS + 3


def test_a_child_is_asked_to_end_and_may_finish_what_it_does(make: Make) -> None:
    child = make(SAYS_GOODBYE)
    child.start()
    until(lambda: "ready" in child.tail())
    child.stop()
    assert child.tail() == "ready\ngoodbye\n"
    assert child.pid is None
    child.watch()
    assert child.pid is None, "what was stopped is not restarted"


def test_a_child_that_does_not_end_is_killed(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    child = make(IS_STUBBORN, grace_s=0.05)
    child.start()
    until(lambda: "ready" in child.tail())
    pid = child.pid
    assert pid
    child.stop()
    assert not exists(pid)
    assert "child does not end: killed" in caplog.text


def test_a_log_goes_on_over_restarts_and_is_turned_over_when_it_is_large(
    make: Make, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = make("print('a line')")
    child.start()
    restarted(child, clock)
    until(lambda: has_ended(child))
    assert child.tail() == "a line\na line\n"
    old = child.log_path.with_name("child.log.1")
    assert not old.exists()
    monkeypatch.setattr(child_module, "LOG_BYTES", 10)
    restarted(child, clock)
    until(lambda: has_ended(child))
    assert old.read_text() == "a line\na line\n"
    assert child.tail() == "a line\n"
    assert child.tail(4) == "ine\n"
    assert LOG_BYTES > 10


def test_a_child_gets_its_environment_and_what_it_writes_to_either_stream_is_logged(
    make: Make,
) -> None:
    program = "import os, sys; print(os.environ['NAME']); sys.stderr.write('and this')"
    child = make(program, environment={**os.environ, "NAME": "this", "PYTHONUNBUFFERED": "1"})
    child.start()
    until(lambda: has_ended(child))
    assert child.tail() == "this\nand this"


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_parent_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "child.log")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    with parent.stdout as output:
        pid = int(output.readline())
    assert exists(pid)
    parent.kill()
    parent.wait()
    until(lambda: not exists(pid))
