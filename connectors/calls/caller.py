"""A call to a vendor: drawn from the budget, tried again where that helps, judged by policy."""

import logging
import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from connectors.calls.breaker import Breaker
from connectors.calls.budget import Budget
from schemas.errors import RetriableError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Verdict(NamedTuple):
    """What an error means: `error` is what to raise in the end, `again` whether another try can
    help, after `after_s` where the vendor says so; `refresh` whether the credential is to be read
    anew first."""

    error: Exception
    again: bool = False
    after_s: float | None = None
    refresh: bool = False


class RetryPolicy(NamedTuple):
    """Tries in all, and the waits between them: full jitter below `first_s` * 2**n, at most
    `longest_s`; a time that the vendor names is kept, if it is longer, and ends the call if it is
    longer than `patience_s`. No wait, that for the budget included, goes beyond `within_s` from the
    beginning: with the longest answer that is waited for, a call ends within a poller's lease.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    tries: int = 5
    first_s: float = 0.5
    longest_s: float = 30.0
    patience_s: float = 60.0
    within_s: float = 150.0


class Caller:
    """Calls for one credential; `judge` knows the vendor's errors."""

    def __init__(
        self,
        judge: Callable[[Exception], Verdict],
        budget: Budget,
        breaker: Breaker | None = None,
        policy: RetryPolicy | None = None,
        *,
        refresh: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._judge = judge
        self._budget = budget
        self._breaker = breaker
        self._policy = policy or RetryPolicy()
        self._refresh = refresh
        self._monotonic = monotonic
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 (jitter)
        self.retried = 0
        """Tries beyond the first, of all calls so far."""

    def __call__(
        self, kind: str, function: Callable[[], T], times: Callable[[], int] = lambda: 1
    ) -> T:
        """What `function` returns; raises as the verdict on its last error says.

        `times`: how many calls it sends at once, asked before each try. BudgetSpent where the
        budget has it wait for too long.
        """
        began, refreshed, attempt = self._monotonic(), False, 0
        while True:
            if self._breaker is not None:
                self._breaker.check()
            self._budget.draw(kind, times(), self._left(began))
            try:
                answer = function()
            except Exception as error:
                verdict = self._judge(error)
                attempt += 1
                self._weigh(kind, verdict, attempt, refreshed, began)
                if verdict.refresh:
                    refreshed = True
                    self._refresh()
                self.retried += 1
                continue
            if self._breaker is not None:
                self._breaker.succeeded()
            return answer

    def _left(self, began: float) -> float:
        return began + self._policy.within_s - self._monotonic()

    def _weigh(
        self, kind: str, verdict: Verdict, attempt: int, refreshed: bool, began: float
    ) -> None:
        """Waits for another try, or raises; without the vendor's own error, whose text may hold a
        whole answer."""
        if verdict.refresh:
            if refreshed:
                raise verdict.error from None
            return
        if self._breaker is not None and isinstance(verdict.error, RetriableError):
            self._breaker.failed(verdict.after_s)
        named = verdict.after_s or 0.0
        if not verdict.again or attempt >= self._policy.tries or named > self._policy.patience_s:
            raise verdict.error from None
        longest = min(self._policy.longest_s, self._policy.first_s * 2 ** (attempt - 1))
        wait = max(named, self._rng.uniform(0, longest))
        if wait > self._left(began):
            raise verdict.error from None
        log.info("%s: %s, trying again in %.1f s", kind, type(verdict.error).__name__, wait)
        self._sleep(wait)
