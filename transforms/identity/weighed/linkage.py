"""How a component falls into clusters: average linkage, a pure function of its records.

Whole bits and ties by record key: the result knows no order. What a person or a source joined is
joined first; what a person or a rule holds apart never is, whatever speaks for it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from transforms.identity.weighed.judging import FORBIDDEN, MUST_LINK, VETOED
from transforms.identity.weighed.weights import BIT

MOST_BITS = 20 * BIT
"""No single pair counts for more in a mean, for or against."""
MOST_RECORDS = 200
"""A component above this is cut by a higher floor."""
FLOOR_STEP = 2 * BIT
HIGHEST_FLOOR = 40 * BIT

T = TypeVar("T", bound=Hashable)
Bits = Callable[[int, int], int | None]
"""Bits of two members, by their places; None where nothing can be said of the two."""


def clusters(
    count: int,
    bits: Bits,
    must: Sequence[tuple[int, int]] = (),
    cannot: Sequence[tuple[int, int]] = (),
) -> list[list[int]]:
    """The clusters of members 0 to `count`, which are sorted by record key.

    Two clusters are joined while the mean of the bits between their members is above zero, the
    highest mean first. Pairs of which nothing can be said count in no mean.
    """
    sums: list[dict[int, int]] = [{} for _ in range(count)]
    said: list[dict[int, int]] = [{} for _ in range(count)]
    joined, vetoed = [], []
    for a in range(count):
        for b in range(a):
            found = bits(b, a)
            if found is None:
                found = 0
            else:
                said[a][b] = said[b][a] = 1
            if found >= MUST_LINK:
                joined.append((b, a))
            elif found in (FORBIDDEN, VETOED):
                vetoed.append((b, a))
            sums[a][b] = sums[b][a] = max(-MOST_BITS, min(MOST_BITS, found))
    forest = _Forest(sums, said)
    forest.hold_apart(cannot)
    # A person's word goes before a source's, and a source's before a rule.
    for a, b in (*sorted(must), *sorted(joined)):
        forest.join_if_free(a, b)
    forest.hold_apart(vetoed)
    forest.run()
    return sorted(sorted(group) for group in forest.groups.values())


def cut(
    component: Sequence[T],
    neighbours: Callable[[T], Mapping[T, int]],
    bits: Callable[[T, T], int | None],
    must: Sequence[tuple[T, T]] = (),
    cannot: Sequence[tuple[T, T]] = (),
    floor: int = 0,
) -> list[list[T]]:
    """Clusters of a component, which is sorted by record key; one too large is cut by a higher
    floor first. `neighbours` are those to whom edges lead, with their bits."""
    if len(component) > MOST_RECORDS and floor < HIGHEST_FLOOR:
        floor += FLOOR_STEP
        groups = []
        for part in _parts(component, neighbours, must, floor):
            groups += cut(part, neighbours, bits, must, cannot, floor)
        return groups
    if len(component) > MOST_RECORDS:
        return [[record] for record in component]
    if len(component) == 1:
        return [list(component)]
    if len(component) == 2 and not must and not cannot:
        joined = (bits(component[0], component[1]) or 0) > 0
        return [list(component)] if joined else [[record] for record in component]
    place = {record: at for at, record in enumerate(component)}

    def among(pairs: Sequence[tuple[T, T]]) -> list[tuple[int, int]]:
        return [(place[a], place[b]) for a, b in pairs if a in place and b in place]

    found = clusters(
        len(component),
        lambda a, b: bits(component[a], component[b]),
        among(must),
        among(cannot),
    )
    return [[component[at] for at in group] for group in found]


def _parts(
    component: Sequence[T],
    neighbours: Callable[[T], Mapping[T, int]],
    must: Sequence[tuple[T, T]],
    floor: int,
) -> list[list[T]]:
    place = {record: at for at, record in enumerate(component)}
    joined: dict[T, list[T]] = {}
    for a, b in must:
        joined.setdefault(a, []).append(b)
        joined.setdefault(b, []).append(a)
    parts, seen = [], set()
    for start in component:
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for record in part:
            onward = [other for other, bits in neighbours(record).items() if bits >= floor]
            for other in (*onward, *joined.get(record, ())):
                if other in place and other not in seen:
                    seen.add(other)
                    part.append(other)
        parts.append(sorted(part, key=place.__getitem__))
    return parts


class _Forest:
    """Clusters by their first member, and the sums of bits between them."""

    def __init__(self, sums: list[dict[int, int]], said: list[dict[int, int]]) -> None:
        self.groups = {place: [place] for place in range(len(sums))}
        self._sums = sums
        self._said = said
        self._apart: dict[int, set[int]] = {}
        self._home = list(range(len(sums)))

    def hold_apart(self, pairs: Iterable[tuple[int, int]]) -> None:
        """From now on; of two that are joined already it says nothing."""
        for one, other in pairs:
            a, b = self._home[one], self._home[other]
            if a != b:
                self._apart.setdefault(a, set()).add(b)
                self._apart.setdefault(b, set()).add(a)

    def join_if_free(self, a: int, b: int) -> None:
        a, b = sorted((self._home[a], self._home[b]))
        if a != b and not self._are_apart(a, b):
            self._join(a, b)

    def _are_apart(self, a: int, b: int) -> bool:
        return a in self._apart and b in self._apart[a]

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
        if self._apart and self._are_apart(a, b):
            return -1.0
        pairs = self._said[a].get(b, 0)
        return self._sums[a][b] / pairs if pairs else -1.0

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
        said = self._said
        said[a].pop(b, None)
        said[b].pop(a, None)
        for other, pairs in said[b].items():
            said[a][other] = said[other][a] = said[a].get(other, 0) + pairs
            del said[other][b]
        said[b] = {}
        self.groups[a] += self.groups[b]
        for member in self.groups.pop(b):
            self._home[member] = a
        for other in self._apart.pop(b, ()):
            self._apart[other].discard(b)
            self._apart[other].add(a)
            self._apart.setdefault(a, set()).add(other)
