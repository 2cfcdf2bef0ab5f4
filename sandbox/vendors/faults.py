"""Faults of a simulated vendor, switched on by name; seeded, so that a run can be had again."""

import random
import threading
from collections import Counter

import msgspec


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong: where, how often, and how many times at the most."""

    name: str
    """What it is: `http_500`, `429_retry_after`, `hang`, `malformed`, or a vendor's own."""
    route: str = ""
    """Only where the path begins so; empty: everywhere."""
    share: float = 1.0
    times: int = 1_000_000


class Faults:
    """The switchboard of one server. Thread-safe."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self._on: list[Fault] = []
        self.struck: Counter[str] = Counter()
        """How often each has come about."""

    def switch_on(self, *faults: Fault) -> None:
        """Adds faults."""
        with self._lock:
            self._on += faults

    def switch_off(self) -> None:
        """Removes all."""
        with self._lock:
            self._on = []

    def strikes(self, name: str, route: str = "") -> bool:
        """Whether a fault comes about now; counts it."""
        with self._lock:
            for fault in self._on:
                if fault.name != name or not route.startswith(fault.route):
                    continue
                if self.struck[name] < fault.times and self._rng.random() < fault.share:
                    self.struck[name] += 1
                    return True
        return False
