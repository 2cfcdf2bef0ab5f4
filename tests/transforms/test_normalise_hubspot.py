"""HubSpot: every property is a text, "" is null, associations come in three forms."""

import json

import pytest
from crm_changes import (
    STAMP,
    a_change,
    account,
    body_of,
    deal,
    extra,
    facts,
    interaction,
    person,
)

from schemas.change import opaque_id, stable_hash
from schemas.errors import InvalidPayload

CONTACT = "0035w0000000001AAA"
LEAD = "00Q5w0000000001AAA"
ACCOUNT = "0015w0000000001AAA"


def an_object(properties: dict, **others: object) -> dict:
    return {"id": "77", "properties": properties, "archived": False, **others}


def test_a_contact_with_empty_texts_and_millis() -> None:
    fields = {
        "firstname": "Ada",
        "lastname": "",
        "email": "Ada@Customer.Example",
        "hs_additional_emails": "a2@customer.example;a3@customer.example",
        "phone": "(206) 446-0763",
        "mobilephone": "",
        "company": "Customer Inc.",
        "associatedcompanyid": "901",
        "salesforcecontactid": CONTACT[:15],
        "salesforceleadid": LEAD,
        "salesforceaccountid": ACCOUNT,
        "salesforcelastsynctime": "1769846400000",
        "lifecyclestage": "customer",
        "hs_email_optout": "true",
        "hubspot_owner_id": "5",
        "createdate": "1740824430000",
        "date_of_birth": "1980-02-03",
        "favourite_colour": "red",
    }
    related = {"companies": {"results": [{"id": "902", "type": "contact_to_company_unlabeled"}]}}
    row, identity = person(a_change("hubspot.contact", an_object(fields, associations=related)))
    assert (row.given_name, row.family_name) == ("Ada", None)
    assert row.emails == ("ada@customer.example", "a2@customer.example", "a3@customer.example")
    assert row.phones == ("+12064460763",)
    assert row.account_key == "hubspot:company:901"
    assert identity.accounts == (
        "hubspot:company:901",
        "hubspot:company:902",
        f"salesforce:account:{ACCOUNT}",
    )
    assert identity.same_as == (f"salesforce:contact:{CONTACT}", f"salesforce:lead:{LEAD}")
    assert (row.status, row.email_opt_out, row.owner_key) == ("customer", True, "hubspot:owner:5")
    assert row.created_at == 1_740_824_430_000_000
    assert extra(row) == {"favourite_colour": "red", "salesforcelastsynctime": "1769846400000"}
    assert identity.birth_date == "1980-02-03"


ASSOCIATIONS = {
    "v3": {
        "companies": {
            "results": [{"id": "2", "type": "x"}, {"id": "1", "type": "contact_to_company"}]
        }
    },
    "v4": {
        "companies": {
            "results": [
                {"toObjectId": 2, "associationTypes": [{"label": None, "typeId": 279}]},
                {"toObjectId": 1, "associationTypes": [{"label": "Primary", "typeId": 1}]},
            ]
        }
    },
    "bare": {"0-2": [1, "2"]},
}


@pytest.mark.parametrize("related", ASSOCIATIONS.values(), ids=ASSOCIATIONS)
def test_the_primary_company_comes_first_in_every_form(related: dict) -> None:
    row, identity = person(a_change("hubspot.contact", an_object({}, associations=related)))
    assert row.account_key == "hubspot:company:1"
    assert identity.accounts == ("hubspot:company:1", "hubspot:company:2")


@pytest.mark.parametrize(
    "related", [None, [], {"companies": 7}, {"companies": {"results": [None]}}]
)
def test_odd_associations_are_none(related: object) -> None:
    row, _ = person(a_change("hubspot.contact", an_object({}, associations=related)))
    assert row.account_key is None


def test_a_company_gives_its_domain() -> None:
    fields = {
        "name": "Customer",
        "domain": "customer.example",
        "website": "https://shop.customer.example/x",
        "numberofemployees": "1200",
        "annualrevenue": "1e6",
        "salesforceaccountid": ACCOUNT,
        "hs_parent_company_id": "5",
    }
    row, identity = account(a_change("hubspot.company", an_object(fields)))
    assert identity.domains == ("customer.example",)
    assert identity.same_as == (f"salesforce:account:{ACCOUNT}",)
    assert (row.employees, row.annual_revenue) == (1_200, 1e6)
    assert row.parent_key == "hubspot:company:5"


def test_a_deal_is_with_its_company_and_people() -> None:
    fields = {
        "dealname": "Expansion",
        "dealstage": "contractsent",
        "pipeline": "default",
        "amount": "",
        "closedate": "2026-03-31T23:00:00Z",
        "hs_is_closed": "false",
        "hs_salesforceopportunityid": "0065w0000000001",
    }
    related = {"contacts": {"results": [{"id": "8"}]}, "companies": {"results": [{"id": "9"}]}}
    row = deal(a_change("hubspot.deal", an_object(fields, associations=related)))
    assert (row.account_key, row.person_keys) == ("hubspot:company:9", ("hubspot:contact:8",))
    assert (row.amount, row.close_date, row.is_closed, row.is_won) == (None, 20_543, False, None)
    assert row.linked_keys == ("salesforce:opportunity:0065w0000000001AAA",)
    assert extra(row) == {"pipeline": "default"}


def test_an_owner_is_one_of_us_even_when_archived() -> None:
    payload = {
        "id": "5",
        "email": "rex@own.example",
        "firstName": "Rex",
        "lastName": "Roe",
        "userId": 99,
        "archived": True,
        "createdAt": "2025-03-01T10:20:30.000Z",
    }
    row, identity = person(a_change("hubspot.owner", payload, object_id="5"))
    assert (row.is_internal, row.status, identity.internal) == (True, "inactive", True)
    assert extra(row) == {"user_id": "99"}


def test_an_archived_record_is_gone() -> None:
    row, identity = person(a_change("hubspot.contact", {"id": "77", "archived": True}))
    assert row.is_deleted
    assert identity.deleted
    merged = a_change("hubspot.company", operation="merge", successor="78")
    assert account(merged)[1].successor == "hubspot:company:78"


def test_an_email_is_the_mail_that_gmail_has() -> None:
    headers = {
        "from": {"email": "ada@customer.example", "firstName": "Ada", "lastName": "Byron"},
        "to": [{"email": "rex@own.example"}, {"email": "broken"}],
        "cc": [],
    }
    fields = {
        "hs_timestamp": "2026-01-31T08:00:00Z",
        "hs_email_message_id": "<one@customer.example>",
        "hs_email_headers": json.dumps(headers),
        "hs_email_cc_email": "kim@own.example;bob@customer.example",
        "hs_email_subject": "Quote",
        "hs_email_direction": "INCOMING_EMAIL",
        "hs_email_html": "<div>Hello<br>there</div>",
        "hubspot_owner_id": "5",
    }
    related = {"contacts": {"results": [{"id": "8"}]}, "deals": {"results": [{"id": "3"}]}}
    change = a_change("hubspot.email", an_object(fields, associations=related))
    row, participants, identities = interaction(change)
    assert row.interaction_id == stable_hash("mail", "one@customer.example")
    assert (row.part, row.kind, row.direction) == ("message", "email", "inbound")
    assert (row.occurred_at, body_of(change)) == (STAMP, "Hello\nthere")
    assert (row.person_keys, row.deal_keys) == (("hubspot:contact:8",), ("hubspot:deal:3",))
    assert [(one.role, one.email, one.display_name) for one in participants] == [
        ("from", "ada@customer.example", "Ada Byron"),
        ("to", "rex@own.example", None),
        ("cc", "kim@own.example", None),
        ("cc", "bob@customer.example", None),
    ]
    assert identities[0].record_key == f"gmail:address:{opaque_id('ada@customer.example')}"


@pytest.mark.parametrize("headers", ["", "{", "[]", '{"from": 7, "to": [1, {"email": null}]}'])
def test_broken_headers_leave_the_plain_ones(headers: str) -> None:
    fields = {"hs_email_headers": headers, "hs_email_from_email": "ada@customer.example"}
    _, participants, _ = interaction(a_change("hubspot.email", an_object(fields)))
    assert [one.email for one in participants] == ["ada@customer.example"]


@pytest.mark.parametrize(
    ("direction", "internal"),
    [("INBOUND", [False, True]), ("OUTBOUND", [True, False]), (None, [False, False])],
)
def test_a_calls_counterpart_goes_by_direction(direction: str | None, internal: list[bool]) -> None:
    fields = {
        "hs_timestamp": "1769846400000",
        "hs_call_direction": direction,
        "hs_call_from_number": "+12064460763",
        "hs_call_to_number": "+12064460764",
        "hs_call_duration": "61000",
        "hs_call_title": "Ring",
        "hs_call_status": "COMPLETED",
    }
    row, participants, identities = interaction(a_change("hubspot.call", an_object(fields)))
    assert (row.kind, row.part, row.duration_s, row.outcome) == ("call", "call", 61.0, "COMPLETED")
    assert [one.is_internal for one in participants] == internal
    assert len(identities) == internal.count(False)
    assert (row.our_number is None) == (direction is None)


def test_meetings_notes_tasks_and_messages() -> None:
    start = {
        "hs_meeting_title": "Demo",
        "hs_meeting_start_time": "2026-01-31T08:00:00Z",
        "hs_meeting_end_time": "2026-01-31T08:30:00Z",
        "hs_timestamp": "2026-01-30T08:00:00Z",
    }
    meeting, _, _ = interaction(a_change("hubspot.meeting", an_object(start)))
    assert (meeting.kind, meeting.occurred_at, meeting.duration_s) == ("meeting", STAMP, 1_800.0)
    note, _, _ = interaction(
        a_change("hubspot.note", an_object({"hs_note_body": "<p>Long " + "word " * 99 + "</p>"}))
    )
    assert note.kind == "note"
    assert note.snippet is not None
    assert len(note.snippet) <= 200
    task, _, _ = interaction(
        a_change("hubspot.task", an_object({"hs_task_subject": "Do", "hs_task_status": "DONE"}))
    )
    assert (task.kind, task.subject, task.outcome) == ("task", "Do", "DONE")
    change = a_change("hubspot.communication", an_object({"hs_communication_body": "hi"}))
    sms, _, _ = interaction(change)
    assert (sms.kind, sms.part, body_of(change)) == ("sms", "message", "hi")


@pytest.mark.parametrize(("kind", "payload"), [("hubspot.shoe", {}), ("hubspot.contact", {})])
def test_what_is_no_object_is_refused(kind: str, payload: object) -> None:
    with pytest.raises(InvalidPayload):
        facts(a_change(kind, payload))
