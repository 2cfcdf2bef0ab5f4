"""Clusters of one connected component: a pure function of its records, edges and decisions."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, Protocol

from transforms.identity.evidence import MUST_LINK_BITS, Evidence, ExactEvidence
from transforms.identity.graph import Neighbour
from transforms.identity.messages import Digest
from transforms.identity.rules import given_conflict
from transforms.settings import Settings

Pair = tuple[str, str]


class Clustering(Protocol):
    """How a component falls into clusters. The seam at which another engine may stand."""

    def partition(
        self,
        members: Mapping[str, Digest],
        edges: Mapping[str, Sequence[Neighbour]],
        cannot_link: frozenset[Pair],
        crowds: Mapping[str, int],
    ) -> list[list[str]]:
        """The clusters, each sorted by record key, in the order of their first keys.

        The members are connected by `edges`, which holds each edge under both its ends; the result
        must not depend on the order of any of them. `crowds` is what blocks say of keys that are
        not one person's.
        """
        ...


class Matching(NamedTuple):
    """What the layers go by; the two belong together."""

    evidence: Evidence
    clustering: Clustering


class _Cluster:
    """What a cluster as a whole can be held apart by."""

    __slots__ = ("given", "keys", "suffixes")

    def __init__(self, key: str, digest: Digest) -> None:
        self.keys = [key]
        self.given = {digest.given} if digest.given and not digest.shared else set()
        self.suffixes = {digest.suffix} if digest.suffix else set()


class StrongestFirst:
    """Joins along the strongest edges first, and never two clusters that a rule holds apart.

    Must-links of the sources pass by the rules on names (a person may be renamed there), but not by
    what a person decided.
    """

    def partition(
        self,
        members: Mapping[str, Digest],
        edges: Mapping[str, Sequence[Neighbour]],
        cannot_link: frozenset[Pair],
        crowds: Mapping[str, int],
    ) -> list[list[str]]:
        """See `Clustering`."""
        if not cannot_link and not _any_conflict(members.values()):
            return [sorted(members)]
        cluster_of = {key: _Cluster(key, digest) for key, digest in members.items()}
        strongest_first = sorted(
            (-bits, key, other)
            for key, neighbours in edges.items()
            for other, bits, _ in neighbours
            if key < other
        )
        for bits, a, b in strongest_first:
            one, other = cluster_of[a], cluster_of[b]
            if one is other or _forbidden(one, other, cannot_link):
                continue
            if -bits < MUST_LINK_BITS and _conflict(one, other):
                continue
            if len(one.keys) < len(other.keys):
                one, other = other, one
            one.keys += other.keys
            one.given |= other.given
            one.suffixes |= other.suffixes
            for key in other.keys:
                cluster_of[key] = one
        found = {id(cluster): cluster for cluster in cluster_of.values()}
        return sorted(sorted(cluster.keys) for cluster in found.values())


def exact(settings: Settings) -> Matching:
    """By exact identifiers."""
    return Matching(ExactEvidence(settings), StrongestFirst())


def _any_conflict(members: Iterable[Digest]) -> bool:
    """False where no rule holds any two members apart, as in nearly every component."""
    given = set()
    suffixes = set()
    for member in members:
        if member.given and not member.shared:
            given.add(member.given)
        if member.suffix:
            suffixes.add(member.suffix)
    if len(suffixes) > 1:
        return True
    return len(given) > 1 and any(given_conflict(*pair) for pair in combinations(sorted(given), 2))


def _forbidden(a: _Cluster, b: _Cluster, cannot_link: frozenset[Pair]) -> bool:
    if not cannot_link:
        return False
    return any((min(x, y), max(x, y)) in cannot_link for x in a.keys for y in b.keys)


def _conflict(a: _Cluster, b: _Cluster) -> bool:
    """Generations that differ, or given names of which no pair agrees, are two people.

    One pair that agrees is enough: a cluster that a source's own id has joined under two names may
    go on to take in records under either.
    """
    if a.suffixes and b.suffixes and not a.suffixes & b.suffixes:
        return True
    return bool(a.given and b.given) and all(
        given_conflict(*sorted((x, y))) for x in a.given for y in b.given
    )
