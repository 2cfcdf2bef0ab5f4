"""A credential's budget: token buckets that every call of it draws from.

What a call costs is the vendor's table, and configuration: Gmail's changed twice within a year.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.errors import ConfigurationError


class Rate(NamedTuple):
    """`units` in every `per_s` seconds; `burst` may be drawn at once."""

    units: float
    per_s: float
    burst: float = 0.0

    @property
    def capacity(self) -> float:
        """What a full bucket holds."""
        return self.burst or self.units


class Budget:
    """Buckets by name, and what each kind of call draws from which. Thread-safe and fair: whoever
    comes first is served first."""

    def __init__(
        self,
        rates: Mapping[str, Rate],
        costs: Mapping[str, Mapping[str, float]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`costs`: kind of call to bucket to units. ConfigurationError for a bucket that there is
        not, or a call that costs more than a full one."""
        for call, drawn in costs.items():
            for bucket, units in drawn.items():
                if bucket not in rates:
                    raise ConfigurationError(f"rate budget: {call} draws from {bucket}: no such")
                if units > rates[bucket].capacity:
                    raise ConfigurationError(f"rate budget: {call} costs more than {bucket} holds")
        self._rates = dict(rates)
        self._costs = {call: dict(drawn) for call, drawn in costs.items()}
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._levels = {name: rate.capacity for name, rate in rates.items()}
        self._filled = monotonic()
        self.spent: dict[str, float] = dict.fromkeys(rates, 0.0)
        """Units drawn so far, by bucket."""

    def draw(self, call: str, times: int = 1) -> float:
        """Waits until the budget allows the call and draws its cost; returns seconds waited."""
        drawn = self._costs.get(call)
        if drawn is None:
            raise ConfigurationError(f"rate budget: no cost is set for {call}")
        with self._lock:
            self._fill()
            wait = 0.0
            for bucket, units in drawn.items():
                # Below zero is debt: who comes next waits for it too, in order.
                self._levels[bucket] -= units * times
                self.spent[bucket] += units * times
                rate = self._rates[bucket]
                wait = max(wait, -self._levels[bucket] * rate.per_s / rate.units)
        if wait > 0:
            self._sleep(wait)
        return max(wait, 0.0)

    def _fill(self) -> None:
        now = self._monotonic()
        passed, self._filled = now - self._filled, now
        for name, rate in self._rates.items():
            gained = passed * rate.units / rate.per_s
            self._levels[name] = min(rate.capacity, self._levels[name] + gained)
