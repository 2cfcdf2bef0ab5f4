"""Third layer: the records' graph falls into entities.

Everything taken in is commutative and idempotent; what is decided is a function of what stands.
"""

from typing import NamedTuple

from transforms.identity.components import entity_id_of
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import MUST_LINK, Judge
from transforms.identity.weighed.linkage import (
    FLOOR_STEP,
    HIGHEST_FLOOR,
    MOST_BITS,
    MOST_RECORDS,
    clusters,
)
from transforms.identity.weighed.messages import Edges, Ruling, Stand, Version

Pair = tuple[int, int]


class Placed(NamedTuple):
    """Where a record belongs: its entity and the probability of that."""

    entity_id: str
    confidence: float


class _Edge(NamedTuple):
    at: int
    first_version: Version
    second_version: Version
    bits: int


class Components:
    """State of the component layer."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._standing: dict[int, Stand] = {}
        self._by_key: dict[str, int] = {}
        self._edges: dict[int, dict[int, dict[int, _Edge]]] = {}
        """Record -> record -> shard -> edge; the innermost is the same object at both ends."""
        self._rulings: dict[tuple[str, str], Ruling] = {}
        self._ruled: dict[str, set[str]] = {}
        self._dirty: set[int] = set()
        self._known: dict[Pair, int] = {}
        """Bits of pairs without an edge, within a component."""
        self.placed: dict[int, Placed] = {}
        self.members: dict[str, tuple[int, ...]] = {}
        """Entity -> its records; the first in rank names it."""
        self._cluster: dict[int, str] = {}

    def stand(self, message: Stand) -> None:
        """Takes in a version of a record."""
        known = self._standing.get(message.record)
        if known is not None:
            if message.version <= known.version:
                return
            neighbours = self._edges.get(message.record)
            if neighbours:
                self._dirty.update(neighbours)
                self._forget(message, neighbours)
        self._standing[message.record] = message
        self._by_key[message.key] = message.record
        self._dirty.add(message.record)

    def _forget(self, message: Stand, neighbours: dict[int, dict[int, _Edge]]) -> None:
        """Edges of an older version can never count again."""
        me = message.record
        for other in list(neighbours):
            shards = neighbours[other]
            for shard, edge in list(shards.items()):
                own = edge.first_version if me < other else edge.second_version
                if own < message.version:
                    del shards[shard]
            if not shards:
                del neighbours[other]
                del self._edges[other][me]
            self._known.pop((me, other) if me < other else (other, me), None)

    def edges(self, message: Edges) -> None:
        """Takes in what a shard of blocks says."""
        for first, second, first_version, second_version, bits in message.pairs:
            if self._is_stale(first, first_version) or self._is_stale(second, second_version):
                continue
            shards = self._edges.setdefault(first, {}).get(second)
            if shards is None:
                shards = self._edges[first][second] = {}
                self._edges.setdefault(second, {})[first] = shards
            known = shards.get(message.shard)
            if known is not None and known.at >= message.count:
                continue
            shards[message.shard] = _Edge(message.count, first_version, second_version, bits)
            self._dirty.add(first)
            self._dirty.add(second)

    def _is_stale(self, record: int, version: Version) -> bool:
        standing = self._standing.get(record)
        return standing is not None and version < standing.version

    def rule(self, message: Ruling) -> None:
        """Takes in what a person decided; the newest counts."""
        pair = (min(message.left, message.right), max(message.left, message.right))
        known = self._rulings.get(pair)
        if known is not None and (known.version, known.verdict) >= (
            message.version,
            message.verdict,
        ):
            return
        self._rulings[pair] = message
        for one, other in (pair, pair[::-1]):
            self._ruled.setdefault(one, set()).add(other)
            if one in self._by_key:
                self._dirty.add(self._by_key[one])

    def decide(self) -> None:
        """Works out anew the entities of all records that something has changed for."""
        if not self._dirty:
            return
        affected = set(self._dirty)
        for record in self._dirty:
            entity_id = self._cluster.get(record)
            if entity_id is not None:
                affected.update(self.members[entity_id])
        self._dirty = set()
        seen: set[int] = set()
        retired: set[str] = set()
        found: list[tuple[list[int], list[Pair], list[Pair]]] = []
        for record in affected:
            entity_id = self._cluster.pop(record, None)
            if entity_id is not None:
                retired.add(entity_id)
            self.placed.pop(record, None)
        for start in affected:
            if start not in seen:
                connected = self._component(start, seen)
                if connected:
                    found.append(connected)
        for component, _, _ in found:
            for record in component:
                entity_id = self._cluster.get(record)
                if entity_id is not None:
                    retired.add(entity_id)
        for entity_id in retired:
            self.members.pop(entity_id, None)
        for component, must, cannot in found:
            self._place(component, must, cannot)

    def live(self, record: int) -> Features | None:
        """The features that stand of a record; None where none do."""
        standing = self._standing.get(record)
        return standing.features if standing is not None else None

    def neighbours(self, record: int) -> dict[int, int]:
        """Records that edges under the current versions lead to, and their bits."""
        found: dict[int, int] = {}
        for other, shards in self._edges.get(record, {}).items():
            bits = self._bits_of(record, other, shards)
            if bits > 0:
                found[other] = bits
        return found

    def _bits_of(self, one: int, other: int, shards: dict[int, _Edge]) -> int:
        first, second = (one, other) if one < other else (other, one)
        here, there = self._standing.get(first), self._standing.get(second)
        if here is None or there is None or here.features is None or there.features is None:
            return 0
        best = 0
        for edge in shards.values():
            if (
                edge.bits > best
                and edge.first_version == here.version
                and edge.second_version == there.version
            ):
                best = edge.bits
        return best

    def _component(
        self, start: int, seen: set[int]
    ) -> tuple[list[int], list[Pair], list[Pair]] | None:
        """The live records connected to one, and what was ruled among them."""
        seen.add(start)
        if self.live(start) is None:
            return None
        members = [start]
        must: list[Pair] = []
        cannot: list[Pair] = []
        for record in members:
            onward = list(self.neighbours(record)) if record in self._edges else []
            key = self._standing[record].key
            for other_key in self._ruled.get(key, ()):
                other = self._by_key.get(other_key)
                if other is None or self.live(other) is None:
                    continue
                ruling = self._rulings[min(key, other_key), max(key, other_key)]
                if ruling.verdict == "same":
                    must.append((record, other))
                    onward.append(other)
                elif ruling.verdict == "different":
                    cannot.append((record, other))
            for other in onward:
                if other not in seen:
                    seen.add(other)
                    members.append(other)
        return members, must, cannot

    def _place(self, component: list[int], must: list[Pair], cannot: list[Pair]) -> None:
        if len(component) == 1:
            record = component[0]
            standing = self._standing[record]
            assert standing.features is not None
            entity_id = entity_id_of(standing.features.kind, standing.key)
            self._cluster[record] = entity_id
            self.members[entity_id] = (record,)
            self.placed[record] = Placed(entity_id, 1.0)
            return
        component.sort(key=lambda record: self._standing[record].key)
        for group in self._cut(component, must, cannot, 0):
            ranked = sorted(group, key=self._rank)
            standing = self._standing[ranked[0]]
            assert standing.features is not None
            entity_id = entity_id_of(standing.features.kind, standing.key)
            self.members[entity_id] = tuple(ranked)
            for record in ranked:
                self._cluster[record] = entity_id
                self.placed[record] = Placed(entity_id, self._membership(record, group, must))

    def _rank(self, record: int) -> tuple[int, str]:
        standing = self._standing[record]
        return (standing.rank, standing.key)

    def _cut(
        self, component: list[int], must: list[Pair], cannot: list[Pair], floor: int
    ) -> list[list[int]]:
        """Clusters of a component; one too large is cut by a higher floor first."""
        if len(component) > MOST_RECORDS and floor < HIGHEST_FLOOR:
            floor += FLOOR_STEP
            groups = []
            for part in self._parts(component, must, floor):
                groups += self._cut(part, must, cannot, floor)
            return groups
        if len(component) > MOST_RECORDS:
            return [[record] for record in component]
        place = {record: at for at, record in enumerate(component)}

        def among(pairs: list[Pair]) -> list[Pair]:
            return [(place[a], place[b]) for a, b in pairs if a in place and b in place]

        if len(component) == 1:
            return [component]
        found = clusters(
            len(component),
            lambda a, b: self.pair_bits(component[a], component[b]),
            among(must),
            among(cannot),
        )
        return [[component[at] for at in group] for group in found]

    def _parts(self, component: list[int], must: list[Pair], floor: int) -> list[list[int]]:
        inside = set(component)
        joined: dict[int, list[int]] = {}
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
                onward = [o for o, bits in self.neighbours(record).items() if bits >= floor]
                for other in (*onward, *joined.get(record, ())):
                    if other in inside and other not in seen:
                        seen.add(other)
                        part.append(other)
            parts.append(sorted(part, key=lambda record: self._standing[record].key))
        return parts

    def pair_bits(self, one: int, other: int) -> int:
        """Bits of any two live records: the edge's, else worked out."""
        shards = self._edges.get(one, {}).get(other)
        if shards is not None:
            bits = self._bits_of(one, other, shards)
            if bits > 0:
                return bits
        a, b = self.live(one), self.live(other)
        assert a is not None and b is not None
        return self._judge.bits(a, b)

    def _membership(self, record: int, group: list[int], must: list[Pair]) -> float:
        """By the mean of the bits to the others of its cluster."""
        others = [other for other in group if other != record]
        if not others:
            return 1.0
        ruled = {frozenset(pair) for pair in must}
        total = 0
        for other in others:
            bits = self.pair_bits(record, other)
            if bits >= MUST_LINK or frozenset((record, other)) in ruled:
                return 1.0
            total += max(-MOST_BITS, min(MOST_BITS, bits))
        return confidence(total / len(others))
