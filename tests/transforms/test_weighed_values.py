"""Values as they are compared: what people type differently and mean alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidRow
from transforms.identity.evidence import REFUSED
from transforms.identity.weighed.bounds import Bound
from transforms.identity.weighed.comparisons import (
    FIELDS,
    LEVELS,
    compared,
    mail_level,
    overlap,
    phone_level,
)
from transforms.identity.weighed.features import birth_date, features_of, named
from transforms.identity.weighed.judging import Judge
from transforms.identity.weighed.rows import record_of
from transforms.identity.weighed.weights import SHIPPED, Scorer
from transforms.identity.weighed.words import fold, organisation, street


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", "19700102"),
        ("19700102", "19700102"),
        ("01/02/1970", "19700102"),
        ("31.12.1970", "19701231"),
        ("1/2/70", "19700102"),
        ("1/2/05", "20050102"),
        ("about 1970", "19700000"),
        ("unknown", ""),
    ],
)
def test_birth_dates(text: str, expected: str) -> None:
    assert birth_date(text) == expected


def test_streets_organisations_and_names() -> None:
    assert street("12 North Main Street, Apartment 3") == street("12 N. Main St Apt 3")
    assert street("9 Fifth Avenue") == street("9 5th Ave.")
    assert organisation("The Birch Company, Inc.") == organisation("Birch")
    assert organisation("The Company") == "the company"
    assert named("John", "O'Neil Jr.", "") == ("john", "oneil", 2)
    assert named("", "", "Lee, Ann") == ("ann", "lee", 0)
    for whole in ("John Lee Jr.", "Lee, John Jr.", "Lee Jr., John", "Lee, John, Jr."):
        assert named("", "", whole) == ("john", "lee", 2)


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


TEXT = st.text(alphabet="aábc12 @.'-+/", max_size=12)
ROW = st.fixed_dictionaries(
    {"id": st.just("1"), "kind": st.sampled_from(("person", "organization"))},
    optional=dict.fromkeys(
        (
            *("first", "last", "full", "org", "email", "phone", "dob", "street", "city", "state"),
            *("zip", "country", "street_number", "ssn", "website"),
        ),
        TEXT,
    ),
)


@given(ROW, ROW)
def test_any_two_rows_can_be_compared_and_it_does_not_matter_which_comes_first(
    one: dict[str, str], other: dict[str, str]
) -> None:
    a, b = features_of(record_of(one, 1)), features_of(record_of(other, 2))
    levels = compared(a, b)
    assert levels == compared(b, a)
    assert all(-1 <= level < most for level, most in zip(levels, LEVELS, strict=True))
    assert len(levels) == len(FIELDS)
    judge = Judge(SHIPPED)
    assert judge.bits(a, b) == judge.bits(b, a)
    assert judge.edge_bits(a, b) == judge.edge_bits(b, a)
    found, near = judge.edge_bits(a, b), judge.edge_bits(a, b, REFUSED)
    assert max(found, 0) == max(near, 0)
    bound = Bound(Scorer(SHIPPED.person))
    assert bound.of(a, b) == bound.of(b, a)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [("bo", "al", 1), ("ann", "ans", 4), ("okafor", "okafro", 4), ("okafor", "okafxx", 4)],
)
def test_a_short_mailbox_is_no_slip_of_another(one: str, other: str, level: int) -> None:
    assert mail_level(f"{one}@acme.com", f"{other}@acme.com") == level


def test_what_is_near_is_no_edge_in_either_engine() -> None:
    """The bound that saves the work of comparing is a little low where mailboxes are nearly one and
    begin otherwise; whoever asks from a lower floor must come to the same."""
    row = {"kind": "person", "first": "Carla", "last": "Lee"}
    one = features_of(record_of(row | {"id": "1", "email": "barlay.lee@gmail.com"}, 1))
    other = features_of(record_of(row | {"id": "2", "email": "carlay.lee@gmail.com"}, 1))
    judge = Judge(SHIPPED)
    assert judge.bits(one, other) > 0
    assert judge.edge_bits(one, other) <= 0
    assert judge.edge_bits(one, other, REFUSED) <= 0


WORDS = ("a", "aa", "aab", "st", "mary", "marie", "maria", "school", "schools", "12", "123")


@given(*(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join) for _ in "ab"))
def test_words_overlap_the_same_in_either_order(a: str, b: str) -> None:
    assert overlap(a, b) == overlap(b, a)


@given(*(st.text(alphabet="+1234", min_size=7, max_size=13) for _ in "ab"))
def test_numbers_are_alike_the_same_in_either_order(a: str, b: str) -> None:
    assert phone_level(a, b) == phone_level(b, a)


def test_a_row_says_what_its_columns_say() -> None:
    row = {
        "id": " 7 ",
        "first": "Ann",
        "email": "ann@acme.com",
        "phone": "020 7946 0018",
        "country": "GB",
        "street_number": "7",
        "street": "Elm Ave",
        "soc_sec_id": "123-45",
        "truth": "9",
    }
    record = record_of(row, 3)
    assert (record.record_key, record.kind, record.stamp) == ("7", "person", 3)
    assert record.phones == ("+442079460018",)
    assert record.street == "7 Elm Ave"
    assert record.identifiers == ("social:12345",)


def test_a_local_number_is_kept_as_it_is_and_a_filler_is_not() -> None:
    assert record_of({"id": "1", "phone": "386-5286"}, 1).phones == ("3865286",)
    assert record_of({"id": "1", "phone": "999-9999"}, 1).phones == ()


@pytest.mark.parametrize("row", [{"id": ""}, {"id": "1", "kind": "animal"}], ids=["id", "kind"])
def test_a_row_without_an_id_or_with_an_unknown_kind_is_refused(row: dict[str, str]) -> None:
    with pytest.raises(InvalidRow):
        record_of(row, 1)


ABSENT = ("N/A", "none", "Unknown", "null", "-", "not provided", "TBD")


@pytest.mark.parametrize("word", ABSENT)
@pytest.mark.parametrize(
    "column", ["first", "last", "org", "email", "street", "city", "state", "zip", "dob", "phone"]
)
def test_what_is_written_for_nothing_is_missing(column: str, word: str) -> None:
    row = {"id": "1", "kind": "person"}
    assert features_of(record_of(row | {column: word}, 1)) == features_of(record_of(row, 1))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("email", "none@none.com"),
        ("email", "no.email@gmail.com"),
        ("email", "test@test.com"),
        ("email", "na@na.com"),
        ("org", "Self-employed"),
        ("zip", "00000"),
        ("dob", "1900-01-01"),
        ("dob", "1970-01-01"),
        ("dob", "0000-00-00"),
        ("dob", "12/31/9999"),
        ("phone", "123-456-7890"),
        ("phone", "000-000-0000"),
    ],
)
def test_a_placeholder_is_missing(column: str, value: str) -> None:
    row = {"id": "1", "kind": "person"}
    assert features_of(record_of(row | {column: value}, 1)) == features_of(record_of(row, 1))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("email", "okafor@okafor.com"),
        ("email", "nonette@none.com"),
        ("first", "Nan"),
        ("last", "Na"),
        ("org", "Nonesuch Records"),
        ("phone", "386-5286"),
        ("dob", "1970-01-02"),
    ],
)
def test_what_only_looks_like_a_placeholder_counts(column: str, value: str) -> None:
    row = {"id": "1", "kind": "person"}
    assert features_of(record_of(row | {column: value}, 1)) != features_of(record_of(row, 1))


@pytest.mark.parametrize(
    ("given", "family", "full"),
    [
        ("Dr. Anna", "Meyer", ""),
        ("Prof. Dr. Anna", "Meyer, PhD", ""),
        ("Mrs. Anna", "Meyer MBA", ""),
        ("", "", "Frau Dr. Anna Meyer"),
    ],
)
def test_titles_and_degrees_are_no_names(given: str, family: str, full: str) -> None:
    assert named(given, family, full) == ("anna", "meyer", 0)


def test_a_title_alone_is_no_given_name_and_a_name_that_is_a_title_too_is_one() -> None:
    assert named("Dr.", "Meyer", "") == ("", "meyer", 0)
    assert named("Don", "Lee", "") == ("don", "lee", 0)
    assert named("Yo", "Wu Ma", "") == ("yo", "wu ma", 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Иван Петров", "Ivan Petrov"),
        ("Łukasz Wałęsa", "Lukasz Walesa"),
        ("Søren Jørgensen", "Soren Jorgensen"),
        ("Νίκος Παππάς", "Nikos Pappas"),
        ("Đorđe Þór", "Dorde Thor"),
    ],
)
def test_a_name_in_its_own_letters_is_that_in_ours(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_a_name_that_nobody_can_split_is_compared_whole() -> None:
    one, other = named("", "", "王小明"), named("", "", "李建国")
    assert one[0] and other[0] and one != other


@pytest.mark.parametrize("country", ["Mexico", "México", "MX", "mx"])
def test_a_national_number_is_its_countrys_however_the_country_is_written(country: str) -> None:
    row = {"id": "1", "phone": "55 1234 5678", "country": country}
    assert record_of(row, 1).phones == ("+525512345678",)
