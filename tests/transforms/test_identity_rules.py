"""Which names can be one person's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.identity.rules import (
    family_conflict,
    fold,
    generation,
    given_conflict,
    people_conflict,
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("robert", "bob"),
        ("elizabeth", "liz"),
        ("katherine", "catherine"),
        ("jonathan", "jon"),
        ("j", "john"),
        ("mary ann", "ann"),
        ("priyanka", "priya"),
        ("dmitri", "dmitry"),
        ("michael", "micheal"),
        ("", "mary"),
    ],
)
def test_spellings_and_short_forms_of_a_given_name_agree(a: str, b: str) -> None:
    assert not given_conflict(a, b)
    assert not given_conflict(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [("eric", "erin"), ("mark", "mary"), ("john", "mary"), ("j", "mary"), ("eric", "erica")],
)
def test_two_known_given_names_conflict_even_where_they_look_alike(a: str, b: str) -> None:
    assert given_conflict(a, b)
    assert given_conflict(b, a)


@pytest.mark.parametrize(
    ("a", "b", "conflict"),
    [
        ("smith", "smith", False),
        ("smith", "smyth", False),
        ("garcia lopez", "garcia", False),
        ("smith", "okafor", True),
        ("", "okafor", False),
        ("s", "smith", False),
    ],
)
def test_family_names(a: str, b: str, conflict: bool) -> None:
    assert family_conflict(a, b) is conflict


def test_names_in_each_others_place_agree() -> None:
    assert not people_conflict("lee", "ann", "ann", "lee", family_counts=True)


def test_a_changed_family_name_counts_only_where_it_is_asked_to() -> None:
    assert people_conflict("ann", "lee", "ann", "okafor", family_counts=True)
    assert not people_conflict("ann", "lee", "ann", "okafor", family_counts=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("John Smith Sr.", 1),
        ("John Smith, Jr", 2),
        ("John Smith II", 2),
        ("John Smith III", 3),
        ("John Smith", 0),
        ("Vivi", 0),
        ("Iii", 3),
    ],
)
def test_generations(name: str, expected: int) -> None:
    assert generation(name) == expected


def test_folded_names_have_no_accents_case_or_punctuation() -> None:
    assert fold("  José-María  O'Neil ") == "jose maria o neil"


@given(st.text(max_size=30), st.text(max_size=30))
def test_conflicts_are_symmetric_and_never_raise(a: str, b: str) -> None:
    a, b = fold(a), fold(b)
    assert given_conflict(a, b) == given_conflict(b, a)
    assert family_conflict(a, b) == family_conflict(b, a)
    assert not given_conflict(a, a)
    assert fold(a) == a
