"""Salesforce: sObjects of the API and of exports become the same rows."""

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
from schemas.errors import ConfigurationError, InvalidPayload
from schemas.records import Interaction, Participant, Person
from transforms.settings import CustomField, Settings

CONTACT = "0035w0000000001AAA"
LEAD = "00Q5w0000000001AAA"
ACCOUNT = "0015w0000000001AAA"
DEAL = "0065w0000000001AAA"
USER = "0055w0000000001AAA"

API_CONTACT = {
    "attributes": {"type": "Contact", "url": "/x"},
    "Id": CONTACT,
    "FirstName": "Ada",
    "LastName": "Byron",
    "Name": "Ada Byron",
    "Email": "Ada.Byron@Customer.Example",
    "Phone": "(206) 446-0763",
    "MobilePhone": "206 446 0764 x12",
    "Title": None,
    "AccountId": ACCOUNT,
    "Account": {"attributes": {}, "Name": "Customer Inc."},
    "OwnerId": USER,
    "HasOptedOutOfEmail": True,
    "DoNotCall": False,
    "Birthdate": "1980-02-03",
    "MailingAddress": {"city": "Springfield", "street": "12 Long Street", "postalCode": "62701"},
    "CreatedDate": "2025-03-01T10:20:30.000+0000",
    "SystemModstamp": "2026-01-31T08:00:00.000+0000",
    "IsDeleted": False,
    "Shoe_Size__c": 42,
}


def test_a_contact_fills_its_columns_and_the_rest_is_extra() -> None:
    row, identity = person(a_change("salesforce.contact", API_CONTACT, object_id=CONTACT))
    assert (row.given_name, row.family_name, row.full_name) == ("Ada", "Byron", "Ada Byron")
    assert row.emails == ("ada.byron@customer.example",)
    assert row.phones == ("+12064460763", "+12064460764")
    assert row.account_key == f"salesforce:account:{ACCOUNT}"
    assert row.owner_key == f"salesforce:user:{USER}"
    assert (row.organisation, row.city, row.street) == (
        "Customer Inc.",
        "Springfield",
        "12 Long Street",
    )
    assert (row.email_opt_out, row.do_not_call, row.do_not_contact) == (True, False, None)
    assert row.created_at == 1_740_824_430_000_000
    # An extension has no column: the number stays as it was written.
    assert extra(row) == {"Shoe_Size__c": 42, "MobilePhone": "206 446 0764 x12"}
    assert identity.emails == row.emails
    assert identity.accounts == (row.account_key,)
    assert identity.birth_date == "1980-02-03"
    assert (identity.stamp, identity.internal) == (STAMP, False)


def test_an_export_says_the_same_as_the_api() -> None:
    texts = {
        name: str(value).lower() if isinstance(value, bool) else value or ""
        for name, value in API_CONTACT.items()
        if name not in ("Account", "MailingAddress")
    }
    texts |= {"Account.Name": "Customer Inc.", "MailingCity": "Springfield"}
    texts |= {"MailingStreet": "12 Long Street", "MailingPostalCode": "62701"}
    by_api, _ = person(a_change("salesforce.contact", API_CONTACT, object_id=CONTACT))
    by_file, _ = person(a_change("salesforce.contact", texts, object_id=CONTACT))
    for column in Person.__struct_fields__:
        if column not in ("change_id", "version_digest", "extra"):
            assert getattr(by_api, column) == getattr(by_file, column), column


def test_numbers_are_read_as_the_records_country_dials_them() -> None:
    fields = {"Phone": "020 7946 0018", "MailingCountry": "United Kingdom"}
    assert person(a_change("salesforce.contact", fields))[0].phones == ("+442079460018",)
    fields = {"Phone": "01 42 68 53 00", "MailingCountry": "FR"}
    assert person(a_change("salesforce.contact", fields))[0].phones == ("+33142685300",)


def test_what_cannot_be_read_is_kept_and_nothing_is_invented() -> None:
    fields = {
        "Email": "not an address",
        "Phone": "ask Joe",
        "AccountId": "garbage",
        "CreatedDate": "2025-03-01T10:20:30",
        "HasOptedOutOfEmail": "perhaps",
        "FirstName": "",
        "LastName": None,
    }
    row, identity = person(a_change("salesforce.contact", fields))
    assert (row.emails, row.phones, row.account_key, row.created_at) == ((), (), None, None)
    assert (row.given_name, row.email_opt_out, identity.accounts) == (None, None, ())
    assert extra(row) == {
        name: value for name, value in fields.items() if name not in ("FirstName", "LastName")
    }


def test_a_converted_lead_is_its_contact() -> None:
    fields = {
        "Company": "Customer Inc.",
        "Email": "ada@customer.example",
        "Status": "Qualified",
        "IsConverted": "true",
        "ConvertedContactId": CONTACT[:15],
        "ConvertedAccountId": ACCOUNT,
    }
    row, identity = person(a_change("salesforce.lead", fields, object_id=LEAD))
    assert identity.same_as == row.linked_keys == (f"salesforce:contact:{CONTACT}",)
    assert identity.accounts == (f"salesforce:account:{ACCOUNT}",)
    assert (row.organisation, row.status) == ("Customer Inc.", "Qualified")


def test_users_and_people_at_our_domains_are_internal() -> None:
    row, identity = person(a_change("salesforce.user", {"IsActive": False, "FirstName": "Rex"}))
    assert (row.is_internal, identity.internal, row.status) == (True, True, "inactive")
    _, identity = person(a_change("salesforce.contact", {"Email": "rex@eu.own.example"}))
    assert identity.internal


def test_an_account_gives_its_domain_and_switchboard() -> None:
    fields = {
        "Name": "Customer Inc.",
        "Website": "https://www.shop.customer.co.uk/about",
        "Phone": "206-446-0763",
        "NumberOfEmployees": "1200",
        "AnnualRevenue": "2500000.50",
        "BillingCity": "Springfield",
        "ParentId": "0015w0000000002AAA",
        "OwnerId": "00G5w0000000001AAA",
    }
    row, identity = account(a_change("salesforce.account", fields, object_id=ACCOUNT))
    assert row.domains == identity.domains == ("customer.co.uk",)
    assert identity.phones == ("+12064460763",)
    assert (row.employees, row.annual_revenue) == (1200, 2_500_000.5)
    assert row.parent_key == "salesforce:account:0015w0000000002AAA"
    assert (row.owner_key, extra(row)) == (None, {"OwnerId": "00G5w0000000001AAA"})
    assert (identity.organisation, identity.city) == ("Customer Inc.", "Springfield")


def test_an_opportunity_is_a_deal() -> None:
    fields = {
        "Name": "Expansion",
        "AccountId": ACCOUNT,
        "ContactId": CONTACT,
        "StageName": "Closed Won",
        "Amount": "1200.5",
        "CurrencyIsoCode": "EUR",
        "CloseDate": "1970-01-11",
        "IsClosed": "1",
        "IsWon": True,
    }
    row = deal(a_change("salesforce.opportunity", fields, object_id=DEAL))
    assert (row.amount, row.currency, row.close_date) == (1200.5, "EUR", 10)
    assert (row.is_closed, row.is_won, row.stage) == (True, True, "Closed Won")
    assert row.person_keys == (f"salesforce:contact:{CONTACT}",)


def test_activities_name_whom_and_what_they_are_about() -> None:
    fields = {"Subject": "Ring", "WhoId": LEAD, "WhatId": DEAL, "AccountId": ACCOUNT}
    task, participants, identities = interaction(
        a_change("salesforce.task", {**fields, "ActivityDate": "2026-01-30", "Status": "Open"})
    )
    assert (task.kind, task.outcome, participants, identities) == ("task", "Open", [], ())
    assert task.person_keys == (f"salesforce:lead:{LEAD}",)
    assert task.account_keys == (f"salesforce:account:{ACCOUNT}",)
    assert task.deal_keys == (f"salesforce:opportunity:{DEAL}",)
    assert task.occurred_at == 1_769_731_200_000_000
    assert task.event_date == 20_483
    event, _, _ = interaction(
        a_change(
            "salesforce.event",
            {"StartDateTime": "2026-01-31T08:00:00.000+0000", "DurationInMinutes": 30, **fields},
        )
    )
    assert (event.kind, event.occurred_at, event.duration_s) == ("meeting", STAMP, 1_800.0)
    call, _, _ = interaction(
        a_change(
            "salesforce.task",
            {
                "TaskSubtype": "Call",
                "CallType": "Inbound",
                "CallDurationInSeconds": 61,
                "CallDisposition": "Reached",
            },
        )
    )
    assert (call.kind, call.direction, call.duration_s, call.outcome) == (
        "call",
        "inbound",
        61.0,
        "Reached",
    )
    assert call.event_date == STAMP // 86_400_000_000


def test_an_email_message_is_the_mail_that_gmail_has() -> None:
    fields = {
        "MessageIdentifier": "<one@customer.example>",
        "FromAddress": "ada@customer.example",
        "FromName": "Ada Byron",
        "ToAddress": "rex@own.example; info@own.example",
        "CcAddress": "bob@customer.example",
        "Subject": "Quote",
        "HtmlBody": "<p>Hello <b>there</b></p>",
        "Incoming": True,
        "MessageDate": "2026-01-31T08:00:00.000+0000",
        "RelatedToId": DEAL,
        "Status": "0",
    }
    change = a_change("salesforce.emailmessage", fields)
    row, participants, identities = interaction(change)
    assert row.interaction_id == stable_hash("mail", "one@customer.example")
    assert row.message_id_header == "one@customer.example"
    assert (row.part, row.kind, row.direction, row.is_draft) == (
        "message",
        "email",
        "inbound",
        False,
    )
    assert (body_of(change), row.snippet) == ("Hello there", "Hello there")
    assert row.deal_keys == (f"salesforce:opportunity:{DEAL}",)
    assert [(one.role, one.email) for one in participants] == [
        ("from", "ada@customer.example"),
        ("to", "rex@own.example"),
        ("to", "info@own.example"),
        ("cc", "bob@customer.example"),
    ]
    key = f"gmail:address:{opaque_id('ada@customer.example')}"
    by_key = {one.record_key: one for one in identities}
    assert by_key[key].full_name == participants[0].display_name == "Ada Byron"
    assert [one.is_internal for one in participants] == [False, True, True, False]
    assert [one.is_shared for one in participants] == [False, False, True, False]
    assert len(identities) == 4


@pytest.mark.parametrize(
    ("payload", "operation", "successor"),
    [
        (None, "delete", ""),
        ({}, "delete", ""),
        (None, "merge", "0035w0000000002AAA"),
        ({"IsDeleted": "true"}, "upsert", ""),
        ({"IsDeleted": True, "MasterRecordId": "0035w0000000002"}, "upsert", ""),
    ],
)
def test_deletes_and_merges_leave_tombstones(
    payload: object, operation: str, successor: str
) -> None:
    change = a_change(
        "salesforce.contact",
        payload,
        object_id=CONTACT,
        operation=operation,
        successor=successor,
    )
    row, identity = person(change)
    merged = "MasterRecordId" in (payload or {}) or operation == "merge"
    assert row.is_deleted
    assert identity.deleted
    key = "salesforce:contact:0035w0000000002AAA" if merged else None
    assert (row.successor_key, identity.successor) == (key, key or "")
    assert (row.emails, row.extra) == ((), None)


def test_a_deleted_activity_takes_its_participants_with_it() -> None:
    rows, identities = facts(a_change("salesforce.emailmessage", operation="delete"))
    assert [type(row) for row in rows] == [Interaction, Participant]
    assert all(row.is_deleted for row in rows)
    assert identities == ()


def test_custom_fields_fill_declared_columns() -> None:
    settings = Settings(
        custom_fields=(
            CustomField(record="salesforce.contact", field="Never__c", column="do_not_contact"),
            CustomField(record="salesforce.contact", field="Mail2__c", column="emails"),
            CustomField(record="salesforce.contact", field="Desk__c", column="phones"),
            CustomField(record="salesforce.contact", field="Old_Lead__c", column="linked_keys"),
            CustomField(record="salesforce.account", field="Domains__c", column="domains"),
        )
    )
    fields = {
        "Email": "ada@customer.example",
        "Never__c": "true",
        "Mail2__c": "ada@home.example",
        "Desk__c": "2064460763",
        "Old_Lead__c": LEAD,
    }
    row, identity = person(a_change("salesforce.contact", fields), settings)
    assert row.do_not_contact
    assert identity.emails == ("ada@customer.example", "ada@home.example")
    assert identity.phones == ("+12064460763",)
    assert identity.same_as == (f"salesforce:lead:{LEAD}",)
    assert row.extra is None
    change = a_change("salesforce.account", {"Domains__c": "a.example;www.b.example; nothing"})
    found, _ = account(change, settings)
    assert found.domains == ("a.example", "b.example")
    assert extra(found) == {"Domains__c": "a.example;www.b.example; nothing"}


@pytest.mark.parametrize(
    ("record", "column"),
    [("salesforce.shoe", "title"), ("salesforce.contact", "size"), ("hubspot.deal", "change_id")],
)
def test_a_custom_field_that_fills_nothing_is_an_error(record: str, column: str) -> None:
    settings = Settings(custom_fields=(CustomField(record=record, field="X__c", column=column),))
    with pytest.raises(ConfigurationError, match="X__c"):
        facts(a_change("salesforce.contact", {}), settings)


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        ("salesforce.shoe", {}, "unknown object type"),
        ("salesforce.contact", b"{", "not JSON"),
        ("salesforce.contact", b"[]", "no object"),
        ("salesforce.contact", None, "empty"),
        ("salesforce.contact", b"\xff\xfe", "not JSON"),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason(
    kind: str, payload: object, message: str
) -> None:
    with pytest.raises(InvalidPayload, match=message):
        facts(a_change(kind, payload))


def test_extra_keeps_numbers_as_they_are() -> None:
    row, _ = person(a_change("salesforce.contact", b'{"Big__c": 90071992547409931, "F__c": 0.1}'))
    assert row.extra is not None
    assert json.loads(row.extra) == {"Big__c": 90_071_992_547_409_931, "F__c": 0.1}
