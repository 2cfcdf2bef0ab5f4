"""The pairs that hold a cluster together: its strongest spanning forest, a function of its edges.

One pair fewer than there are records says why all of them are one, and one path joins every two of
them. Which of equal pairs holds is drawn by their hash: were it that of the smallest key, each
smaller one that came would rewrite the pairs of all the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple
from zlib import crc32

from transforms.identity.graph import Neighbour


class Bond(NamedTuple):
    """Two records of a cluster, the smaller key first, the bits for them and their key."""

    left: str
    right: str
    bits: int
    key: str


Judged = Callable[[str, str], int | None]
"""Bits of two records that share no key."""


def draw(left: str, right: str) -> int:
    """A number that decides between equals, the same everywhere and fair to all."""
    return crc32(f"{left} {right}".encode())


def bonds(
    cluster: Sequence[str],
    edges: Mapping[str, Sequence[Neighbour]],
    ghosts: frozenset[str],
    judged: Judged,
) -> list[Bond]:
    """The pairs that hold a cluster together. `ghosts` are no members of it: they are named where
    they lie between members, and nowhere else."""
    if len(cluster) - len(ghosts) < 2:
        return []
    if len(cluster) == 2:
        # The most frequent by far.
        one, other = sorted(cluster)
        for neighbour, bits, by in edges.get(one, ()):
            if neighbour == other:
                return [Bond(one, other, bits, by)]
        return [Bond(one, other, judged(one, other) or 0, "")]
    forest = {key: key for key in cluster}
    found = list(_join(forest, _strongest_first(cluster, edges, forest)))
    if len(found) < len(cluster) - 1:
        # The means of average linkage join what shares no key, too.
        found += _join(forest, _without_edge(cluster, forest, judged))
    while ghosts:
        ends = [end for bond in found for end in (bond.left, bond.right)]
        loose = {key for key in ghosts if ends.count(key) == 1}
        if not loose:
            break
        found = [bond for bond in found if bond.left not in loose and bond.right not in loose]
    return found


def _strongest_first(
    cluster: Sequence[str], edges: Mapping[str, Sequence[Neighbour]], inside: Mapping[str, str]
) -> list[Bond]:
    pairs = [
        Bond(key, other, bits, by)
        for key in cluster
        for other, bits, by in edges.get(key, ())
        if key < other and other in inside
    ]
    if len(pairs) > 1:
        pairs.sort(key=_strength)
    return pairs


def _strength(bond: Bond) -> tuple[int, int, str, str]:
    return (-bond.bits, draw(bond.left, bond.right), bond.left, bond.right)


def _without_edge(cluster: Sequence[str], forest: dict[str, str], judged: Judged) -> list[Bond]:
    pairs = [
        Bond(left, right, bits, "")
        for left, right in combinations(sorted(cluster), 2)
        if _root(forest, left) != _root(forest, right) and (bits := judged(left, right) or 0) > 0
    ]
    return sorted(pairs, key=_strength)


def _join(forest: dict[str, str], pairs: Sequence[Bond]) -> Iterator[Bond]:
    for bond in pairs:
        one, other = _root(forest, bond.left), _root(forest, bond.right)
        if one != other:
            forest[other] = one
            yield bond


def _root(forest: dict[str, str], key: str) -> str:
    while forest[key] != key:
        forest[key] = forest[forest[key]]
        key = forest[key]
    return key
