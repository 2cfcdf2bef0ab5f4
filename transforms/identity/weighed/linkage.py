"""How a component falls into clusters: average linkage, a pure function of its records.

Whole bits and ties by record key: the result knows no order. What a person or a source joined is
joined first; what a person or a rule holds apart never is, whatever speaks for it.
"""

from collections.abc import Callable, Sequence

from transforms.identity.weighed.judging import MUST_LINK
from transforms.identity.weighed.weights import BIT

MOST_BITS = 20 * BIT
"""No single pair counts for more in a mean, for or against."""
MOST_RECORDS = 200
"""A component above this is cut by a higher floor."""
FLOOR_STEP = 2 * BIT
HIGHEST_FLOOR = 40 * BIT

Bits = Callable[[int, int], int]
"""Bits of two members, by their places."""


def clusters(
    count: int,
    bits: Bits,
    must: Sequence[tuple[int, int]] = (),
    cannot: Sequence[tuple[int, int]] = (),
) -> list[list[int]]:
    """The clusters of members 0 to `count`, which are sorted by record key.

    Two clusters are joined while the mean of the bits between their members is above zero, the
    highest mean first.
    """
    sums: list[dict[int, int]] = [{} for _ in range(count)]
    joined = list(must)
    for a in range(count):
        for b in range(a):
            found = bits(b, a)
            if found >= MUST_LINK:
                joined.append((b, a))
            sums[a][b] = sums[b][a] = max(-MOST_BITS, min(MOST_BITS, found))
    apart = {frozenset(pair) for pair in cannot}
    forest = _Forest(sums, apart)
    for a, b in sorted(joined):
        forest.join_if_free(a, b)
    forest.run()
    return sorted(sorted(group) for group in forest.groups.values())


class _Forest:
    """Clusters by their first member, and the sums of bits between them."""

    def __init__(self, sums: list[dict[int, int]], apart: set[frozenset[int]]) -> None:
        self.groups = {place: [place] for place in range(len(sums))}
        self._sums = sums
        self._apart = apart
        self._home = list(range(len(sums)))

    def join_if_free(self, a: int, b: int) -> None:
        a, b = sorted((self._home[a], self._home[b]))
        if a != b and frozenset((a, b)) not in self._apart:
            self._join(a, b)

    def run(self) -> None:
        best = {place: self._nearest(place) for place in self.groups}
        while len(best) > 1:
            top = max(best, key=lambda place: (best[place][0], -place))
            mean, other = best[top]
            if mean <= 0.0:
                return
            a, b = (top, other) if top < other else (other, top)
            self._join(a, b)
            del best[b]
            for place in best:
                if place == a or best[place][1] in (a, b):
                    best[place] = self._nearest(place)
                else:
                    mean = self._mean(place, a)
                    if mean > best[place][0] or (mean == best[place][0] and a < best[place][1]):
                        best[place] = (mean, a)

    def _mean(self, a: int, b: int) -> float:
        if self._apart and frozenset((a, b)) in self._apart:
            return -1.0
        return self._sums[a][b] / (len(self.groups[a]) * len(self.groups[b]))

    def _nearest(self, place: int) -> tuple[float, int]:
        found = (-1.0, -1)
        for other in self._sums[place]:
            mean = self._mean(place, other)
            if mean > found[0] or (mean == found[0] and other < found[1]):
                found = (mean, other)
        return found

    def _join(self, a: int, b: int) -> None:
        sums = self._sums
        del sums[a][b], sums[b][a]
        for other, bits in sums[b].items():
            sums[a][other] += bits
            sums[other][a] = sums[a][other]
            del sums[other][b]
        sums[b] = {}
        self.groups[a] += self.groups[b]
        for member in self.groups.pop(b):
            self._home[member] = a
        if self._apart:
            self._apart = {
                frozenset(a if end == b else end for end in pair) for pair in self._apart
            }
