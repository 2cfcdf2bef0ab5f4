"""A row is encoded as it is, or repaired where Unicode is broken, or refused by column name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import a_row, one_of_each

from schemas.clock import MAX_US, MIN_US
from schemas.columns import Json, Row, columns
from schemas.errors import FatalError, InvalidRow
from schemas.tables import BY_ID
from warehouse.protobuf import MAX_ROW_BYTES, encode, message_class

PERSON = BY_ID["sales.people"]


def decoded(row: Row) -> dict[str, Any]:
    message = message_class(type(row)).FromString(encode(row))
    found = {}
    for column in columns(type(row)):
        value = getattr(message, column.name)
        if column.mode == "REPEATED":
            found[column.name] = tuple(value)
        else:
            found[column.name] = value if message.HasField(column.name) else None
    return found


@pytest.mark.parametrize("row", one_of_each(), ids=lambda row: type(row).__name__)
def test_a_row_of_every_table_is_encoded_as_it_is(row: Row) -> None:
    assert decoded(row) == {name: getattr(row, name) for name in row.__struct_fields__}


@given(text=st.text())
def test_text_with_any_character_stays_the_same(text: str) -> None:
    assert decoded(a_row(PERSON, full_name=text))["full_name"] == text


@given(text=st.text(st.characters(codec=None, categories=["L", "Cs"])))
def test_broken_unicode_is_replaced_and_nothing_else(text: str) -> None:
    found = decoded(a_row(PERSON, full_name=text))["full_name"]
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert found == expected


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_that_escapes_lone_surrogates_becomes_json_that_all_can_read(document: Any) -> None:
    found = decoded(a_row(PERSON, extra=json.dumps(document)))["extra"]
    read = json.loads(found)
    json.dumps(read, ensure_ascii=False).encode("utf-8")
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return
    assert read == document


def test_numbers_and_escapes_around_a_lone_surrogate_are_kept_letter_by_letter() -> None:
    before = r'{"a":"\ud800","n":1.500,"big":123456789012345678901234567890,"b":"\\ud800"}'
    after = r'{"a":"\ufffd","n":1.500,"big":123456789012345678901234567890,"b":"\\ud800"}'
    assert decoded(a_row(PERSON, extra=before))["extra"] == after


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"source": None}, "column source is required and empty"),
        ({"full_name": 5}, "column full_name is no STRING"),
        ({"version_stamp": "private"}, "column version_stamp is no TIMESTAMP"),
        ({"written_at": MAX_US + 1}, "column written_at is no TIMESTAMP"),
        ({"written_at": MIN_US - 1}, "column written_at is no TIMESTAMP"),
        ({"extra": ""}, "column extra is no JSON"),
        ({"extra": "{private"}, "column extra is no JSON"),
        ({"extra": "[NaN]"}, "column extra is no JSON"),
        ({"extra": "[" * 5_000 + "]" * 5_000}, "column extra is no JSON"),
    ],
)
def test_a_row_is_refused_by_the_name_of_its_column(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidRow) as refused:
        encode(a_row(PERSON, **fields))
    assert str(refused.value) == fault


@pytest.mark.parametrize("day", [2_932_897, -719_163, 2**31])
def test_a_day_that_the_calendar_lacks_is_refused(day: int) -> None:
    with pytest.raises(InvalidRow, match="column event_date is no DATE"):
        encode(a_row(BY_ID["sales.interactions"], event_date=day))


def test_a_row_larger_than_a_request_is_refused() -> None:
    with pytest.raises(InvalidRow, match=r"has \d+ bytes, 9900000 are the limit"):
        encode(a_row(BY_ID["raw.changes"], payload=bytes(MAX_ROW_BYTES)))


class RepeatedJson(Row, frozen=True, kw_only=True):
    many: tuple[Json, ...] = ()


def test_a_repeated_column_that_would_not_be_checked_is_no_column() -> None:
    with pytest.raises(FatalError, match="RepeatedJson"):
        encode(RepeatedJson())
