"""A credential's budget: what every call of it draws from, so that no window sees too much.

What a call costs is the vendor's table, and configuration: Gmail's changed twice within a year.
Vendors count in rolling windows, or in fixed ones, each of which is a rolling one too. A bucket
that fills at the vendor's rate would let twice the limit through: a full one, and what flows in.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.errors import ConfigurationError, RetriableError

SLICES = 1_000
"""Draws within this part of a window are remembered as one, made when the last of them was."""


class BudgetSpent(RetriableError):
    """Not called: the budget allows the call only later than it can wait."""


class Rate(NamedTuple):
    """At most `units` in any `per_s` seconds, and at most `burst` of them in its own share of that
    time, so that they are spread; 0: as they come."""

    units: float
    per_s: float
    burst: float = 0.0

    @property
    def capacity(self) -> float:
        """The most that can be drawn at once."""
        return min(self.burst or self.units, self.units)


class _Slice:
    """What was drawn between two moments close to each other."""

    __slots__ = ("first", "last", "units")

    def __init__(self, moment: float) -> None:
        self.first = self.last = moment
        self.units = 0.0


class _Window:
    """What was drawn within the last `seconds`; draws come in order of their moments."""

    def __init__(self, most: float, seconds: float) -> None:
        self._most = most * (1 + 1e-9)  # sums of fractions
        self._seconds = seconds
        self._slices: deque[_Slice] = deque()
        self._drawn = 0.0

    def earliest(self, units: float, moment: float) -> float:
        """When so many more may be drawn, not before `moment`."""
        self._forget(moment)
        over = self._drawn + units - self._most
        for one in self._slices:
            if over <= 0:
                break
            over -= one.units
            moment = one.last + self._seconds
        return moment

    def draw(self, units: float, moment: float) -> None:
        """Remembers it."""
        self._forget(moment)
        if not self._slices or moment - self._slices[-1].first > self._seconds / SLICES:
            self._slices.append(_Slice(moment))
        newest = self._slices[-1]
        newest.last = moment
        newest.units += units
        self._drawn += units

    def _forget(self, moment: float) -> None:
        while self._slices and self._slices[0].last + self._seconds <= moment:
            self._drawn -= self._slices.popleft().units
        if not self._slices:
            self._drawn = 0.0


class _Bucket:
    """The windows of one rate."""

    def __init__(self, rate: Rate) -> None:
        self.capacity = rate.capacity
        self.latest = -math.inf
        """Moment of the last draw, which may lie ahead: whoever waits comes first."""
        self.windows = [_Window(rate.units, rate.per_s)]
        if rate.capacity < rate.units:
            share = rate.per_s * rate.capacity / rate.units
            self.windows.append(_Window(rate.capacity, share))


class Budget:
    """Buckets by name, and what each kind of call draws from which. Thread-safe and fair: whoever
    comes first is served first. Of this process alone: others with the same credential need a share
    of their own."""

    def __init__(
        self,
        rates: Mapping[str, Rate],
        costs: Mapping[str, Mapping[str, float]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`costs`: kind of call to bucket to units. ConfigurationError for a bucket that there is
        not, or a call that costs more than it can ever hold."""
        self._buckets = {name: _Bucket(rate) for name, rate in rates.items()}
        self._costs = {call: dict(drawn) for call, drawn in costs.items()}
        for call, drawn in costs.items():
            for bucket in drawn:
                if bucket not in rates:
                    raise ConfigurationError(f"rate budget: {call} draws from {bucket}: no such")
            self._check(call, 1)
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self.spent: dict[str, float] = dict.fromkeys(rates, 0.0)
        """Units drawn so far, by bucket."""

    def draw(self, call: str, times: int = 1, patience_s: float = math.inf) -> float:
        """Waits until the budget allows the call and draws its cost; returns seconds waited.

        `times`: calls that are sent at once. BudgetSpent, and nothing is drawn, where it would have
        to wait for longer than `patience_s`.
        """
        if call not in self._costs:
            raise ConfigurationError(f"rate budget: no cost is set for {call}")
        drawn = self._check(call, times)
        with self._lock:
            now = self._monotonic()
            moment, scarce = now, ""
            for name, units in drawn.items():
                bucket = self._buckets[name]
                from_then = max(now, bucket.latest)
                allowed = max(one.earliest(units, from_then) for one in bucket.windows)
                if allowed > moment:
                    moment, scarce = allowed, name
            wait = moment - now
            if wait > patience_s:
                raise BudgetSpent(f"rate budget: {scarce} is spent for another {wait:.0f} s")
            for name, units in drawn.items():
                bucket = self._buckets[name]
                bucket.latest = moment
                for window in bucket.windows:
                    window.draw(units, moment)
                self.spent[name] += units
        if wait > 0:
            self._sleep(wait)
        return wait

    def _check(self, call: str, times: int) -> dict[str, float]:
        drawn = {name: units * times for name, units in self._costs[call].items()}
        for name, units in drawn.items():
            if units > self._buckets[name].capacity:
                raise ConfigurationError(
                    f"rate budget: {call}, {times} at once, costs more than {name} ever holds"
                )
        return drawn
