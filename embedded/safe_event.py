"""An event that a signal handler may set while the same thread waits for it."""

import threading
import time
from contextlib import suppress

LONGEST_SLEEP_S = 0.5
"""A signal that comes just before the thread falls asleep is handled when it wakes."""


class SafeEvent:
    """`threading.Event` for signal handlers.

    A handler runs in the main thread between two of its instructions. Event.set in a handler takes
    a lock that Event.wait, interrupted by that very handler, may hold: the process then hangs for
    good. Here the lock is the gate itself: whoever sets the event opens it, which takes nothing.
    """

    # SimpleQueue.get is as safe against handlers, but waits for ever where its time is over before
    # it has begun to wait, for it takes what is left of it, which is less than nothing, for no end.

    def __init__(self) -> None:
        self._is_set = False
        self._gate = threading.Lock()
        self._gate.acquire()

    def set(self) -> None:
        """Wakes all who wait, and lets nobody wait from now on."""
        self._is_set = True
        self._open()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def wait(self, timeout: float = float("inf")) -> bool:
        """Until it is set, at most `timeout` seconds; whether it is set."""
        deadline = time.monotonic() + timeout
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            if self._gate.acquire(timeout=min(left, LONGEST_SLEEP_S)):
                self._open()  # for the next who waits
        return self._is_set

    def _open(self) -> None:
        with suppress(RuntimeError):  # It is open.
            self._gate.release()
