"""An event set by a signal handler never hangs the thread that waits for it."""

import subprocess
import sys
import threading

from embedded.safe_event import SafeEvent

STORM = """
import signal
from embedded import safe_event
from embedded.safe_event import SafeEvent
safe_event.LONGEST_SLEEP_S = 1e-3
for number in range(5_000):
    event = SafeEvent()
    signal.signal(signal.SIGALRM, lambda *_: event.set())
    signal.setitimer(signal.ITIMER_REAL, 1e-6 + number % 100 * 1e-7)
    event.wait()
"""
"""So many signals that some come while `wait` is about to wait: threading.Event hangs here."""


def test_a_handler_may_set_it_at_any_instruction_of_a_wait() -> None:
    subprocess.run([sys.executable, "-c", STORM], check=True, timeout=60)


TIMES_UP = """
from embedded.safe_event import SafeEvent
for number in range(20_000):
    SafeEvent().wait(1e-6 + number % 10 * 1e-7)
"""
"""Times that are over before anybody has begun to wait: queue.SimpleQueue waits for ever here."""


def test_a_time_that_is_over_at_once_ends_too() -> None:
    subprocess.run([sys.executable, "-c", TIMES_UP], check=True, timeout=60)


def test_all_who_wait_are_woken() -> None:
    event, woken = SafeEvent(), list[bool]()
    waiting = [threading.Thread(target=lambda: woken.append(event.wait())) for _ in range(5)]
    for one in waiting:
        one.start()
    event.set()
    for one in waiting:
        one.join()
    assert woken == [True] * 5
    assert event.wait(0)


def test_a_wait_ends_with_its_time() -> None:
    assert not SafeEvent().wait(0.001)
