"""The order to forget a person, or no longer to, as a Pub/Sub message (CloudEvents, binary mode).

It names nobody: marks are keyed hashes (transforms/erasure.py), so that neither the topic nor the
table of erasures says who was erased.
"""

import re
from collections.abc import Mapping

import msgspec

from schemas.change import stable_hash
from schemas.clock import MAX_US, MIN_US, rfc3339
from schemas.envelope import SOURCE_PREFIX, SPEC_VERSION, Message
from schemas.errors import InvalidEnvelope, InvalidPayload

TYPE = "salesintel.erasure"
SOURCE = SOURCE_PREFIX + "erasures"
MOST_MARKS = 2_000
"""Of one message; a person of more (every mail and call of theirs has one) is several messages."""
_MARK = re.compile(r"[0-9a-f]{32}\Z")


class Erase(msgspec.Struct, frozen=True, kw_only=True):
    """That whoever bears one of these marks is forgotten, now and whenever they come again.

    Of two about the same part of an erasure the newer counts.
    """

    erasure_id: str
    part: int = 0
    """Of several messages about one erasure, from 0."""
    marks: tuple[str, ...]
    asked_at: int
    """Microseconds since the epoch."""
    asked_by: str
    reason: str = ""
    """A case number or the like; no name."""
    is_lifted: bool = False
    """True: what comes from now on is kept again. What was erased does not come back by it."""

    @property
    def message_id(self) -> str:
        """Identity of the message: the same however often it is published."""
        said = (self.part, self.asked_at, int(self.is_lifted))
        return stable_hash(self.erasure_id, *said, *self.marks)


_ERASE = msgspec.json.Decoder(Erase)


def encode(erase: Erase) -> Message:
    """The message that carries the order."""
    return Message(
        msgspec.json.encode(erase),
        {
            "ce-specversion": SPEC_VERSION,
            "ce-id": erase.message_id,
            "ce-source": SOURCE,
            "ce-type": TYPE,
            "ce-time": rfc3339(erase.asked_at),
            "content-type": "application/json",
        },
    )


def decode(data: bytes, attributes: Mapping[str, str]) -> Erase:
    """The order that a message carries; InvalidEnvelope or InvalidPayload says what is amiss."""
    for name, expected in (("ce-specversion", SPEC_VERSION), ("ce-type", TYPE)):
        if attributes.get(name) != expected:
            raise InvalidEnvelope(f"{name} is not {expected}")
    try:
        erase = _ERASE.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidPayload("the data are no order to forget a person") from None
    if not erase.erasure_id or erase.part < 0:
        raise InvalidPayload("an erasure has an id, and its parts are counted from 0")
    if not 0 < len(erase.marks) <= MOST_MARKS:
        raise InvalidPayload(f"an erasure has 1 to {MOST_MARKS:,} marks in a message")
    if not all(_MARK.match(mark) for mark in erase.marks):
        raise InvalidPayload("a mark is 32 hex digits")
    if not MIN_US <= erase.asked_at <= MAX_US:
        raise InvalidPayload(f"asked_at is outside {MIN_US} to {MAX_US}")
    if attributes.get("ce-id") != erase.message_id:
        raise InvalidEnvelope("ce-id does not match the erasure that it is made of")
    return erase
