"""How well records were put together: against the truth, against what people decided, and against
what the engine itself promises. A rate is never given without its precision."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

BUCKETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
"""Where each bucket of a calibration begins; the last ends at 1."""


class Score(NamedTuple):
    """Of things that were put together: right ones, wrong ones, and those that were missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float | None:
        """Share of what was put together that is right; None where nothing was."""
        made = self.right + self.wrong
        return self.right / made if made else None

    @property
    def recall(self) -> float | None:
        """Share of what belongs together that was put so; None where nothing does."""
        true = self.right + self.missed
        return self.right / true if true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else None


def pairs_of(sizes: Iterable[int]) -> int:
    """Pairs within groups of these sizes."""
    return sum(size * (size - 1) // 2 for size in sizes)


def pairwise(truth: Mapping[str, str], found: Mapping[str, str]) -> Score:
    """Over all pairs of the records of `truth`; a record that was not found is alone."""
    placed = {key: found.get(key, f"alone:{key}") for key in truth}
    right = pairs_of(Counter((placed[key], true) for key, true in truth.items()).values())
    made = pairs_of(Counter(placed.values()).values())
    true = pairs_of(Counter(truth.values()).values())
    return Score(right, made - right, true - right)


def reviewed(verdicts: Mapping[tuple[str, str], str], found: Mapping[str, str]) -> Score:
    """Of the pairs that people decided on, whether the engine by itself says the same. What people
    look at is no fair sample: it is what was doubtful."""
    right = wrong = missed = 0
    for (left, right_key), verdict in verdicts.items():
        together = left in found and found[left] == found.get(right_key)
        if verdict == "same":
            right, missed = right + together, missed + (not together)
        elif verdict == "different":
            wrong += together
    return Score(right, wrong, missed)


class Bucket(NamedTuple):
    """Pairs whose probability lies from `low` to the next bucket."""

    low: float
    pairs: int
    promised: float
    """Mean of the probabilities."""
    known: int
    """Pairs of which it is known whether they are right."""
    right: int

    @property
    def held(self) -> float | None:
        """Share of the known pairs that are right; None where none is known."""
        return self.right / self.known if self.known else None


def calibration(pairs: Iterable[tuple[float, bool | None]]) -> list[Bucket]:
    """Pairs by their probability, and whether it was kept; None where nobody knows."""
    counts = [0] * len(BUCKETS)
    sums = [0.0] * len(BUCKETS)
    known, right = list(counts), list(counts)
    for probability, is_right in pairs:
        place = max(0, sum(probability >= low for low in BUCKETS) - 1)
        counts[place] += 1
        sums[place] += probability
        if is_right is not None:
            known[place] += 1
            right[place] += is_right
    return [
        Bucket(low, counts[at], sums[at] / counts[at], known[at], right[at])
        for at, low in enumerate(BUCKETS)
        if counts[at]
    ]


class Difference(NamedTuple):
    """What another partition of the same records would change."""

    moved: int
    """Records that would be with others than now."""
    split: dict[str, list[list[str]]]
    """Entity of now, to its records by the entity that they would be in."""
    merged: dict[str, list[list[str]]]
    """Entity to be, to its records by the entity that they are in now."""


def difference(now: Mapping[str, str], then: Mapping[str, str]) -> Difference:
    """From one partition to another, both by record."""
    shared = Counter((now[key], then[key]) for key in now)
    is_now, is_then = Counter(now.values()), Counter(then.values())
    moved = sum(
        not is_now[now[key]] == is_then[then[key]] == shared[now[key], then[key]] for key in now
    )
    return Difference(moved, _parts(now, then), _parts(then, now))


def _parts(whole: Mapping[str, str], part: Mapping[str, str]) -> dict[str, list[list[str]]]:
    groups: dict[str, dict[str, list[str]]] = {}
    for key in sorted(whole):
        groups.setdefault(whole[key], {}).setdefault(part[key], []).append(key)
    return {name: list(parts.values()) for name, parts in groups.items() if len(parts) > 1}
