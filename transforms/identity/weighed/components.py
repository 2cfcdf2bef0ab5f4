"""Third layer: the records' graph falls into entities.

Everything taken in is commutative and idempotent; what is decided is a function of what stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

from transforms.identity.components import entity_id_of
from transforms.identity.graph import DECISION_BITS
from transforms.identity.messages import PERSONAL, Version
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import MUST_LINK, Judge
from transforms.identity.weighed.linkage import MOST_BITS, cut
from transforms.identity.weighed.messages import Crowd, Edges, Ruling, Stand
from transforms.identity.weighed.pairs import bits_in_crowd, crowded, is_unsaid

MOST_WEIGHED = 50_000
NO_CROWD = (False, False)
Pair = tuple[int, int]
Crowded = tuple[bool, bool]


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
        self.crowds: dict[str, int] = {}
        """Mailboxes and numbers that are not one person's, as their blocks say."""
        self._told: dict[str, int] = {}
        """Of every one that a block ever spoke of, the count of its latest word."""
        self._weighed: dict[Pair, tuple[Stand, Stand, Crowded, int]] = {}
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

    def crowd(self, message: Crowd) -> None:
        """Takes in whose a mailbox or number is."""
        self._dirty.update(message.turned)
        if message.count <= self._told.get(message.key, 0):
            return
        self._told[message.key] = message.count
        if message.crowd == PERSONAL:
            self.crowds.pop(message.key, None)
        else:
            self.crowds[message.key] = message.crowd

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
                and not standing.ghost
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
        """The records of the entity that a record belongs to, in rank; none of a deleted one or
        one that was merged away."""
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
        """Live records that edges under the current versions lead to, and their bits."""
        found = self._linked(record)
        return {other: bits for other, bits in found.items() if other in self._home}

    def _linked(self, record: int) -> dict[int, int]:
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
        if 0 < best < MUST_LINK and self.crowds:
            again = bits_in_crowd(here.features, there.features, self.crowds, self._judge)
            return best if again is None else again
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
            onward = list(self._linked(record)) if record in self._edges else []
            key = self._standing[record].key
            for other_key in self._ruled.get(key, ()):
                other = self._by_key.get(other_key)
                if other is None or self._is_no_kin(record, other):
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

    def _is_no_kin(self, record: int, other: int) -> bool:
        """True of one that is gone, and of a person beside an account, whoever says that they are
        one."""
        here, there = self.live(record), self.live(other)
        return here is None or there is None or here.kind != there.kind

    def _place(self, component: list[int], must: list[Pair], cannot: list[Pair]) -> None:
        standing = self._standing
        if len(component) == 1:
            if not standing[component[0]].ghost:
                self._home[component[0]] = component[0]
            return
        component.sort(key=self._key)
        if len(component) == 2 and not must and not cannot:
            one, other = component
            if not standing[one].ghost and not standing[other].ghost:
                self._place_two(one, other)
                return
        ruled = {(min(pair), max(pair)) for pair in must}

        def said(one: int, other: int) -> int | None:
            return self._said(min(one, other), max(one, other), ruled)

        for group in cut(component, self._linked, said, must, cannot):
            ranked = sorted((one for one in group if not standing[one].ghost), key=self._rank)
            if not ranked:
                continue
            name = ranked[0]
            for record in ranked:
                self._home[record] = name
            if len(ranked) > 1:
                self._members[name] = tuple(ranked)
                for record in ranked:
                    self._confidence[record] = self._membership(record, group, ruled)

    def _place_two(self, one: int, other: int) -> None:
        """The same for a component of two that nobody ruled on: the most frequent by far."""
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
        """Bits of any two records that are not deleted: the edge's, else worked out."""
        if other < one:
            one, other = other, one
        bits = self._edge_bits(one, other)
        if bits > 0:
            return bits
        here, there = self._standing[one], self._standing[other]
        a, b = here.features, there.features
        assert a is not None and b is not None
        crowd = self.crowded(one, other)
        known = self._weighed.get((one, other))
        if known is not None and known[0] is here and known[1] is there and known[2] == crowd:
            return known[3]
        bits = self._judge.bits(a, b, hot_mail=crowd[0], hot_phone=crowd[1])
        if len(self._weighed) >= MOST_WEIGHED:
            self._weighed.clear()
        self._weighed[one, other] = (here, there, crowd, bits)
        return bits

    def crowded(self, one: int, other: int) -> Crowded:
        """Whether a mailbox, and whether a number, that two records have says nothing of them, as
        it is a crowd's."""
        a, b = self._standing[one].features, self._standing[other].features
        if not self.crowds or a is None or b is None:
            return NO_CROWD
        return crowded(a, b, self.crowds)

    def is_unsaid(self, one: int, other: int) -> bool:
        """True of two that nothing is said of, neither for nor against: a sighting without an
        edge."""
        a, b = self._standing[one].features, self._standing[other].features
        edge = self._edge_bits(min(one, other), max(one, other))
        return a is not None and b is not None and is_unsaid(a, b) and edge <= 0

    def _edge_bits(self, one: int, other: int) -> int:
        shards = self._edges.get(one, {}).get(other)
        return self._bits_of(one, other, shards) if shards is not None else 0

    def _said(self, one: int, other: int, ruled: set[Pair]) -> int | None:
        """What two records of a component are worth to each other, where something is: the smaller
        first."""
        if ruled and (one, other) in ruled:
            return DECISION_BITS
        here, there = self._standing[one], self._standing[other]
        a, b = here.features, there.features
        assert a is not None and b is not None
        if here.ghost or there.ghost or is_unsaid(a, b):
            bits = self._edge_bits(one, other)
            return bits if bits > 0 else None
        return self.pair_bits(one, other)

    def _membership(self, record: int, group: list[int], ruled: set[Pair]) -> float:
        """By the mean of the bits to the others of its cluster."""
        total = count = 0
        for other in group:
            if other == record:
                continue
            bits = self._said(min(record, other), max(record, other), ruled)
            if bits is None:
                continue
            if bits >= MUST_LINK:
                return 1.0
            total += max(-MOST_BITS, min(MOST_BITS, bits))
            count += 1
        features = self.live(record)
        assert features is not None
        return confidence(total / count, features.kind) if count else 1.0
