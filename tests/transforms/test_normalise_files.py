"""CSVs of one's own, the values of all sources, and payloads that nobody meant."""

import math

import msgspec
import pytest
from crm_changes import WRITTEN_AT, a_change, account, extra, facts, person
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.columns import columns
from schemas.errors import InvalidPayload
from schemas.flow import RowBatch, pack_rows, unpack_rows
from transforms.normalise import normalise, values
from transforms.normalise.context import ROW_OF
from transforms.normalise.regions import region_of
from transforms.settings import Settings

KINDS = sorted({*ROW_OF, "dialpad.transcript", "dialpad.recap"})


def test_a_contact_of_ones_own() -> None:
    payload = {
        "id": "7",
        "given_name": "Ada",
        "emails": ["ada@customer.example", "nonsense"],
        "phones": ["206 446 0763"],
        "account_id": "12",
        "birth_date": "1980-02-03",
        "created_at": 5,
        "extra": {"Shoe size": "42", "given_name": "never"},
    }
    row, identity = person(a_change("files.contact", payload, object_id="7"))
    assert (row.given_name, row.emails) == ("Ada", ("ada@customer.example",))
    assert identity.accounts == (row.account_key,) == ("files:account:12",)
    assert (identity.birth_date, row.created_at) == ("1980-02-03", 5)
    assert extra(row) == {"emails": ["ada@customer.example", "nonsense"], "Shoe size": "42"}
    linked, _ = person(a_change("files.contact", {"account_id": "0015w0000000001"}))
    assert linked.account_key == "salesforce:account:0015w0000000001AAA"


def test_an_account_of_ones_own() -> None:
    payload = {"organisation": "Customer", "domain": "www.customer.example", "city": "Oslo"}
    row, identity = account(a_change("files.account", payload))
    assert (row.name, identity.domains, identity.city) == (
        "Customer",
        ("customer.example",),
        "Oslo",
    )
    gone, identity = account(a_change("files.account", operation="delete"))
    assert (gone.is_deleted, identity.deleted) == (True, True)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="shoe"):
        facts(a_change("files.shoe", {}))


@pytest.mark.parametrize(
    ("parse", "value", "found"),
    [
        (values.as_bool, "TRUE", True),
        (values.as_bool, "0", False),
        (values.as_bool, 1, True),
        (values.as_bool, "maybe", None),
        (values.as_int, "17", 17),
        (values.as_int, "17.0", 17),
        (values.as_int, 17.5, None),
        (values.as_int, True, None),
        (values.as_int, 1 << 63, None),
        (values.as_float, "1e3", 1_000.0),
        (values.as_float, "nan", None),
        (values.as_float, "1,000", None),
        (values.as_float, 1 << 2_000, None),
        (values.as_float, math.inf, None),
        (values.as_micros, "2026-01-31T08:00:00.000+0000", 1_769_846_400_000_000),
        (values.as_micros, "2026-01-31T08:00:00Z", 1_769_846_400_000_000),
        (values.as_micros, "2026-01-31T09:00:00+01:00", 1_769_846_400_000_000),
        (values.as_micros, "2026-01-31", 1_769_817_600_000_000),
        (values.as_micros, "2026-01-31T08:00:00", None),
        (values.as_utc_micros, "2026-01-31T08:00:00", 1_769_846_400_000_000),
        (values.as_micros, "1769846400000", 1_769_846_400_000_000),
        (values.as_utc_micros, "1712010800000", 1_712_010_800_000_000),
        (values.as_micros, "-1000000000000", -1_000_000_000_000_000),
        (values.as_micros, "20260131T080000Z", None),
        (values.as_micros, 1_769_846_400_000, 1_769_846_400_000_000),
        (values.as_micros, "2026-02-30T08:00:00Z", None),
        (values.as_micros, "2026-01-31T25:00:00Z", None),
        (values.as_micros, 10**18, None),
        (values.as_days, "1970-01-11", 10),
        (values.as_days, "1970-01-11T23:59:00Z", 10),
        (values.as_days, "864000000000", 10_000),
        (values.as_days, "1970-13-11", None),
        (values.as_id, 1002, "1002"),
        (values.as_id, True, None),
        (values.as_text, " a\0b ", "ab"),
        (values.as_text, ["a"], None),
        (values.as_text, 5, "5"),
    ],
)
def test_values_come_in_many_forms(parse: object, value: object, found: object) -> None:
    assert parse(value) == found  # type: ignore[operator]


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("United States", "US"),
        ("U.S.A.", "US"),
        ("the Netherlands", "NL"),
        ("united states of america", "US"),
        ("gb", "GB"),
        ("Deutschland", "DE"),
        ("Atlantis", "FR"),
        (None, "FR"),
    ],
)
def test_countries_by_name_or_code(country: str | None, region: str) -> None:
    assert region_of(country, "FR") == region


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_an_empty_record_and_a_deletion(kind: str) -> None:
    for change in (a_change(kind, {"properties": {}}), a_change(kind, operation="delete")):
        rows, _ = facts(change)
        assert unpack_rows(pack_rows(RowBatch(rows))).rows == rows


_NAMES = st.sampled_from(
    "Id Email Phone Website AccountId WhoId OwnerId CreatedDate IsDeleted MasterRecordId Account "
    "MailingAddress FromAddress ToAddress MessageIdentifier TextBody StartDateTime Amount "
    "DurationInMinutes properties associations archived email phone hs_timestamp hs_email_headers "
    "hs_call_duration hs_call_from_number hs_call_direction createdate closedate hs_note_body id "
    "call_id master_call_id direction external_number internal_number contact target duration "
    "date_started labels lines summary action_items disposition emails phones phone_numbers "
    "from_number to_number text created_date state extra account_id domain created_at".split()
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "true", "a@b.example", "+12064460763", "0035w0000000001", "2026-01-31T08:00:00Z"]
    )
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(_NAMES, _TREES, max_size=8))
@example("hubspot.contact", {"properties": {"email": ["a@b.example", 5]}})
@example("dialpad.call", {"external_number": 12064460763, "labels": "x", "duration": 1e300})
@example("salesforce.contact", {"MailingAddress": {"city": {"x": 1}}, "Account": {"Name": []}})
def test_whatever_the_payload_rows_come_out_or_a_reason(kind: str, payload: dict) -> None:
    change = a_change(kind, msgspec.json.encode(payload))
    try:
        rows, identities = normalise(change, Settings(), WRITTEN_AT)
    except InvalidPayload:
        return
    assert rows
    # Every row is what its table takes, and so is every record.
    assert unpack_rows(pack_rows(RowBatch(rows))).rows == rows
    for row in rows:
        for column in columns(type(row)):
            value = getattr(row, column.name)
            if column.kind in ("TIMESTAMP", "INT64") and isinstance(value, int):
                assert -(1 << 63) <= value < 1 << 63
            if column.kind == "FLOAT64" and value is not None:
                assert math.isfinite(value)
    for identity in identities:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(identity), type=type(identity))


@settings(max_examples=200)
@given(st.sampled_from(KINDS), st.binary(max_size=60))
def test_bytes_that_are_no_record_are_refused(kind: str, payload: bytes) -> None:
    try:
        normalise(a_change(kind, payload), Settings(), WRITTEN_AT)
    except InvalidPayload as error:
        assert str(error)
