"""Second layer, keyed by blocking key: members are weighed against each other.

A block's edges are a function of its live members alone: nothing sticks. Above its key's limit it
is hot and says nothing; back at that number it speaks again.
"""

from collections.abc import Iterable

import msgspec

from transforms.identity.evidence import Evidence, Limit
from transforms.identity.messages import (
    HOT,
    NO_VERSION,
    PERSONAL,
    SHARED,
    Answer,
    Edge,
    Forget,
    Membership,
    Signature,
    Version,
    pack,
    unpack_memberships,
)

BLOCKS_PER_ENTRY = 16
"""Of a compacted log: about as many messages as travel together in a live one."""

Edges = dict[tuple[str, str], Edge]


class _Block:
    __slots__ = ("context", "count", "edges", "live", "members", "since")

    def __init__(self) -> None:
        self.members: dict[str, tuple[Version, Signature | None]] = {}
        self.live = 0
        self.count = 0
        self.since = 0
        self.edges: Edges | None = None
        """None: not worked out since the block was rebuilt from the log."""
        self.context: object = None


class Blocks:
    """State of the block layer; also an index of a sharded state (`apply`, `entries`, `len`)."""

    def __init__(self, evidence: Evidence, limit: Limit | None = None) -> None:
        self._evidence = evidence
        self._limit = limit or evidence.limit
        self._blocks: dict[str, _Block] = {}
        self._floor = 0
        """No block that is forgotten had counted further: one that comes anew counts from here."""

    def __len__(self) -> int:
        return -(-len(self._blocks) // BLOCKS_PER_ENTRY) + bool(self._floor)

    def hot_keys(self) -> list[str]:
        """Keys that too many records share to say anything of them."""
        return [key for key, block in self._blocks.items() if block.live > self._limit(key)]

    def _crowd(self, key: str, block: _Block) -> int:
        if block.live < 2 or not self._evidence.tells(key):
            return PERSONAL
        if block.live > self._limit(key):
            return HOT
        return SHARED if block.context else PERSONAL

    def receive(self, message: Membership) -> Answer | None:
        """Takes in a join or leave; None where it is late, repeated or a leave without effect."""
        block = self._block(message.key)
        known = block.members.get(message.record_key)
        if known is not None and message.version <= known[0]:
            return None
        if not block.members and message.signature is not None:
            # Most keys never have a second member.
            self._take_in(block, message)
            block.count, block.edges = block.count + 1, {}
            return Answer(message.key, block.count, message.record_key, message.version, ())
        before = self._edges(message.key, block)
        old_context, old_crowd = block.context, self._crowd(message.key, block)
        most = self._limit(message.key)
        was_hot = block.live > most
        self._take_in(block, message)
        block.count += 1
        after: Edges
        if block.live > most or block.live < 2:
            after, block.context = {}, None
        else:
            block.context = self._context(message.key, block)
            if was_hot or block.context != old_context:
                after = self._all_edges(message.key, block)
            else:
                me = message.record_key
                after = {pair: edge for pair, edge in before.items() if me not in pair}
                if message.signature is not None:
                    self._edges_of(message.key, block, me, after)
        block.edges = after
        # What a leaver was joined by dies with its version: nobody need be told.
        leaver = message.record_key if message.signature is None else ""
        changed = _difference(before, after, leaver)
        crowd = self._crowd(message.key, block)
        ends = message.record_key if message.signature is not None else ""
        turned: tuple[str, ...] = ()
        if crowd != old_crowd:
            block.since = block.count
            turned = tuple(name for name, (_, signature) in block.members.items() if signature)
        elif not changed and not ends:
            return None
        elif block.since and ends:
            turned = (ends,)
        said = (crowd, block.since, turned)
        return Answer(message.key, block.count, ends, message.version, changed, *said)

    def forget(self) -> None:
        """Drops the blocks that nobody is in any more: their keys tell of those who have left."""
        for key in [key for key, block in self._blocks.items() if not block.live]:
            self._floor = max(self._floor, self._blocks.pop(key).count)

    def _block(self, key: str) -> _Block:
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = _Block()
            block.count = self._floor
        return block

    def _take_in(self, block: _Block, message: Membership) -> None:
        known = block.members.get(message.record_key)
        was_live = known is not None and known[1] is not None
        block.members[message.record_key] = (message.version, message.signature)
        block.live += (message.signature is not None) - was_live

    def _edges(self, key: str, block: _Block) -> Edges:
        if block.edges is None:
            block.edges = {}
            if 2 <= block.live <= self._limit(key):
                block.context = self._context(key, block)
                block.edges = self._all_edges(key, block)
        return block.edges

    def _context(self, key: str, block: _Block) -> object:
        live = (signature for _, signature in block.members.values() if signature is not None)
        return self._evidence.context(key, live)

    def _all_edges(self, key: str, block: _Block) -> Edges:
        edges: Edges = {}
        live = sorted(name for name, (_, signature) in block.members.items() if signature)
        for place, right in enumerate(live):
            for left in live[:place]:
                self._edge(key, block, left, right, edges)
        return edges

    def _edges_of(self, key: str, block: _Block, record_key: str, edges: Edges) -> None:
        for other, (_, signature) in block.members.items():
            if signature is not None and other != record_key:
                left, right = (other, record_key) if other < record_key else (record_key, other)
                self._edge(key, block, left, right, edges)

    def _edge(self, key: str, block: _Block, left: str, right: str, edges: Edges) -> None:
        left_version, a = block.members[left]
        right_version, b = block.members[right]
        if a is None or b is None:
            return
        bits = self._evidence.bits(key, block.context, a, b)
        if bits > 0:
            edges[left, right] = Edge(left, right, left_version, right_version, bits)

    def logged(self, message: Membership) -> Membership:
        """The message as the log keeps it, after `receive`: a log has no order to count by."""
        block = self._blocks[message.key]
        return msgspec.structs.replace(message, count=block.count, since=block.since)

    def apply(self, entry: bytes) -> None:
        """Takes in an entry of the log, silently; entries may come in any order."""
        for message in unpack_memberships(entry):
            if isinstance(message, Forget):
                continue
            if not message.key:
                self._floor = max(self._floor, message.count)
                continue
            block = self._block(message.key)
            known = block.members.get(message.record_key)
            if known is None or message.version > known[0]:
                self._take_in(block, message)
                block.edges = None
            block.count = max(block.count, message.count)
            block.since = max(block.since, message.since)

    def entries(self) -> Iterable[bytes]:
        """The live content as entries of the log, some blocks in each."""
        if self._floor:
            yield pack([Membership("", "", NO_VERSION, None, self._floor)])
        blocks = list(self._blocks.items())
        for start in range(0, len(blocks), BLOCKS_PER_ENTRY):
            messages = [
                Membership(key, name, version, signature, block.count, block.since)
                for key, block in blocks[start : start + BLOCKS_PER_ENTRY]
                for name, (version, signature) in block.members.items()
            ]
            yield pack(messages)


def _difference(before: Edges, after: Edges, leaver: str) -> tuple[Edge, ...]:
    changed = [edge for pair, edge in after.items() if before.get(pair) != edge]
    for pair, edge in before.items():
        if pair not in after and leaver not in pair:
            changed.append(Edge(edge.left, edge.right, edge.left_version, edge.right_version, 0))
    return tuple(changed)
