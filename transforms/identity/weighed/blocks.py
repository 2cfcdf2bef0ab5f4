"""Second layer, keyed by blocking key: the records that share one are compared.

An edge holds while its bits are above zero and its two records share a key that is not hot: a
function of the live members alone. Nothing sticks: a key that falls back to its limit speaks again.
"""

from collections.abc import Iterable

from transforms.identity.evidence import Limit
from transforms.identity.messages import HOT, PERSONAL, SHARED, Version
from transforms.identity.weighed.bearers import NOBODY, sole_bearer
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.keys import all_keys, most_members
from transforms.identity.weighed.messages import Crowd, Edges, Join, WeighedPair
from transforms.identity.weighed.pairs import (
    NAMES,
    VALUES,
    Context,
    bits_under,
    context_of,
    depends_on_key,
    known_as_several,
)

_NO_EDGES: dict[int, int] = {}
WITNESSES = (*VALUES, NAMES)
"""Families of which a block as a whole says something of its sightings."""


class Blocks:
    """State of one shard of blocks."""

    def __init__(self, judge: Judge, shard: int = 0, limit: Limit | None = None) -> None:
        self._judge = judge
        self._limit = limit or most_members
        self._shard = shard
        self._count = 0
        # Most keys have one member alone, which is kept as it is.
        self._members: dict[str, int | list[int]] = {}
        self._version: dict[int, Version] = {}
        self._features: dict[int, Features | None] = {}
        self._edges: dict[int, dict[int, int]] = {}
        self._observed: set[int] = set()
        """Sightings: without them no block as a whole need be looked at."""
        self._contexts: dict[str, Context] = {}
        """What blocks with sightings say of each pair in them, where they say anything."""
        self._crowds: dict[str, int] = {}
        """Mailboxes and numbers that components were ever told of, and what was told last."""
        self._turned: set[str] = set()
        """Those of which it may have changed with this message."""
        self._doubtful: set[tuple[int, int]] = set()
        """Pairs of others, the smaller first, whose bits may have changed with this message."""

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

    def hot_keys(self) -> dict[str, int]:
        """Keys that too many records share to say anything of them, and how many do."""
        return {
            key: len(members)
            for key, members in self._members.items()
            if isinstance(members, list) and len(members) > self._limit(key)
        }

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

    def bearer(self, one: int, other: int) -> str:
        """Of a private mailbox and a known person of its owner's whole name: `sole`, or `several`
        where others are known by it; empty of other pairs."""
        a, b = self._features.get(one), self._features.get(other)
        if a is None or b is None or not sole_bearer(a, b, NOBODY):
            return ""
        for key in self._speaking_keys(one, other):
            if key.startswith(NAMES):
                several = known_as_several(self._contexts.get(key, False))
                return "sole" if sole_bearer(a, b, several) else "several"
        return ""

    def _speaking_keys(self, one: int, other: int) -> list[str]:
        shared = self.shared_keys(one, other)
        return [key for key in shared if len(self._listed(key)) <= self._limit(key)]

    def receive(self, join: Join) -> list[Edges | Crowd]:
        """What changes of the edges and crowds; nothing where the message is late."""
        me = join.record
        known = self._version.get(me)
        if known is not None and join.version <= known:
            return []
        self._version[me] = join.version
        pairs: list[WeighedPair] = []
        candidates: set[int] = set()
        keys: Iterable[str] = join.keys
        if known is None:
            self._features[me] = join.features
            blocks = self._members
            for key in join.keys:
                # Most keys are nobody's yet.
                if blocks.setdefault(key, me) is not me:
                    self._enter(key, me, candidates, pairs)
        else:
            keys = self._replace(me, join, candidates, pairs)
        if join.features is not None and join.features.observed:
            self._observed.add(me)
        if self._observed:
            self._look_again(keys)
            if join.features is None:
                self._observed.discard(me)
        if candidates:
            self._weigh(me, candidates, pairs)
        if self._doubtful:
            self._settle(pairs)
        if not pairs and not self._turned and not self._crowds:
            return []
        return self._told(me, join.keys, pairs)

    def _told(self, me: int, keys: Iterable[str], pairs: list[WeighedPair]) -> list[Edges | Crowd]:
        self._count += 1
        told: list[Edges | Crowd] = []
        concerned: dict[str, tuple[int, ...]] = {}
        if self._crowds:
            concerned = {key: (me,) for key in keys if key in self._crowds}
        for key in sorted(self._turned):
            crowd = self._crowd(key)
            if crowd != self._crowds.get(key, PERSONAL):
                self._crowds[key] = crowd
                concerned[key] = tuple(self._listed(key))
        self._turned.clear()
        for key, turned in concerned.items():
            told.append(Crowd(key, self._count, self._crowds[key], turned))
        if pairs:
            told.append(Edges(self._shard, self._count, pairs))
        return told

    def _crowd(self, key: str) -> int:
        if len(self._listed(key)) > self._limit(key):
            return HOT
        return SHARED if self._contexts.get(key) else PERSONAL

    def _look_again(self, keys: Iterable[str]) -> None:
        """Whether the blocks of these keys say something else of their sightings now."""
        for key in keys:
            if not key.startswith(WITNESSES):
                continue
            members = self._listed(key)
            sighted = self._observed.intersection(members)
            context: Context = False
            if sighted and 2 <= len(members) <= self._limit(key):
                known = [f for one in members if (f := self._features[one]) is not None]
                context = context_of(key, known, self._judge.edge_bits) or False
            if context == self._contexts.get(key, False):
                continue
            if context:
                self._contexts[key] = context
            else:
                del self._contexts[key]
            if key.startswith(VALUES):
                self._turned.add(key)
            self._doubtful.update(
                (min(one, other), max(one, other))
                for one in sighted
                for other in members
                if one != other
            )

    def _settle(self, pairs: list[WeighedPair]) -> None:
        """Weighs anew the pairs in doubt."""
        doubtful, self._doubtful = self._doubtful, set()
        for one, other in sorted(doubtful):
            bits = self._pair_bits(one, other)
            if bits == self._edges.get(one, _NO_EDGES).get(other, 0):
                continue
            if bits > 0:
                self._join(one, other, bits, pairs)
            else:
                del self._edges[one][other], self._edges[other][one]
                pairs.append((one, other, self._version[one], self._version[other], 0))

    def _pair_bits(self, one: int, other: int) -> int:
        """The most that any of their common keys that are not hot says of two records."""
        a, b = self._features[one], self._features[other]
        assert a is not None and b is not None
        found = (
            bits_under(key, self._contexts.get(key, False), a, b, self._judge.edge_bits)
            for key in self._speaking_keys(one, other)
        )
        return max((0, *found))

    def _join(self, one: int, other: int, bits: int, pairs: list[WeighedPair]) -> None:
        self._edges.setdefault(one, {})[other] = bits
        self._edges.setdefault(other, {})[one] = bits
        first, second = (one, other) if one < other else (other, one)
        pairs.append((first, second, self._version[first], self._version[second], bits))

    def _weigh(
        self,
        me: int,
        candidates: Iterable[int],
        pairs: list[WeighedPair],
    ) -> None:
        features = self._features
        mine = features[me]
        assert mine is not None
        edge_bits = self._judge.edge_bits
        for other in candidates:
            theirs = features[other]
            assert theirs is not None
            if depends_on_key(mine, theirs):
                bits = self._pair_bits(me, other)
            else:
                bits = edge_bits(mine, theirs)
            if bits > 0:
                self._join(me, other, bits, pairs)

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
    ) -> set[str]:
        """A newer version: its old edges are void with its old version and need no taking back.
        Returns the keys of both."""
        before = self._keys(me)
        for other in self._edges.pop(me, _NO_EDGES):
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
        return kept.union(before)

    def _leave(self, key: str, me: int, pairs: list[WeighedPair]) -> None:
        members = self._members[key]
        if isinstance(members, int):
            del self._members[key]
            return
        members.remove(me)
        if len(members) == 1:
            self._members[key] = members[0]
        elif len(members) == self._limit(key):
            if key.startswith(VALUES):
                self._turned.add(key)
            for place, one in enumerate(members):
                edges = self._edges.get(one, _NO_EDGES)
                unlike = [o for o in members[:place] if not self._in_doubt(one, o)]
                self._weigh(one, [o for o in unlike if o not in edges], pairs)

    def _heat(self, key: str, members: list[int], pairs: list[WeighedPair]) -> None:
        """Takes back the edges that nothing else holds."""
        if key.startswith(VALUES):
            self._turned.add(key)
        inside = set(members)
        for one in members:
            edges = self._edges.get(one)
            if not edges:
                continue
            for other in [o for o in edges if o > one and o in inside]:
                if not self._in_doubt(one, other) and not self._share(one, other, key):
                    del edges[other], self._edges[other][one]
                    pairs.append((one, other, self._version[one], self._version[other], 0))

    def _in_doubt(self, one: int, other: int) -> bool:
        """Leaves a pair whose bits depend on its keys until all keys are as they will be."""
        a, b = self._features[one], self._features[other]
        assert a is not None and b is not None
        if not depends_on_key(a, b):
            return False
        self._doubtful.add((min(one, other), max(one, other)))
        return True

    def _share(self, one: int, other: int, but: str) -> bool:
        """Whether another key that is not hot holds the two together."""
        return any(
            key != but and len(self._listed(key)) <= self._limit(key)
            for key in self.shared_keys(one, other)
        )

    def _listed(self, key: str) -> list[int]:
        members = self._members.get(key, [])
        return members if isinstance(members, list) else [members]
