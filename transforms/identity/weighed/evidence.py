"""The weighing engine as the layers' `Evidence` and `Clustering`: every field counts.

A pair's bits are a function of the two records and of what the blocks of their common mailboxes and
numbers say: under whichever key they meet, they weigh the same.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from schemas.identity import IdentityRecord
from transforms.identity.evidence import (
    MUST_LINK_BITS,
    ExactEvidence,
    id_keys,
    personal_match_key,
)
from transforms.identity.graph import DECISION_BITS, Neighbour
from transforms.identity.messages import HOT, Digest, Signature, is_observed
from transforms.identity.partition import Matching, Pair
from transforms.identity.rules import people_conflict
from transforms.identity.weighed.bearers import NOBODY, SOLE_BEARER, ambiguous, sole_bearer
from transforms.identity.weighed.confidence import confidence
from transforms.identity.weighed.features import Features, features_of
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.keys import BROAD, keys_of, value_keys
from transforms.identity.weighed.linkage import cut
from transforms.identity.weighed.weights import SHIPPED, Model
from transforms.settings import Settings

OTHER = "~"
"""Before the keys of names and places: of two edges with the same bits, a mailbox or number counts
as the evidence, as it comes first."""
NAMES = OTHER + "n:"
"""The sounds of both names."""
_METHODS = {"id": "crm_id", "e": "email", "h": "email", "t": "phone", "d": "domain"}

MOST_REMEMBERED = 100_000
PackedPair = tuple[bytes, bytes]

_PACK = msgspec.msgpack.Encoder()
_FEATURES = msgspec.msgpack.Decoder(Features)


class WeighedEvidence:
    """Keys of every kind, and bits by field under one model, which is frozen."""

    def __init__(self, settings: Settings, model: Model = SHIPPED) -> None:
        self._exact = ExactEvidence(settings)
        self._judge = Judge(model)
        self._latest: tuple[IdentityRecord, Features] | None = None
        self._edges: dict[PackedPair, int] = {}
        self._others: dict[PackedPair, int] = {}

    def features(self, record: IdentityRecord) -> Features:
        """What is weighed of a record: its own mailboxes and numbers alone, not those of a
        function, nor ours, nor toll-free ones."""
        # A record is asked for its keys, signature and digest in turn.
        latest = self._latest
        if latest is not None and latest[0] is record:
            return latest[1]
        phones = tuple(phone for phone in record.phones if self._exact.is_personal(phone))
        emails = record.emails
        if record.kind == "person":
            emails = tuple(mail for mail in emails if personal_match_key(mail))
            if record.shared:
                emails = phones = ()
        own = msgspec.structs.replace(
            record, emails=emails, phones=phones, domains=self._exact.domains(record)
        )
        found = features_of(own)
        self._latest = (record, found)
        return found

    def keys(self, record: IdentityRecord) -> tuple[str, ...]:
        """CRM ids, and the keys of what is weighed; of a shared sighting none. Broad keys help
        where data are few and are hot where they are many: a stream does without."""
        found = id_keys(record)
        if record.deleted:
            return tuple(found)
        if not (record.shared and is_observed(record.record_key)):
            keys = keys_of(self.features(record))
            found += (_named(key) for key in keys if not key.startswith(BROAD))
        return tuple(dict.fromkeys(found))

    def signature(self, record: IdentityRecord) -> Signature:
        """Names, and the features packed."""
        signature = self._exact.signature(record)
        if record.deleted:
            return signature
        return msgspec.structs.replace(signature, packed=_PACK.encode(self.features(record)))

    def digest(self, record: IdentityRecord) -> Digest | None:
        """What the exact evidence knows of it, and the features packed."""
        digest = self._exact.digest(record)
        if digest is None or digest.ghost:
            return digest
        return msgspec.structs.replace(digest, packed=_PACK.encode(self.features(record)))

    def context(self, key: str, members: Iterable[Signature]) -> Hashable:
        """True of a mailbox or number that is a household's, an office's or a switchboard's; of a
        name's sound the names that several people bear."""
        if not key.startswith(NAMES):
            return self._exact.context(key, members)
        known = [m for m in members if m.packed]
        # Most names have no private mailbox, and are not looked into.
        if not any(m.observed and m.given and m.family for m in known):
            return NOBODY
        return ambiguous([_unpack(m.packed) for m in known], self._judge.edge_bits)

    def bits(self, key: str, context: Hashable, a: Signature, b: Signature) -> int:
        """Bits of the pair; a sighting is joined by its name at a shared mailbox, and by nothing at
        a shared number."""
        if a.kind != b.kind:
            return 0
        if key.startswith("id:"):
            return MUST_LINK_BITS
        if not (a.packed and b.packed):
            return 0
        one, other = _unpack(a.packed), _unpack(b.packed)
        if key.startswith(NAMES):
            assert isinstance(context, frozenset)
            if sole_bearer(one, other, context):
                return max(SOLE_BEARER, self._weighed(a.packed, b.packed))
        elif context and _is_ambiguous(one, other, number=key.startswith("t:")):
            return 0
        return self._weighed(a.packed, b.packed)

    def _weighed(self, a: bytes, b: bytes) -> int:
        # Two records meet under many keys, and a component is decided with each that joins it.
        known = (a, b) if a < b else (b, a)
        bits = self._edges.get(known)
        if bits is None:
            bits = self._judge.edge_bits(_unpack(a), _unpack(b))
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
        return key.startswith(("e:", "t:"))

    def again(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Bits of a pair that has a mailbox or number of a crowd in common; None of another."""
        if not (a.packed and b.packed):
            return None
        one, other = _unpack(a.packed), _unpack(b.packed)
        crowd = _crowded(one, other, crowds)
        if crowd == (False, False):
            return None
        return self._judge.bits(one, other, hot_mail=crowd[0], hot_phone=crowd[1])

    def judged(self, a: Digest, b: Digest, crowds: Mapping[str, int]) -> int | None:
        """Bits of two records without an edge; None where nothing can be said of them.

        A sighting is an address or a number and perhaps a name: it goes where that is known, and
        what else is known there is no word against it.
        """
        if not (a.packed and b.packed):
            return None
        one, other = _unpack(a.packed), _unpack(b.packed)
        if a.kind == b.kind and (one.observed or other.observed):
            return None
        mail, phone = _crowded(one, other, crowds) if crowds else (False, False)
        if mail or phone:
            return self._judge.bits(one, other, hot_mail=mail, hot_phone=phone)
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


def _is_ambiguous(a: Features, b: Features, *, number: bool) -> bool:
    """A sighting whose name does not say whose of a crowd it is. Beside a number stands whom the
    address book has for it, whoever calls: that says nothing."""
    if not (a.observed or b.observed):
        return False
    if number:
        return True
    whole = a.given and a.family and b.given and b.family and min(len(a.given), len(b.given)) > 1
    return not whole or people_conflict(a.given, a.family, b.given, b.family, family_counts=True)


def _crowded(a: Features, b: Features, crowds: Mapping[str, int]) -> tuple[bool, bool]:
    """Whether a mailbox, and whether a number, that both have says nothing of these two."""
    mail = phone = False
    for key in set(value_keys(a)).intersection(value_keys(b)):
        crowd = crowds.get(key, 0)
        number = key[0] == "t"
        if crowd == HOT or (crowd and _is_ambiguous(a, b, number=number)):
            mail, phone = mail or not number, phone or number
    return mail, phone
