"""An event that a signal handler may set while the same thread waits for it."""

import queue
import time

LONGEST_SLEEP_S = 0.5
"""A signal that comes just before the thread falls asleep is handled when it wakes."""


class SafeEvent:
    """`threading.Event` for signal handlers.

    A handler runs in the main thread between two of its instructions. Event.set in a handler takes
    a lock that Event.wait, interrupted by that very handler, may hold: the process then hangs for
    good. SimpleQueue.put is documented as reentrant.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Wakes all who wait, and lets nobody wait from now on."""
        self._is_set = True
        self._woken.put(None)

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def wait(self, timeout: float = float("inf")) -> bool:
        """Until it is set, at most `timeout` seconds; whether it is set."""
        deadline = time.monotonic() + timeout
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            try:
                self._woken.get(timeout=min(left, LONGEST_SLEEP_S))
            except queue.Empty:
                continue
            self._woken.put(None)  # for the next who waits
        return self._is_set
