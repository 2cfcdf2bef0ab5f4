"""Whatever a vendor escapes, what can be read is read."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.json_text import readable


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
def test_what_is_text_stays_as_it_is(value: object) -> None:
    for escaped in (True, False):
        body = json.dumps(value, ensure_ascii=escaped).encode()
        assert readable(body) == body


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_trap_53_half_a_character_takes_nothing_else_with_it(text: str) -> None:
    body = json.dumps({"a": text, "b": "whole"}).encode()
    found = msgspec.json.decode(readable(body))
    assert found["b"] == "whole"
    # Two halves that stand together are one character, in JSON as in UTF-16.
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert found["a"].replace("\ufffd", "") == joined.replace("\ufffd", "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\uD83D"', "\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud83d"', "\\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (b'"\xff"', "\ufffd"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
    ],
)
def test_escapes_of_every_kind(body: bytes, expected: str) -> None:
    assert msgspec.json.decode(readable(body)) == expected
