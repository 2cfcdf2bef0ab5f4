"""The weighing engine in one process, event by event: how fast, and what a record takes to keep.

The first tenth meets names for the first time and the last for the fifth: at this size the engine
slows down until names are too common to be compared for; bench_er grows it further.
"""

import gc
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.rows import record_of

RECORDS = 100_000
AGAIN = 0.3
"""Share of people with a second record, which has slips and gaps."""

BARS = {
    "events_per_s": (">=", 10_000.0),
    "p50_us": ("<=", 60.0),
    "p99_us": ("<=", 1_000.0),
    "kept_bytes_per_record": ("<=", 3_000.0),
}

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def rows(count: int, seed: int = 3) -> Iterator[dict[str, str]]:
    """People with names from long lists, their own mailboxes and numbers, at many companies."""
    rng = random.Random(seed)

    def word(shortest: int, longest: int) -> str:
        return "".join(rng.choices(_LETTERS, k=rng.randint(shortest, longest)))

    given = [word(4, 8) for _ in range(2_000)]
    family = [word(5, 9) for _ in range(20_000)]
    streets = [f"{word(6, 9)} street" for _ in range(5_000)]
    number = 0
    while number < count:
        first, last = rng.choice(given), rng.choice(family)
        row = {
            "kind": "person",
            "first": first,
            "last": last,
            "org": f"{rng.choice(family)} inc",
            "email": f"{first}.{last}{rng.randrange(100)}@company{rng.randrange(3_000)}.com",
            "phone": f"+1212{rng.randrange(2_000_000, 9_999_999)}",
            "street": f"{rng.randrange(1, 999)} {rng.choice(streets)}",
            "zip": f"{rng.randrange(10_000, 99_999)}",
        }
        yield {**row, "id": f"r{number}"}
        number += 1
        if number < count and rng.random() < AGAIN:
            yield {**row, "id": f"r{number}", "first": first[:-1], "phone": ""}
            number += 1


def resident() -> int:
    """Bytes of this process in memory (proc(5), statm: pages of 4 KiB)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096


def run(quick: bool = False) -> dict[str, float]:
    """Processor time alone counts, normalisation included: other programs do not."""
    # Apart: memory that this process has had and given back would not be counted again.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return apart.submit(grown, RECORDS // 50 if quick else RECORDS).result()


def grown(count: int) -> dict[str, float]:
    """The figures of an engine that took so many records."""
    resolver = Resolver()
    gc.collect()
    before = resident()
    took: list[float] = []
    # As the command does: the engine makes no cycles.
    gc.disable()
    for stamp, row in enumerate(rows(count)):
        begun = time.thread_time_ns()
        resolver.receive(record_of(row, stamp))
        took.append((time.thread_time_ns() - begun) / 1e3)
    gc.enable()
    tenth = count // 10
    ordered = sorted(took)
    return {
        "events_per_s": count / sum(took) * 1e6,
        "p50_us": ordered[count // 2],
        "p99_us": ordered[count * 99 // 100],
        "last_tenth_of_first": sum(took[:tenth]) / sum(took[-tenth:]),
        "kept_bytes_per_record": max(0.0, resident() - before) / count,
    }
