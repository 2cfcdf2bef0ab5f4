"""The weighing engine as the layers' `Evidence` and `Clustering`: every field counts.

A pair's bits are a function of the two records and of what the blocks of their common mailboxes and
numbers say: under whichever key they meet, they weigh the same.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.evidence import (
    AMBIGUOUS,
    MUST_LINK_BITS,
    REFUSED,
    ExactEvidence,
    Fields,
    held_by,
    whose,
)
from transforms.identity.graph import DECISION_BITS, Neighbour
from transforms.identity.messages import Digest, Signature
from transforms.identity.partition import Matching, Pair
from transforms.identity.rules import people_conflict
from transforms.identity.weighed.bearers import NOBODY, bears
from transforms.identity.weighed.comparisons import compared
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.extraction import Extraction
from transforms.identity.weighed.features import Features
from transforms.identity.weighed.judging import DOUBTED, FORBIDDEN, Judge
from transforms.identity.weighed.keys import all_keys, most_members
from transforms.identity.weighed.linkage import cut
from transforms.identity.weighed.pairs import (
    NAMES,
    NUMBER,
    VALUES,
    bits_in_crowd,
    bits_under,
    context_of,
    crowded,
    is_undecided,
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
ASKED_ABOUT = ("exclusive_ids", "generation", "shared_mailbox")
"""Rules that hold apart what shares one person's own: it may be a slip in one of the records."""
K = TypeVar("K")
V = TypeVar("V")

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
        self._fields: dict[tuple[bytes, bytes, int], Fields] = {}

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
        """See `context_of`; of a mailbox or number who else holds it."""
        plain = key.removeprefix(OTHER)
        if not plain.startswith(NAMES):
            return held_by(plain, members)
        known = [m for m in members if m.packed]
        # Most names have no private mailbox, and are not looked into.
        if not any(m.observed and m.given and m.family for m in known):
            return NOBODY
        return context_of(plain, [_unpack(m.packed) for m in known], self._judge.edge_bits)

    def bits(self, key: str, context: Hashable, a: Signature, b: Signature) -> int:
        """See `bits_under`; of what that does not join, what a person may be asked about."""
        if key.startswith("id:"):
            return MUST_LINK_BITS if a.kind == b.kind else 0
        if not (a.packed and b.packed):
            return 0
        plain, one, other = key.removeprefix(OTHER), _unpack(a.packed), _unpack(b.packed)
        several = context if isinstance(context, frozenset) else bool(context)
        bits = bits_under(plain, several, one, other, lambda *_: self._weighed(a, b))
        if bits > 0 or one.kind != other.kind:
            return max(bits, 0)
        if plain.startswith(NAMES):
            return AMBIGUOUS if bears(one, other) else bits
        if several and is_undecided(one, other, number=plain.startswith(NUMBER)):
            names = (one.given, one.family, other.given, other.family)
            conflict = people_conflict(*names, family_counts=True)
            return 0 if conflict else whose(context, one.observed != other.observed)
        return bits

    def _weighed(self, a: Signature, b: Signature) -> int:
        # Two records meet under many keys, and a component is decided with each that joins it.
        known = (a.packed, b.packed) if a.packed < b.packed else (b.packed, a.packed)
        bits = self._edges.get(known)
        if bits is None:
            bits = self._near(_unpack(a.packed), _unpack(b.packed))
            _remember(self._edges, known, bits)
        return bits

    def _near(self, a: Features, b: Features) -> int:
        """Bits of a pair; what is too little to ask about is nothing. A family or an office, which
        share no more than what such do, are no question; neither are two sightings, nor a colleague
        and a customer."""
        bits = self._judge.edge_bits(a, b, REFUSED)
        if bits > 0:
            return bits
        if (a.observed and b.observed) or a.internal != b.internal:
            return 0
        if bits in (FORBIDDEN, DOUBTED):
            rule = self._judge.forbids(a, b, compared(a, b))
            return REFUSED if rule in ASKED_ABOUT else 0
        return min(bits, AMBIGUOUS - 1) if bits > REFUSED else 0

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

    def fields(
        self, key: str, bits: int, a: Digest, b: Digest, crowds: Mapping[str, int]
    ) -> Fields:
        """What each field is worth, and what the engine knows beside them."""
        if bits >= MUST_LINK_BITS or not (a.packed and b.packed):
            return ()
        one, other = _unpack(a.packed), _unpack(b.packed)
        mail, phone = crowded(one, other, crowds) if crowds else (False, False)
        known = (a.packed, b.packed, bits)
        found = None if mail or phone else self._fields.get(known)
        if found is None:
            parts = self._judge.parts(one, other, hot_mail=mail, hot_phone=phone)
            rest = bits - sum(worth for _, worth in parts)
            if rest:
                beside = "domain" if one.kind == "account" else "sighting"
                sole = key.removeprefix(OTHER).startswith(NAMES)
                parts.append(("sole_bearer" if sole else beside, rest))
            found = tuple(parts)
            if not (mail or phone):
                _remember(self._fields, known, found)
        return found


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


def _remember(known: dict[K, V], pair: K, found: V) -> None:
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[pair] = found


def _named(key: str) -> str:
    return key if key.partition(":")[0] in _METHODS else OTHER + key
