"""A person's decision about two records as a Pub/Sub message: CloudEvents 1.0 in binary mode."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from schemas.change import stable_hash
from schemas.clock import MAX_US, MIN_US, rfc3339
from schemas.envelope import SOURCE_PREFIX, SPEC_VERSION, Message
from schemas.errors import InvalidEnvelope, InvalidPayload

TYPE = "salesintel.decision"
SOURCE = SOURCE_PREFIX + "decisions"
Verdict = Literal["same", "different", "withdrawn"]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decided about two records; of two about the same pair the newest counts."""

    left_key: str
    right_key: str
    """record_keys; the left one is the smaller."""
    verdict: Verdict
    decided_at: int
    """Microseconds since the epoch."""
    decided_by: str
    asked_left: str
    asked_right: str
    """What the person named: a record or an entity. All pairs of one command share them."""

    @property
    def decision_id(self) -> str:
        """Identity of the decision: the same however often it is published."""
        return stable_hash(
            self.left_key, self.right_key, self.verdict, str(self.decided_at), self.decided_by
        )


_DECIDED = msgspec.json.Decoder(Decided)


def encode(decided: Decided) -> Message:
    """The message that carries a decision."""
    return Message(
        msgspec.json.encode(decided),
        {
            "ce-specversion": SPEC_VERSION,
            "ce-id": decided.decision_id,
            "ce-source": SOURCE,
            "ce-type": TYPE,
            "ce-time": rfc3339(decided.decided_at),
            "content-type": "application/json",
        },
    )


def decode(data: bytes, attributes: Mapping[str, str]) -> Decided:
    """The decision that a message carries; InvalidEnvelope or InvalidPayload says what is amiss."""
    for name, expected in (("ce-specversion", SPEC_VERSION), ("ce-type", TYPE)):
        if attributes.get(name) != expected:
            raise InvalidEnvelope(f"{name} is not {expected}")
    try:
        decided = _DECIDED.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidPayload("the data are no decision about two records") from None
    if not "" < decided.left_key < decided.right_key:
        raise InvalidPayload("a decision is about two records, the smaller key first")
    if not MIN_US <= decided.decided_at <= MAX_US:
        raise InvalidPayload(f"decided_at is outside {MIN_US} to {MAX_US}")
    if attributes.get("ce-id") != decided.decision_id:
        raise InvalidEnvelope("ce-id does not match the decision that it is made of")
    return decided
