"""People's decisions on their way, and orders to forget: a row for each, and what the resolver is
told of it.

A decision counts from when it was made, not from when it comes: repeated, late and out of order
they leave the same behind.
"""

from collections.abc import Iterator
from typing import cast

from schemas import erasure
from schemas.clock import DAY_US, Clock
from schemas.decision import Verdict, decode
from schemas.errors import InvalidPayload
from schemas.flow import Received, RowBatch
from schemas.identity import Override
from schemas.operations import Erasure
from transforms.identity.messages import Decision, Forget, pack

MOST_AHEAD_US = DAY_US
"""How far ahead of its publishing a decision may be dated: nobody could take one of the year 9999
back."""


def decided_rows(message: Received, clock: Clock) -> RowBatch:
    """Step Decide: the row of a decision, or of an order to forget."""
    if message.attributes.get("ce-type") == erasure.TYPE:
        return RowBatch((_erasure_row(message, clock()),))
    decided = decode(message.data, message.attributes)
    if message.publish_time and decided.decided_at > message.publish_time + MOST_AHEAD_US:
        raise InvalidPayload("decided_at is more than a day after the message was published")
    row = Override(
        left_key=decided.left_key,
        right_key=decided.right_key,
        verdict=decided.verdict,
        decided_at=decided.decided_at,
        decided_by=decided.decided_by,
        asked_left=decided.asked_left,
        asked_right=decided.asked_right,
        decision_id=decided.decision_id,
        message_id=message.message_id,
        publish_time=message.publish_time,
        written_at=clock(),
    )
    return RowBatch((row,))


def _erasure_row(message: Received, now: int) -> Erasure:
    erase = erasure.decode(message.data, message.attributes)
    return Erasure(
        erasure_id=erase.erasure_id,
        part=erase.part,
        marks=erase.marks,
        asked_at=erase.asked_at,
        asked_by=erase.asked_by,
        reason=erase.reason,
        is_lifted=erase.is_lifted,
        message_id=message.message_id,
        publish_time=message.publish_time,
        written_at=now,
    )


def to_forget(batch: RowBatch) -> Iterator[bytes]:
    """Orders to forget as packed messages to the resolver: once, for it keeps nothing then."""
    for row in batch.rows:
        if isinstance(row, Erasure) and not row.is_lifted:
            yield pack([Forget(row.marks)])


def decisions_of(batch: RowBatch) -> list[Decision]:
    """Decisions as messages to components."""
    return [
        Decision(
            row.left_key,
            row.right_key,
            cast(Verdict, row.verdict),
            (1, row.decided_at, 0, row.decision_id),
        )
        for row in batch.rows
        if isinstance(row, Override)
    ]


def told(batch: RowBatch) -> bytes:
    """The same, packed."""
    return pack(decisions_of(batch))
