"""The graph of records: which version of each stands, and which edges count under these.

Everything taken in is commutative and idempotent: the graph is a function of the set of messages.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from transforms.erasure import Marks
from transforms.identity.evidence import MUST_LINK_BITS, REFUSED, Evidence
from transforms.identity.messages import (
    NO_VERSION,
    PERSONAL,
    Answer,
    Decision,
    Digest,
    Edge,
    Standing,
    Version,
)

DECISION_BITS = 60 * 256
"""A person's word counts above a source's."""
DECISION_KEY = "decision:"

_Pair = dict[str, tuple[int, Edge]]
"""Blocking key -> its block's count at the decision, and the edge."""


Neighbour = tuple[str, int, str]
"""A record, the bits of the best edge that leads to it, and that edge's blocking key."""


class Component(NamedTuple):
    """Records that edges connect, and each one's edges that count."""

    members: dict[str, Digest]
    edges: dict[str, list[Neighbour]]


class Node:
    """A record: the version that stands, and newer ones that wait for their blocks' answers.

    A version stands once every block that it joined has answered. Until then the one before goes
    on to stand, so that an update never shows as a record torn off and put back.
    """

    __slots__ = ("heard", "standing", "waiting")

    def __init__(self) -> None:
        self.standing: Standing | None = None
        # None, not empty: most records wait for nothing, and there are millions.
        self.waiting: dict[Version, Standing] | None = None
        self.heard: dict[Version, set[str]] | None = None


class Graph:
    """Records, edges and decisions. `dirty` holds the records whose component may have changed,
    `stirred` those of which only the possible matches may have: edges below zero join nobody."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.crowds: dict[str, int] = {}
        """Keys whose value is not one person's, as their blocks say."""
        self._told: dict[str, int] = {}
        """Of every key of which a block ever said so: the block's count at its latest change."""
        self._early: dict[str, dict[str, int]] = {}
        """Key -> records that joined its block after a change (its count) that is still to come."""
        self.nodes: dict[str, Node] = {}
        self.dirty: set[str] = set()
        self.stirred: set[str] = set()
        self.doubtful: set[str] = set()
        """Records that an edge ever led to and did not join: the others are no question."""
        self._edges: dict[str, dict[str, _Pair]] = {}
        self._decisions: dict[str, dict[str, Decision]] = {}

    def digest(self, record_key: str) -> Digest | None:
        """What stands of a record; None where nothing does, or it is deleted."""
        node = self.nodes.get(record_key)
        return node.standing.digest if node is not None and node.standing is not None else None

    def stand(self, standing: Standing) -> None:
        """Takes in a version of a record."""
        node = self._node(standing.record_key)
        if node.standing is not None and standing.version <= node.standing.version:
            return
        if node.waiting is None:
            node.waiting = {}
        node.waiting[standing.version] = standing
        self._settle(standing.record_key, node)

    def answer(self, answer: Answer) -> None:
        """Takes in a block's answer and its edges."""
        for edge in answer.edges:
            self._take_edge(answer.key, answer.count, edge)
        if answer.since > self._told.get(answer.key, 0):
            self._hear_of_crowd(answer)
        if not answer.record_key:
            return
        node = self._node(answer.record_key)
        if node.standing is not None and answer.version <= node.standing.version:
            return
        if node.heard is None:
            node.heard = {}
        node.heard.setdefault(answer.version, set()).add(answer.key)
        self._settle(answer.record_key, node)

    def _hear_of_crowd(self, answer: Answer) -> None:
        """Takes in a change of what a key is told to be, or who waits for one.

        The change counts from when it comes on, and all whom it concerns are decided then: those
        whom it names, and those who joined after it and were heard of first. So what is decided is
        never behind what is known, and may be worked out again from the log in silence.
        """
        key = answer.key
        early = self._early.pop(key, {})
        if answer.count == answer.since:
            self._told[key] = answer.since
            if answer.crowd == PERSONAL:
                self.crowds.pop(key, None)
            else:
                self.crowds[key] = answer.crowd
            self.dirty.update(answer.turned, early)
            early = {name: since for name, since in early.items() if since > answer.since}
        else:
            for name in answer.turned:
                early[name] = max(answer.since, early.get(name, 0))
        if early:
            self._early[key] = early

    def told(self) -> Iterator[Answer]:
        """Messages that make anew what blocks said of their keys, and who waits for it."""
        for key, count in self._told.items():
            crowd = self.crowds.get(key, PERSONAL)
            yield Answer(key, count, "", NO_VERSION, (), crowd, count)
        for key, early in self._early.items():
            for name, since in early.items():
                yield Answer(key, since + 1, "", NO_VERSION, (), PERSONAL, since, (name,))

    def forget(self, marks: Marks) -> None:
        """Drops the keys of those who have left for good."""
        for key in [key for key in self._told if marks.in_text(key)]:
            del self._told[key]
            self.crowds.pop(key, None)

    def decide(self, decision: Decision) -> None:
        """Takes in what a person decided about a pair; the newest decision counts."""
        known = self._decisions.get(decision.left, {}).get(decision.right)
        if known is not None and (known.version, known.verdict) >= (
            decision.version,
            decision.verdict,
        ):
            return
        for one, other in ((decision.left, decision.right), (decision.right, decision.left)):
            self._decisions.setdefault(one, {})[other] = decision
            self.dirty.add(one)

    def _node(self, record_key: str) -> Node:
        node = self.nodes.get(record_key)
        if node is None:
            node = self.nodes[record_key] = Node()
        return node

    def _settle(self, record_key: str, node: Node) -> None:
        waiting, heard = node.waiting, node.heard or {}
        if waiting is None:
            return
        newest: Version | None = None
        for version, standing in waiting.items():
            complete = standing.keys == 0 or len(heard.get(version, ())) >= standing.keys
            if complete and (newest is None or version > newest):
                newest = version
        if newest is None:
            return
        node.standing = waiting[newest]
        node.waiting = {v: s for v, s in waiting.items() if v > newest} or None
        node.heard = {v: keys for v, keys in heard.items() if v > newest} or None
        self.dirty.add(record_key)
        self.dirty.update(self._decisions.get(record_key, ()))
        self._forget_stale(record_key, newest)

    def _forget_stale(self, record_key: str, version: Version) -> None:
        """Edges of an older version can never count again."""
        neighbours = self._edges.get(record_key)
        if not neighbours:
            return
        for other, pair in list(neighbours.items()):
            (self.dirty if _joins(pair) else self.stirred).add(other)
            for key, (_, edge) in list(pair.items()):
                own = edge.left_version if edge.left == record_key else edge.right_version
                if own < version:
                    del pair[key]
            if not pair:
                del neighbours[other]
                del self._edges[other][record_key]
                if not self._edges[other]:
                    del self._edges[other]
        if not neighbours:
            del self._edges[record_key]

    def _take_edge(self, key: str, count: int, edge: Edge) -> None:
        for end, version in ((edge.left, edge.left_version), (edge.right, edge.right_version)):
            node = self.nodes.get(end)
            if node is not None and node.standing is not None and version < node.standing.version:
                return
        pair = self._edges.setdefault(edge.left, {}).setdefault(edge.right, {})
        self._edges.setdefault(edge.right, {})[edge.left] = pair
        known = pair.get(key)
        if known is not None and known[0] >= count:
            return
        pair[key] = (count, edge)
        if edge.bits < 0:
            self.doubtful.update((edge.left, edge.right))
        joins = edge.bits > 0 or (known is not None and known[1].bits > 0)
        changed = self.dirty if joins else self.stirred
        changed.add(edge.left)
        changed.add(edge.right)

    def _neighbours(self, record_key: str) -> list[Neighbour]:
        """The records that edges which count lead to, each with its best bits and their key."""
        decided = self._decisions.get(record_key, {})
        found = []
        for other, pair in self._edges.get(record_key, {}).items():
            there = self.digest(other)
            if there is None:
                continue
            bits, best = self._strongest(record_key, there, pair)
            if bits > 0 and not (other in decided and decided[other].verdict == "same"):
                found.append((other, bits, best))
        here = self.digest(record_key) if decided else None
        for other, decision in decided.items():
            there = self.digest(other)
            # A person and an account are never one, whoever says so.
            if decision.verdict == "same" and here and there and here.kind == there.kind:
                found.append((other, DECISION_BITS, DECISION_KEY))
        return found

    def _strongest(self, record_key: str, there: Digest, pair: _Pair) -> tuple[int, str]:
        """The most bits that speak for a pair, and their key; 0 where an edge does not count."""
        bits, best = 0, ""
        for key, (_, edge) in pair.items():
            if edge.bits > bits or (edge.bits == bits > 0 and key < best):
                bits, best = edge.bits, key
        if bits and self.crowds and bits < MUST_LINK_BITS:
            here = self.digest(record_key)
            again = self._evidence.again(here, there, self.crowds) if here else None
            if again is not None:
                bits = again
                if bits <= 0:
                    self.doubtful.add(record_key)
        return bits, best

    def possible(self, record_key: str, entity_of: Mapping[str, str]) -> Iterator[Neighbour]:
        """The live records of other entities that evidence leads to, be it too little, and that
        nobody has decided on."""
        own, decided = entity_of.get(record_key), self._decisions.get(record_key, {})
        for other, pair in self._edges.get(record_key, {}).items():
            if entity_of.get(other, own) == own:
                continue
            there = self.digest(other)
            if there is None or there.ghost:
                continue
            if other in decided and decided[other].verdict != "withdrawn":
                continue
            bits, best = self._strongest(record_key, there, pair)
            if bits > 0:
                yield (other, bits, best)
                continue
            below = [(edge.bits, key) for key, (_, edge) in pair.items() if edge.bits < 0]
            if REFUSED < bits < 0:
                below.append((bits, best))
            if below:
                yield (other, *max(below))

    @property
    def decided(self) -> bool:
        """Whether a person decided anything."""
        return bool(self._decisions)

    def told_apart(self, record_key: str) -> Iterator[str]:
        """Records that a person said are not this one."""
        for other, decision in self._decisions.get(record_key, {}).items():
            if decision.verdict == "different":
                yield other

    def cannot_link(self, record_keys: Iterable[str]) -> frozenset[tuple[str, str]]:
        """Pairs among these that a person held apart."""
        if not self._decisions:
            return frozenset()
        among = set(record_keys)
        return frozenset(
            (min(one, other), max(one, other))
            for one in among
            for other, decision in self._decisions.get(one, {}).items()
            if decision.verdict == "different" and other in among
        )

    def component(self, start: str, seen: set[str]) -> Component:
        """The records connected to `start`, itself first; all are added to `seen`."""
        members: dict[str, Digest] = {}
        edges: dict[str, list[Neighbour]] = {}
        ahead = [start]
        seen.add(start)
        while ahead:
            record_key = ahead.pop()
            digest = self.digest(record_key)
            if digest is None:
                continue
            members[record_key] = digest
            if record_key in self._edges or record_key in self._decisions:
                found = edges[record_key] = self._neighbours(record_key)
                for other, _, _ in found:
                    if other not in seen:
                        seen.add(other)
                        ahead.append(other)
        return Component(members, edges)

    def known(self) -> list[str]:
        """Every record that any message has spoken of, also before its own standing came."""
        return list(dict.fromkeys((*self.nodes, *self._edges, *self._decisions)))

    def messages_of(self, record_key: str) -> Iterator[Standing | Answer | Decision]:
        """Messages that make this record, and the edges and decisions of which it is the left end,
        anew."""
        node = self.nodes.get(record_key)
        if node is not None:
            if node.standing is not None:
                standing = node.standing
                yield Standing(record_key, standing.version, standing.digest, 0)
            yield from (node.waiting or {}).values()
            for version, keys in (node.heard or {}).items():
                yield from (Answer(key, 0, record_key, version, ()) for key in sorted(keys))
        for other, pair in self._edges.get(record_key, {}).items():
            if record_key < other:
                for key, (count, edge) in pair.items():
                    yield Answer(key, count, "", edge.left_version, (edge,))
        for decision in self._decisions.get(record_key, {}).values():
            if decision.left == record_key:
                yield decision


def _joins(pair: _Pair) -> bool:
    return any(edge.bits > 0 for _, edge in pair.values())
