"""Message-IDs: what is one, and the thread that they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.ids import ids_in, mail_interaction_id, normal_message_id, thread_of


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("<one@b.example>", "one@b.example"),
        ("  < one@b.example >  ", "one@b.example"),
        ("<One@B.example>", "One@B.example"),
        ("one@b.example", "one@b.example"),
        ("<one@b.example", "one@b.example"),
        ("<one@b.example> (added by a relay)", "one@b.example"),
        ("<one@b.example> <two@b.example>", "one@b.example"),
        ("<>  <two@b.example>", "two@b.example"),
        ("<0123456789abcdef>", "0123456789abcdef"),
        ('<"odd id"@b.example>', ""),
        ("", ""),
        ("<>", ""),
        ("<@b.example>", ""),
        ("<one@>", ""),
        ("<0>", ""),
        ("null", ""),
        ("two words here@b.example", ""),
        ("0000000000<0", ""),
        ("one@b.example>two", ""),
        ("<one\0@b.example>", ""),
    ],
)
def test_an_id_stands_between_brackets_and_could_be_unique(header: str, found: str) -> None:
    assert normal_message_id(header) == found


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", ()),
        ("<a@x> <b@x>\t<c@x>", ("a@x", "b@x", "c@x")),
        ("<a@x><b@x>", ("a@x", "b@x")),
        ("<a@x>, <b@x>", ("a@x", "b@x")),
        ("a@x, b@x", ("a@x", "b@x")),
        ('Your mail of Friday <a@x> "hi"', ("a@x",)),
        ("Your mail of Friday", ()),
        ("<a@x> <b\0@x>", ("a@x",)),
    ],
)
def test_ids_of_references_come_in_order(header: str, found: tuple[str, ...]) -> None:
    assert ids_in(header) == found


def test_a_conversation_is_known_by_its_root() -> None:
    root = thread_of("root@x", (), ())
    assert thread_of("reply@x", ("root@x",), ("root@x",)) == root
    assert thread_of("later@x", ("root@x", "reply@x"), ("reply@x",)) == root
    assert thread_of("reply@x", (), ("root@x", "other@x")) == root
    assert thread_of("other@x", (), ()) != root
    assert mail_interaction_id("root@x") != root


@given(st.text(max_size=80))
def test_whatever_the_header_an_id_is_one_printable_word(header: str) -> None:
    found = normal_message_id(header)
    assert found.isprintable()
    assert not set(found) & set(" <>")
    assert normal_message_id(f"<{found}>") == found
    assert all(one and one.isprintable() for one in ids_in(header))
