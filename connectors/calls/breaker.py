"""A circuit breaker: while a mailbox or account refuses us, it is not called at all.

Gmail moves its retry time forward at each call made before it, so that calling on waits for ever.
"""

import threading
import time
from collections.abc import Callable

from schemas.errors import RetriableError

FAILURES = 5
OPEN_S = 60.0
LONGEST_OPEN_S = 3_600.0
TRIAL_S = 60.0
"""How long others wait for one who tries and does not say how it went."""


class CircuitOpen(RetriableError):
    """Not called: it refused before, and the time to try again has not come."""


class Breaker:
    """Opens after failures in a row, or at once when told until when; then one thread tries, while
    the others are held off until that one knows better."""

    def __init__(
        self,
        name: str,
        *,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._most = failures
        self._open_s = open_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._opened = 0
        self._until = 0.0
        self._tried_by = 0
        self._tried_until = 0.0

    def check(self) -> None:
        """CircuitOpen while it is open, with the seconds that remain."""
        with self._lock:
            now, mine = self._monotonic(), threading.get_ident()
            left = self._until - now
            if left <= 0 and self._until:
                if self._tried_by != mine:
                    left = self._tried_until - now
                if left <= 0:
                    self._tried_by, self._tried_until = mine, now + TRIAL_S
        if left > 0:
            raise CircuitOpen(f"{self.name} is left alone for another {left:.0f} s")

    def succeeded(self) -> None:
        """Closes it."""
        with self._lock:
            self._failures = self._opened = self._tried_by = 0
            self._until = self._tried_until = 0.0

    def failed(self, retry_after_s: float | None = None) -> None:
        """Counts a failure; a time that the vendor named opens it at once, for that long."""
        with self._lock:
            self._failures += 1
            self._tried_by, self._tried_until = 0, 0.0
            if retry_after_s is not None:
                self._until = max(self._until, self._monotonic() + retry_after_s)
            elif self._failures >= self._most:
                longer = min(self._open_s * 2**self._opened, LONGEST_OPEN_S)
                self._opened += 1
                self._until = self._monotonic() + longer
