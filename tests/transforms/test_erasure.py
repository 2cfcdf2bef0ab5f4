"""Marks of people who are forgotten: found in every way they are written, and in nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.erasure import NOBODY, Kind, Marks, mark, marks_of

KEY = b"key of a deployment"


def marks(**values: str) -> Marks:
    kinds: dict[str, Kind] = {"email": "email", "phone": "phone", "name": "name"}
    return Marks(
        [one for kind, value in values.items() for one in marks_of(KEY, kinds[kind], value)], KEY
    )


@pytest.mark.parametrize(
    "text",
    [
        "ann.lee@acme.test",
        "Please write to Ann <Ann.Lee@ACME.test>, thank you",
        "cc:ann.lee+news@acme.test;bob@acme.test",
        '{"to": "ann.lee@acme.test"}',
        "call +1 (415) 234-0100 today",
        "415-234-0100",
        "I met Ann Lee yesterday",
        "LEE: as ann lee said",
    ],
)
def test_a_person_is_found_however_they_are_written(text: str) -> None:
    known = marks(email="ann.lee@acme.test", phone="+14152340100", name="Ann Lee")
    assert known.in_text(text)


@pytest.mark.parametrize(
    "text", ["", "ann@acme.test", "lee@acme.test", "+1 415 234 0101", "Ann, not Lee", "Annabel Lee"]
)
def test_others_are_not_found(text: str) -> None:
    known = marks(email="ann.lee@acme.test", phone="+14152340100", name="Ann Lee")
    assert not known.in_text(text)


@given(st.text())
def test_nobody_is_found_in_no_text(text: str) -> None:
    assert not NOBODY.in_text(text)
    assert not NOBODY.bears("email", text)


@given(st.text(max_size=200), st.text(max_size=200))
def test_an_address_is_found_in_any_text(before: str, after: str) -> None:
    known = marks(email="ann.lee@acme.test")
    assert known.in_text(f"{before} ann.lee@acme.test {after}")


def test_marks_tell_nothing_without_the_key() -> None:
    assert mark(KEY, "email", "a@b.test") != mark(b"other", "email", "a@b.test")
    assert mark(KEY, "email", "+1") != mark(KEY, "phone", "+1")
    assert not Marks([mark(KEY, "email", "a@b.test")], b"other").bears("email", "a@b.test")


def test_what_is_no_such_value_has_no_mark() -> None:
    assert not list(marks_of(KEY, "email", "no address"))
    assert not list(marks_of(KEY, "phone", "none"))
    assert not list(marks_of(KEY, "name", "Ann"))


@pytest.mark.parametrize("character", ["a", "1", "@", ".", "+", "a1", "a@"])
def test_a_line_of_a_megabyte_ends(character: str) -> None:
    known = marks(email="ann.lee@acme.test", phone="+14152340100", name="Ann Lee")
    line = character * (1_000_000 // len(character))
    assert not known.in_text(line) and not known.in_bytes(line.encode())
    assert known.in_bytes(f"{line} ann.lee@acme.test".encode())
