"""Second layer, keyed by blocking key: the records that share one are compared.

An edge holds while its bits are above zero and its two records share a key that is not hot: a
function of the live members alone. Nothing sticks: a key that falls back to its limit speaks again.
"""

from collections.abc import Callable, Iterable

from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.keys import BROAD, MOST_MEMBERS, MOST_OF_BROAD, all_keys
from transforms.identity.weighed.messages import Edges, Hot, Join, Version, WeighedPair

_NOBODY: dict[int, int] = {}
TOLD = ("e:", "t:")
"""Families of which others must know what is hot: their values are evidence under other keys."""
Limit = Callable[[str], int]
"""Of a key: how many records may share it before it is hot."""


class Blocks:
    """State of one shard of blocks."""

    def __init__(self, judge: Judge, shard: int = 0, limit: Limit | None = None) -> None:
        self._judge = judge
        self._limit = limit or most_members
        self._shard = shard
        self._count = 0
        self._turned: dict[str, bool] = {}
        """Mailboxes and numbers that have become hot with this message, or have ceased to be."""
        # Most keys have one member alone, which is kept as it is.
        self._members: dict[str, int | list[int]] = {}
        self._version: dict[int, Version] = {}
        self._features: dict[int, Features | None] = {}
        self._edges: dict[int, dict[int, int]] = {}

    def _keys(self, record: int) -> list[str]:
        """The keys under which a record stands here: worked out anew, as they are seldom asked for
        and would take more room than all else."""
        features = self._features.get(record)
        if features is None:
            return []
        found = []
        for key in dict.fromkeys(all_keys(features)):
            members = self._members.get(key)
            if members == record or (isinstance(members, list) and record in members):
                found.append(key)
        return found

    def hot_keys(self) -> list[str]:
        """Keys that too many records share to say anything of them."""
        return [
            key
            for key, members in self._members.items()
            if isinstance(members, list) and len(members) > self._limit(key)
        ]

    def peers(self, record: int) -> set[int]:
        """Records that share a key with this one which is not hot."""
        found: set[int] = set()
        for key in self._keys(record):
            members = self._members[key]
            if isinstance(members, list) and len(members) <= self._limit(key):
                found.update(members)
        found.discard(record)
        return found

    def shared_keys(self, one: int, other: int) -> set[str]:
        """Keys that two records have in common, hot ones too."""
        return set(self._keys(one)).intersection(self._keys(other))

    def receive(self, join: Join) -> list[Edges | Hot]:
        """What changes of the edges and hot keys; nothing where the message is late."""
        me = join.record
        known = self._version.get(me)
        if known is not None and join.version <= known:
            return []
        self._version[me] = join.version
        pairs: list[WeighedPair] = []
        candidates: set[int] = set()
        if known is None:
            self._features[me] = join.features
            blocks = self._members
            for key in join.keys:
                # Most keys are nobody's yet.
                if blocks.setdefault(key, me) is not me:
                    self._enter(key, me, candidates, pairs)
        else:
            self._replace(me, join, candidates, pairs)
        if candidates:
            self._weigh(me, candidates, pairs)
        if not pairs and not self._turned:
            return []
        self._count += 1
        told: list[Edges | Hot] = [
            Hot(key, self._count, is_hot) for key, is_hot in self._turned.items()
        ]
        self._turned = {}
        if pairs:
            told.append(Edges(self._shard, self._count, pairs))
        return told

    def _weigh(
        self,
        me: int,
        candidates: Iterable[int],
        pairs: list[WeighedPair],
    ) -> None:
        features, versions = self._features, self._version
        mine = features[me]
        assert mine is not None
        edge_bits = self._judge.edge_bits
        mine_edges = None
        for other in candidates:
            theirs = features[other]
            assert theirs is not None
            bits = edge_bits(mine, theirs)
            if bits > 0:
                if mine_edges is None:
                    mine_edges = self._edges.setdefault(me, {})
                mine_edges[other] = bits
                self._edges.setdefault(other, {})[me] = bits
                if me < other:
                    pairs.append((me, other, versions[me], versions[other], bits))
                else:
                    pairs.append((other, me, versions[other], versions[me], bits))

    def _enter(
        self,
        key: str,
        me: int,
        candidates: set[int],
        pairs: list[WeighedPair],
    ) -> None:
        members = self._members.get(key)
        if members is None:
            self._members[key] = me
        elif isinstance(members, int):
            self._members[key] = [members, me]
            candidates.add(members)
        else:
            count, most = len(members), self._limit(key)
            if count < most:
                candidates.update(members)
            elif count == most:
                self._heat(key, members, pairs)
            members.append(me)

    def _replace(
        self,
        me: int,
        join: Join,
        candidates: set[int],
        pairs: list[WeighedPair],
    ) -> None:
        """A newer version: its old edges are void with its old version and need no taking back."""
        before = self._keys(me)
        for other in self._edges.pop(me, _NOBODY):
            del self._edges[other][me]
        self._features[me] = join.features
        kept = set(join.keys)
        for key in before:
            if key not in kept:
                self._leave(key, me, pairs)
        for key in join.keys:
            if key in before:
                members = self._members[key]
                if isinstance(members, list) and len(members) <= self._limit(key):
                    candidates.update(members)
            else:
                self._enter(key, me, candidates, pairs)
        candidates.discard(me)

    def _leave(self, key: str, me: int, pairs: list[WeighedPair]) -> None:
        members = self._members[key]
        if isinstance(members, int):
            del self._members[key]
            return
        members.remove(me)
        if len(members) == 1:
            self._members[key] = members[0]
        elif len(members) == self._limit(key):
            if key.startswith(TOLD):
                self._turned[key] = False
            for place, one in enumerate(members):
                edges = self._edges.get(one, _NOBODY)
                self._weigh(one, [o for o in members[:place] if o not in edges], pairs)

    def _heat(self, key: str, members: list[int], pairs: list[WeighedPair]) -> None:
        """Takes back the edges that nothing else holds."""
        if key.startswith(TOLD):
            self._turned[key] = True
        inside = set(members)
        for one in members:
            edges = self._edges.get(one)
            if not edges:
                continue
            for other in [o for o in edges if o > one and o in inside]:
                if not self._share(one, other, key):
                    del edges[other], self._edges[other][one]
                    pairs.append((one, other, self._version[one], self._version[other], 0))

    def _share(self, one: int, other: int, but: str) -> bool:
        """Whether another key that is not hot holds the two together."""
        return any(
            key != but and len(self._listed(key)) <= self._limit(key)
            for key in self.shared_keys(one, other)
        )

    def _listed(self, key: str) -> list[int]:
        members = self._members[key]
        return members if isinstance(members, list) else [members]


def most_members(key: str) -> int:
    """How many records may share a key before it says nothing."""
    return MOST_OF_BROAD if key.startswith(BROAD) else MOST_MEMBERS
