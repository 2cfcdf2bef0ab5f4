"""The weighing engine as the layers' `Evidence` and `Clustering`: every field counts.

A pair's bits are a function of the two records and of what the blocks of their common mailboxes and
numbers say: under whichever key they meet, they weigh the same.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.evidence import MUST_LINK_BITS, ExactEvidence, is_held_by_several
from transforms.identity.graph import DECISION_BITS, Neighbour
from transforms.identity.messages import Digest, Signature
from transforms.identity.partition import Matching, Pair
from transforms.identity.weighed.bearers import NOBODY
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.keys import all_keys, most_members
from transforms.identity.weighed.linkage import cut
from transforms.identity.weighed.pairs import (
    NAMES,
    VALUES,
    bits_in_crowd,
    bits_under,
    context_of,
    is_unsaid,
)
from transforms.identity.weighed.weights import SHIPPED, Model
from transforms.settings import Settings

OTHER = "~"
"""Before the keys of names and places: of two edges with the same bits, a mailbox or number counts
as the evidence, as it comes first."""
_METHODS = {"id": "crm_id", "e": "email", "h": "email", "t": "phone", "d": "domain"}

MOST_REMEMBERED = 100_000
PackedPair = tuple[bytes, bytes]

_PACK = msgspec.msgpack.Encoder()
_FEATURES = msgspec.msgpack.Decoder(Features)


class WeighedEvidence:
    """Keys of every kind, and bits by field under one model, which is frozen."""

    def __init__(self, settings: Settings, model: Model = SHIPPED) -> None:
        self._exact = ExactEvidence(settings)
        self._extraction = Extraction(settings)
        self._judge = Judge(model)
        self._latest: tuple[IdentityRecord, Features | None] | None = None
        self._edges: dict[PackedPair, int] = {}
        self._others: dict[PackedPair, int] = {}

    def features(self, record: IdentityRecord) -> Features | None:
        """What is weighed of a record (see `Extraction`)."""
        # A record is asked for its keys, signature and digest in turn.
        latest = self._latest
        if latest is not None and latest[0] is record:
            return latest[1]
        found = self._extraction.features(record)
        self._latest = (record, found)
        return found

    def keys(self, record: IdentityRecord) -> tuple[str, ...]:
        """CRM ids, and the keys of what is weighed; of a shared sighting none."""
        found = self.features(record)
        return tuple(dict.fromkeys(map(_named, all_keys(found)))) if found is not None else ()

    def signature(self, record: IdentityRecord) -> Signature:
        """Names, and the features packed."""
        found = self.features(record)
        if record.deleted or found is None:
            return Signature(record.kind)
        names = (found.given, found.family, found.observed)
        return Signature(record.kind, *names, _PACK.encode(found))

    def digest(self, record: IdentityRecord) -> Digest | None:
        """What the exact evidence knows of it, and the features packed."""
        digest = self._exact.digest(record)
        if digest is None or digest.ghost:
            return digest
        return msgspec.structs.replace(digest, packed=_PACK.encode(self.features(record)))

    def limit(self, key: str) -> int:
        """See `most_members`."""
        return most_members(key.removeprefix(OTHER))

    def context(self, key: str, members: Iterable[Signature]) -> Hashable:
        """See `context_of`."""
        plain = key.removeprefix(OTHER)
        if not plain.startswith(NAMES):
            return is_held_by_several(plain, members)
        known = [m for m in members if m.packed]
        # Most names have no private mailbox, and are not looked into.
        if not any(m.observed and m.given and m.family for m in known):
            return NOBODY
        return context_of(plain, [_unpack(m.packed) for m in known], self._judge.edge_bits)

    def bits(self, key: str, context: Hashable, a: Signature, b: Signature) -> int:
        """See `bits_under`."""
        if key.startswith("id:"):
            return MUST_LINK_BITS if a.kind == b.kind else 0
        if not (a.packed and b.packed):
            return 0
        assert isinstance(context, bool | frozenset)
        one, other = _unpack(a.packed), _unpack(b.packed)
        return bits_under(
            key.removeprefix(OTHER), context, one, other, lambda *_: self._weighed(a, b)
        )

    def _weighed(self, a: Signature, b: Signature) -> int:
        # Two records meet under many keys, and a component is decided with each that joins it.
        known = (a.packed, b.packed) if a.packed < b.packed else (b.packed, a.packed)
        bits = self._edges.get(known)
        if bits is None:
            bits = self._judge.edge_bits(_unpack(a.packed), _unpack(b.packed))
            _remember(self._edges, known, bits)
        return bits

    def method(self, key: str) -> str:
        """crm_id, email, phone, domain, or name for whatever else the records agree on."""
        return _METHODS.get(key.partition(":")[0], "name")

    def confidence(self, kind: str, bits: int) -> float:
        """Calibrated; 1 of a source's own word."""
        return 1.0 if bits >= MUST_LINK_BITS else confidence(bits, kind)

    def tells(self, key: str) -> bool:
        """True of mailboxes and numbers."""
        return key.startswith(VALUES)

    def again(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """See `bits_in_crowd`."""
        if not (a.packed and b.packed):
            return None
        return bits_in_crowd(_unpack(a.packed), _unpack(b.packed), crowds, self._judge)

    def judged(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Bits of two records without an edge; None where nothing can be said of them."""
        if not (a.packed and b.packed):
            return None
        one, other = _unpack(a.packed), _unpack(b.packed)
        if is_unsaid(one, other):
            return None
        bits = bits_in_crowd(one, other, crowds, self._judge) if crowds else None
        if bits is not None:
            return bits
        known = (a.packed, b.packed) if a.packed < b.packed else (b.packed, a.packed)
        bits = self._others.get(known)
        if bits is None:
            bits = self._judge.bits(one, other)
            _remember(self._others, known, bits)
        return bits


class AverageLinkage:
    """Joins while the mean of the bits between two clusters speaks for it (see linkage).

    What a person decided is joined first or held apart; merged records are silent and go with those
    that name them.
    """

    def __init__(self, evidence: WeighedEvidence) -> None:
        self._evidence = evidence

    def partition(
        self,
        members: Mapping[str, Digest],
        edges: Mapping[str, Sequence[Neighbour]],
        cannot_link: frozenset[Pair],
        crowds: Mapping[str, int],
    ) -> list[list[str]]:
        """See `Clustering`."""
        known = {key: {o: bits for o, bits, _ in found} for key, found in edges.items()}
        nobody: dict[str, int] = {}

        def bits(a: str, b: str) -> int | None:
            found = known.get(a, nobody).get(b)
            if found is not None:
                return found
            return self._evidence.judged(members[a], members[b], crowds)

        must = [
            (key, other)
            for key, found in known.items()
            for other, found_bits in found.items()
            if key < other and found_bits >= DECISION_BITS
        ]
        return cut(
            sorted(members),
            lambda key: known.get(key, nobody),
            bits,
            must,
            sorted(cannot_link),
        )


def weighing(settings: Settings, model: Model = SHIPPED) -> Matching:
    """By every field, under a model."""
    evidence = WeighedEvidence(settings, model)
    return Matching(evidence, AverageLinkage(evidence))


@lru_cache(maxsize=100_000)
def _unpack(packed: bytes) -> Features:
    return _FEATURES.decode(packed)


def _remember(known: dict[PackedPair, int], pair: PackedPair, bits: int) -> None:
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[pair] = bits


def _named(key: str) -> str:
    return key if key.partition(":")[0] in _METHODS else OTHER + key
