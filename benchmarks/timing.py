"""How small things are timed: each value once, in batches; medians, so that a pause costs nothing.

The cyclic garbage collector stays on: the pipeline pays for it too.
"""

import functools
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Value = TypeVar("Value")

BATCH = 500


def median_us(
    function: Callable[[Value], Any], values: Sequence[Value], batch: int = BATCH
) -> float:
    """Median over batches of the microseconds that one call takes."""
    times = []
    for start in range(0, len(values), batch):
        some = values[start : start + batch]
        began = time.perf_counter_ns()
        for value in some:
            function(value)
        times.append((time.perf_counter_ns() - began) / len(some) / 1_000)
    return statistics.median(times)


def forget(package: str) -> None:
    """Empties the caches of functions in a package, so that no value is known already."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            module = found.__module__ or ""
            if module == package or module.startswith(package + "."):
                found.cache_clear()
