"""The order to forget: what is encoded comes back, and what is not one is refused with a reason."""

import msgspec
import pytest

from schemas.envelope import Message
from schemas.erasure import MOST_MARKS, Erase, decode, encode
from schemas.errors import InvalidEnvelope, InvalidPayload

ORDER = Erase(
    erasure_id="case-7", marks=("0f" * 16,), asked_at=1_770_000_000_000_000, asked_by="ana"
)


DATED_WRONGLY = msgspec.json.encode(msgspec.structs.replace(ORDER, asked_at=-(2**62)))


def replaced(**fields: object) -> Message:
    return encode(msgspec.structs.replace(ORDER, **fields))


def test_an_order_comes_back_and_has_one_id_however_often_it_is_published() -> None:
    assert decode(*encode(ORDER)) == ORDER
    assert encode(ORDER) == encode(ORDER)
    lifted = msgspec.structs.replace(ORDER, is_lifted=True)
    assert lifted.message_id != ORDER.message_id


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        (replaced(marks=()), InvalidPayload, "1 to 2,000 marks"),
        (replaced(marks=("0f" * 16,) * (MOST_MARKS + 1)), InvalidPayload, "1 to 2,000 marks"),
        (replaced(marks=("ann@acme.test",)), InvalidPayload, "32 hex digits"),
        (replaced(erasure_id=""), InvalidPayload, "has an id"),
        (replaced(part=-1), InvalidPayload, "counted from 0"),
        (Message(DATED_WRONGLY, encode(ORDER).attributes), InvalidPayload, "asked_at"),
        (Message(b"[]", encode(ORDER).attributes), InvalidPayload, "no order"),
        (Message(encode(ORDER).data, {}), InvalidEnvelope, "ce-specversion"),
        (
            Message(encode(ORDER).data, {**encode(ORDER).attributes, "ce-id": "other"}),
            InvalidEnvelope,
            "ce-id",
        ),
    ],
)
def test_what_is_no_order_is_refused(message: Message, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        decode(*message)
    assert "ann@acme.test" not in str(caught.value)
