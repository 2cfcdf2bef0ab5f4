"""Third layer: the records' graph falls into entities.

Everything taken in is commutative and idempotent; what is decided is a function of what stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

from transforms.identity.components import entity_id_of
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import MUST_LINK, Judge
from transforms.identity.weighed.keys import value_keys
from transforms.identity.weighed.linkage import MOST_BITS, cut
from transforms.identity.weighed.messages import Edges, Hot, Ruling, Stand, Version

MOST_WEIGHED = 50_000
Pair = tuple[int, int]


class _Edge(NamedTuple):
    shard: int
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
        self._edges: dict[int, dict[int, tuple[_Edge, ...]]] = {}
        """Record -> record -> edges, one a shard; the same object at both ends."""
        self._rulings: dict[tuple[str, str], Ruling] = {}
        self._ruled: dict[str, set[str]] = {}
        self._hot: dict[str, Hot] = {}
        self._weighed: dict[Pair, tuple[Stand, Stand, int]] = {}
        """Bits of pairs without an edge under the versions that stood: a component that grows by
        one need not be weighed all anew."""
        self._dirty: set[int] = set()
        self._home: dict[int, int] = {}
        """Live record -> the record that names its entity, the first of its members in rank."""
        self._members: dict[int, tuple[int, ...]] = {}
        """By the naming record, members in rank; of entities with more than one."""
        self._confidence: dict[int, float] = {}
        """Of members of these."""

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

    def _forget(self, message: Stand, neighbours: dict[int, tuple[_Edge, ...]]) -> None:
        """Edges of an older version can never count again."""
        me = message.record
        for other in list(neighbours):
            shards = tuple(
                edge
                for edge in neighbours[other]
                if (edge.first_version if me < other else edge.second_version) >= message.version
            )
            if shards:
                neighbours[other] = self._edges[other][me] = shards
            else:
                del neighbours[other]
                del self._edges[other][me]

    def edges(self, message: Edges) -> None:
        """Takes in what a shard of blocks says."""
        for first, second, first_version, second_version, bits in message.pairs:
            if self._is_stale(first, first_version) or self._is_stale(second, second_version):
                continue
            onward = self._edges.setdefault(first, {})
            edge = _Edge(message.shard, message.count, first_version, second_version, bits)
            known = onward.get(second, ())
            if any(e.shard == edge.shard and e.at >= edge.at for e in known):
                continue
            shards = (edge, *(e for e in known if e.shard != edge.shard)) if known else (edge,)
            onward[second] = self._edges.setdefault(second, {})[first] = shards
            self._dirty.add(first)
            self._dirty.add(second)

    def _is_stale(self, record: int, version: Version) -> bool:
        standing = self._standing.get(record)
        return standing is not None and version < standing.version

    def hot(self, message: Hot) -> None:
        """Takes in that a mailbox or number is hot, or no longer."""
        known = self._hot.get(message.key)
        if known is not None and known.count >= message.count:
            return
        self._hot[message.key] = message
        self._weighed.clear()
        for record in self._edges:
            features = self.live(record)
            if features is not None and message.key in value_keys(features):
                self._dirty.add(record)

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
        dirty, home = self._dirty, self._home
        if len(dirty) == 1:
            # Most new records are like no other.
            (alone,) = dirty
            standing = self._standing.get(alone)
            if (
                standing is not None
                and standing.features is not None
                and alone not in home
                and alone not in self._edges
                and standing.key not in self._ruled
            ):
                home[alone] = alone
                dirty.clear()
                return
        if not dirty:
            return
        self._dirty = set()
        affected = set(dirty)
        for record in dirty:
            affected.update(self.group(record))
        seen: set[int] = set()
        components = []
        for start in affected:
            if start not in seen:
                connected = self._component(start, seen)
                if connected:
                    components.append(connected)
        for record in affected | seen:
            self._members.pop(home.pop(record, -1), None)
            self._confidence.pop(record, None)
        for component, must, cannot in components:
            self._place(component, must, cannot)

    def group(self, record: int) -> tuple[int, ...]:
        """The records of the entity that a record belongs to, in rank; none of a deleted one."""
        name = self._home.get(record)
        return () if name is None else self._members.get(name, (name,))

    def entity_id(self, record: int) -> str | None:
        """The entity that a record belongs to; None of a deleted one."""
        name = self._home.get(record)
        return None if name is None else self.own_entity_id(name)

    def own_entity_id(self, record: int) -> str:
        """The id of the entity that a live record names, or would name alone."""
        standing = self._standing[record]
        assert standing.features is not None
        return entity_id_of(standing.features.kind, standing.key)

    def confidence(self, record: int) -> float:
        """Probability that a record belongs to its entity."""
        return self._confidence.get(record, 1.0)

    def records(self) -> Iterable[int]:
        """Every live record."""
        return self._home

    def entities(self) -> int:
        """How many there are."""
        return len(set(self._home.values()))

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

    def _bits_of(self, one: int, other: int, shards: tuple[_Edge, ...]) -> int:
        first, second = (one, other) if one < other else (other, one)
        here, there = self._standing.get(first), self._standing.get(second)
        if here is None or there is None or here.features is None or there.features is None:
            return 0
        best = 0
        for edge in shards:
            if (
                edge.bits > best
                and edge.first_version == here.version
                and edge.second_version == there.version
            ):
                best = edge.bits
        if best > 0 and self._hot:
            hot_mail, hot_phone = self._hot_between(here.features, there.features)
            if hot_mail or hot_phone:
                return self._judge.bits(
                    here.features, there.features, hot_mail=hot_mail, hot_phone=hot_phone
                )
        return best

    def _hot_between(self, a: Features, b: Features) -> tuple[bool, bool]:
        """Whether a mailbox, and whether a number, that both have is hot."""
        hot = [
            key
            for key in set(value_keys(a)).intersection(value_keys(b))
            if (known := self._hot.get(key)) is not None and known.is_hot
        ]
        return any(key[0] == "e" for key in hot), any(key[0] == "t" for key in hot)

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
            self._home[component[0]] = component[0]
            return
        component.sort(key=self._key)
        if len(component) == 2 and not must and not cannot:
            self._place_two(component)
            return
        for group in cut(component, self.neighbours, self.pair_bits, must, cannot):
            ranked = sorted(group, key=self._rank)
            name = ranked[0]
            for record in ranked:
                self._home[record] = name
            if len(ranked) > 1:
                self._members[name] = tuple(ranked)
                for record in ranked:
                    self._confidence[record] = self._membership(record, group, must)

    def _place_two(self, component: list[int]) -> None:
        """The same for a component of two that nobody ruled on: the most frequent by far."""
        one, other = component
        bits = self.pair_bits(one, other)
        if bits <= 0:
            self._home[one], self._home[other] = one, other
            return
        if self._standing[other].rank < self._standing[one].rank:
            one, other = other, one
        self._home[one] = self._home[other] = one
        self._members[one] = (one, other)
        features = self._standing[one].features
        assert features is not None
        sure = 1.0 if bits >= MUST_LINK else confidence(min(MOST_BITS, bits), features.kind)
        self._confidence[one] = self._confidence[other] = sure

    def _key(self, record: int) -> str:
        return self._standing[record].key

    def _rank(self, record: int) -> tuple[int, str]:
        standing = self._standing[record]
        return (standing.rank, standing.key)

    def pair_bits(self, one: int, other: int) -> int:
        """Bits of any two live records: the edge's, else worked out."""
        if other < one:
            one, other = other, one
        shards = self._edges.get(one, {}).get(other)
        if shards is not None:
            bits = self._bits_of(one, other, shards)
            if bits > 0:
                return bits
        here, there = self._standing[one], self._standing[other]
        known = self._weighed.get((one, other))
        if known is not None and known[0] is here and known[1] is there:
            return known[2]
        a, b = here.features, there.features
        assert a is not None and b is not None
        hot_mail, hot_phone = self._hot_between(a, b) if self._hot else (False, False)
        bits = self._judge.bits(a, b, hot_mail=hot_mail, hot_phone=hot_phone)
        if len(self._weighed) >= MOST_WEIGHED:
            self._weighed.clear()
        self._weighed[one, other] = (here, there, bits)
        return bits

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
        features = self.live(record)
        assert features is not None
        return confidence(total / len(others), features.kind)
