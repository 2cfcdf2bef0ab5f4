"""Dialpad: the counterpart by direction, legs under one call, parts that come when they like."""

import json

import pytest
from crm_changes import STAMP, a_change, body_of, extra, facts, interaction, person

from schemas.change import opaque_id, stable_hash
from schemas.errors import InvalidPayload
from schemas.records import Transcript

THEIRS, OURS = "+12064460763", "+14152340199"
CALL = {
    "call_id": 5_404_319_552_798_720,
    "master_call_id": None,
    "entry_point_call_id": None,
    "direction": "inbound",
    "state": "hangup",
    "date_started": 1_769_846_400_000,
    "duration": 61_500.5,
    "external_number": THEIRS,
    "internal_number": OURS,
    "contact": {"id": "4", "name": "Ada Byron", "email": None},
    "target": {"id": 9, "type": "user", "name": "Rex Roe"},
    "talk_time": None,
    "some_new_field": {"x": 1},
}


def key(number: str) -> str:
    return f"dialpad:number:{opaque_id(number)}"


@pytest.mark.parametrize(
    ("direction", "sides"),
    [
        ("inbound", [("caller", THEIRS, False), ("callee", OURS, True)]),
        ("outbound", [("caller", OURS, True), ("callee", THEIRS, False)]),
    ],
)
def test_the_counterpart_is_never_our_own_number(direction: str, sides: list) -> None:
    row, participants, identities = interaction(
        a_change("dialpad.call", {**CALL, "direction": direction})
    )
    assert [(one.role, one.phone, one.is_internal) for one in participants] == sides
    assert [one.participant_key for one in participants] == [key(side[1]) for side in sides]
    [identity] = identities
    assert (identity.record_key, identity.phones) == (key(THEIRS), (THEIRS,))
    assert identity.full_name == "Ada Byron"
    assert (row.direction, row.our_number, row.owner_key) == (direction, OURS, "dialpad:user:9")
    assert (row.occurred_at, row.duration_s, row.outcome) == (STAMP, 61.5005, "hangup")
    assert extra(row)["some_new_field"] == {"x": 1}
    assert "talk_time" not in extra(row)


def test_legs_stand_under_the_call_that_came_in() -> None:
    call, _, _ = interaction(a_change("dialpad.call", CALL))
    leg = {**CALL, "call_id": "99", "entry_point_call_id": str(CALL["call_id"])}
    part, _, _ = interaction(a_change("dialpad.call", leg))
    own = {**CALL, "master_call_id": str(CALL["call_id"])}
    first, _, _ = interaction(a_change("dialpad.call", own))
    assert call.interaction_id == part.interaction_id == first.interaction_id
    assert call.interaction_id == stable_hash("call", str(CALL["call_id"]))
    assert (call.part, part.part, first.part) == ("call", "leg", "call")


def test_texts_of_an_export_say_the_same_as_numbers_of_the_api() -> None:
    texts = {
        name: value if isinstance(value, dict) or value is None else str(value)
        for name, value in CALL.items()
    }
    by_api, _, _ = interaction(a_change("dialpad.call", CALL))
    by_file, _, _ = interaction(a_change("dialpad.call", texts))
    for column in ("interaction_id", "occurred_at", "duration_s", "our_number", "part"):
        assert getattr(by_api, column) == getattr(by_file, column)


@pytest.mark.parametrize("number", ["anonymous", "", None, "911", "12345", "+15555555555"])
def test_a_caller_without_a_number_is_a_participant_and_no_identity(number: str | None) -> None:
    _, participants, identities = interaction(
        a_change("dialpad.call", {**CALL, "external_number": number})
    )
    assert identities == ()
    assert [(one.role, one.phone) for one in participants] == [("caller", None), ("callee", OURS)]


def test_a_call_between_us_has_no_counterpart() -> None:
    row, participants, identities = interaction(
        a_change("dialpad.call", {**CALL, "external_number": "(415) 234-0100"})
    )
    assert (row.direction, identities) == ("internal", ())
    assert all(one.is_internal for one in participants)


@pytest.mark.parametrize("name", ["(206) 446-0763", "+12064460763", "", None, "ada@b.example"])
def test_a_number_is_no_name(name: str | None) -> None:
    _, _, [identity] = interaction(a_change("dialpad.call", {**CALL, "contact": {"name": name}}))
    assert identity.full_name == ""


def test_nulls_everywhere_are_no_error() -> None:
    row, participants, identities = interaction(
        a_change("dialpad.call", dict.fromkeys(CALL), object_id="5")
    )
    assert row.interaction_id == stable_hash("call", "5")
    assert (row.direction, row.occurred_at, identities) == ("unknown", None, ())
    assert len(participants) == 2


def test_a_transcript_is_put_in_order_and_its_times_are_utc() -> None:
    lines = [
        {"type": "transcript", "time": "2026-01-31T08:00:09.5", "name": "Rex", "content": "Bye"},
        {"type": "moment", "time": "2026-01-31T08:00:01", "content": "negative_sentiment"},
        {"type": "transcript", "time": "2026-01-31T08:00:00", "name": "Ada", "content": "Hello"},
        {"type": "transcript", "time": None, "content": "[expletive]"},
        None,
    ]
    change = a_change("dialpad.transcript", {"call_id": "5", "lines": lines})
    row, participants, identities = interaction(change)
    [said] = [row for row in facts(change)[0] if isinstance(row, Transcript)]
    assert said.transcript == "[expletive]\nAda: Hello\nRex: Bye"
    assert json.loads(said.lines or "") == [
        {"speaker": None, "offset_s": None, "text": "[expletive]"},
        {"speaker": "Ada", "offset_s": 0.0, "text": "Hello"},
        {"speaker": "Rex", "offset_s": 9.5, "text": "Bye"},
    ]
    assert row.interaction_id == stable_hash("call", "5")
    assert (row.part, row.kind, row.occurred_at) == ("transcript", "call", STAMP)
    assert (participants, identities) == ([], ())


def test_a_recap_has_what_was_said_and_is_to_be_done() -> None:
    payload = {
        "call_id": "6",
        "master_call_id": "5",
        "date_created": 1_769_850_000_000,
        "summary": {"content": "They talked."},
        "action_items": [{"content": "Send the quote"}, "Ring back"],
        "disposition": {"name": "Interested"},
    }
    change = a_change("dialpad.recap", payload)
    row, _, _ = interaction(change)
    assert body_of(change) == "They talked.\n- Send the quote\n- Ring back"
    assert (row.part, row.outcome, row.occurred_at) == ("recap", "Interested", None)
    assert row.interaction_id == stable_hash("call", "5")


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_text_message_has_two_sides(direction: str) -> None:
    inbound = direction == "inbound"
    payload = {
        "id": 7,
        "direction": direction,
        "from_number": THEIRS if inbound else OURS,
        "to_number": [OURS if inbound else THEIRS],
        "text": "",
        "text_content": "hi",
        "created_date": "2026-01-31T08:00:00",
        "contact": {"name": "Ada Byron"},
        "target": {"id": "9", "type": "user"},
        "message_status": "success",
    }
    change = a_change("dialpad.sms", payload)
    row, participants, [identity] = interaction(change)
    assert (row.kind, row.part, row.occurred_at) == ("sms", "message", STAMP)
    assert body_of(change) == "hi"
    assert (row.our_number, identity.phones) == (OURS, (THEIRS,))
    assert [one.is_internal for one in participants] == [not inbound, inbound]
    assert [one.display_name for one in participants] == (
        ["Ada Byron", None] if inbound else [None, "Ada Byron"]
    )


def test_users_are_ours_and_contacts_are_not() -> None:
    payload = {
        "id": 9,
        "first_name": "Rex",
        "emails": ["rex@own.example"],
        "phone_numbers": [OURS],
        "state": "active",
        "date_added": "2025-03-01T10:20:30.5",
    }
    row, identity = person(a_change("dialpad.user", payload, object_id="9"))
    assert (row.is_internal, identity.phones, row.status) == (True, (OURS,), "active")
    gone, identity = person(a_change("dialpad.user", {**payload, "state": "deleted"}))
    assert (gone.is_deleted, identity.deleted) == (True, True)
    payload = {
        "id": "4",
        "display_name": "Ada Byron",
        "primary_email": "ada@customer.example",
        "emails": ["ada@customer.example", "broken"],
        "phones": [THEIRS, "anonymous"],
        "company_name": "Customer Inc.",
    }
    row, identity = person(a_change("dialpad.contact", payload))
    assert (identity.emails, identity.phones) == (("ada@customer.example",), (THEIRS,))
    assert (row.is_internal, row.organisation) == (False, "Customer Inc.")
    assert extra(row) == {
        "emails": ["ada@customer.example", "broken"],
        "phones": [THEIRS, "anonymous"],
    }


def test_a_deleted_call_is_gone_whatever_part_it_was() -> None:
    rows, identities = facts(a_change("dialpad.call", operation="delete"))
    assert [getattr(row, "part", "") for row in rows] == ["call", "leg", ""]
    assert all(row.is_deleted for row in rows)
    assert identities == ()


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(InvalidPayload, match="fax"):
        facts(a_change("dialpad.fax", {}))


def test_ids_above_2_to_the_53_lose_no_digit() -> None:
    row, _, _ = interaction(
        a_change("dialpad.call", json.dumps({**CALL, "call_id": 9_007_199_254_740_993}).encode())
    )
    assert row.interaction_id == stable_hash("call", "9007199254740993")
