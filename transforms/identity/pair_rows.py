"""Rows of identity.evidence and identity.candidates, and what they say."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.identity import PairCandidate, PairEvidence
from transforms.identity.evidence import Fields
from transforms.identity.messages import PublishedPair
from transforms.identity.publish import Moment

BYTES_OF_DIGEST = 8
PART = 100
"""Bits are shown, and held against what was published, to two decimal places."""
_JSON = msgspec.json.Encoder()
_FIELDS = msgspec.json.Decoder(dict[str, float])
_PACK = msgspec.msgpack.Encoder()

Worth = tuple[tuple[str, int], ...]
"""What each field is worth as shown, in 1/100 bit."""


class Held(NamedTuple):
    """A pair that holds two records together."""

    pair: PublishedPair
    probability: float
    method: str
    fields: Fields

    def row(self, moment: Moment) -> PairEvidence:
        """As identity.evidence has it."""
        return PairEvidence(
            left_key=self.pair.left,
            right_key=self.pair.right,
            kind=self.pair.kind,
            entity_id=self.pair.entity_id,
            probability=self.probability,
            method=self.method,
            fields=_JSON.encode(shown(self.fields)).decode(),
            is_deleted=False,
            revision=moment.revision,
            resolved_at=moment.now,
        )


class Asked(NamedTuple):
    """A pair that a person is asked about."""

    pair: PublishedPair
    left_entity_id: str
    right_entity_id: str
    probability: float
    why: str

    @classmethod
    def of(
        cls,
        left: str,
        right: str,
        kind: str,
        left_entity_id: str,
        right_entity_id: str,
        probability: float,
        why: str,
    ) -> "Asked":
        """With the digest of what is said."""
        says = _digest((left_entity_id, right_entity_id, probability, why))
        pair = PublishedPair(left, right, kind, "", says)
        return cls(pair, left_entity_id, right_entity_id, probability, why)

    def row(self, moment: Moment) -> PairCandidate:
        """As identity.candidates has it."""
        return PairCandidate(
            left_key=self.pair.left,
            right_key=self.pair.right,
            kind=self.pair.kind,
            left_entity_id=self.left_entity_id,
            right_entity_id=self.right_entity_id,
            probability=self.probability,
            why=self.why,
            is_deleted=False,
            revision=moment.revision,
            resolved_at=moment.now,
        )


def no_evidence(pair: PublishedPair, moment: Moment) -> PairEvidence:
    """The row of a pair that holds nothing together any more."""
    return PairEvidence(
        left_key=pair.left,
        right_key=pair.right,
        kind=pair.kind,
        entity_id=None,
        probability=0.0,
        method="",
        fields="{}",
        is_deleted=True,
        revision=moment.revision,
        resolved_at=moment.now,
    )


def no_candidate(pair: PublishedPair, moment: Moment) -> PairCandidate:
    """The row of a pair that nobody is asked about any more."""
    return PairCandidate(
        left_key=pair.left,
        right_key=pair.right,
        kind=pair.kind,
        left_entity_id=None,
        right_entity_id=None,
        probability=0.0,
        why="",
        is_deleted=True,
        revision=moment.revision,
        resolved_at=moment.now,
    )


@lru_cache(maxsize=20_000)
def worth(fields: Fields) -> Worth:
    """What is worth something, as a row says it."""
    return tuple((name, round(bits * PART / 256)) for name, bits in fields if bits)


def shown(fields: Fields) -> dict[str, float]:
    """The same in bits."""
    return {name: parts / PART for name, parts in worth(fields)}


@lru_cache(maxsize=20_000)
def said_of(probability: float, method: str, worth: Worth) -> bytes:
    """Digest of what a row of evidence says, in whatever order a table gives its fields back."""
    return _digest((probability, method, sorted(worth)))


def published_evidence(rows: Iterable[PairEvidence]) -> tuple[PublishedPair, ...]:
    """What rows of identity.evidence say, of those pairs that hold something together."""
    return tuple(
        PublishedPair(
            row.left_key,
            row.right_key,
            row.kind,
            row.entity_id,
            said_of(row.probability, row.method, _worth_of(row.fields)),
        )
        for row in rows
        if not row.is_deleted and row.entity_id is not None
    )


def published_candidates(rows: Iterable[PairCandidate]) -> tuple[PublishedPair, ...]:
    """What rows of identity.candidates say, of those pairs that are asked about."""
    return tuple(
        Asked.of(
            row.left_key,
            row.right_key,
            row.kind,
            row.left_entity_id or "",
            row.right_entity_id or "",
            row.probability,
            row.why,
        ).pair
        for row in rows
        if not row.is_deleted
    )


def _worth_of(fields: str) -> Worth:
    return tuple((name, round(bits * PART)) for name, bits in _FIELDS.decode(fields).items())


def _digest(said: tuple[object, ...]) -> bytes:
    return blake2b(_PACK.encode(said), digest_size=BYTES_OF_DIGEST).digest()
