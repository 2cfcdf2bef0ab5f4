"""Salesforce, from the org through the connector to the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import SalesforceHarness, salesforce
from source_rows import OWN, Tables

from schemas.operations import SchemaChange
from schemas.records import Account, Deal, Interaction, Person
from transforms.mime import ids
from transforms.settings import CustomField, Settings

WHEN = "2026-01-05T09:00:00.000+0000"
WHEN_US = 1_767_603_600_000_000


class Reading:
    def __init__(self, harness: SalesforceHarness, folder: Path) -> None:
        self.harness = harness
        self.org = harness.org
        self.run = Run(harness, folder)
        self.user = self.org.create(
            "User", FirstName="Rex", LastName="Roe", Email="rep@alderpeak.example", IsActive=True
        )
        self.account = self.org.create("Account", Name="Their", Website="their.example")
        self.contact = self.org.create(
            "Contact", FirstName="Ada", LastName="Byron", Email="ada@their.example"
        )
        self.deal = self.org.create("Opportunity", Name="Big", AccountId=self.account, Amount=5.0)

    def again(self, settings: Settings = OWN) -> Tables:
        self.harness.pass_time(15)
        outcome = self.run.round()
        assert outcome.succeeded, outcome.failures
        assert not outcome.bad
        return Tables(self.run.collector.changes, settings)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with salesforce(empty=True) as harness:
        yield Reading(harness, tmp_path)


def test_a_task_is_an_interaction_with_whom_and_what_it_is_about(reading: Reading) -> None:
    task = reading.org.create(
        "Task",
        Subject="Call back",
        Description="They want a quote.",
        WhoId=reading.contact,
        WhatId=reading.deal,
        AccountId=reading.account,
        OwnerId=reading.user,
        Status="Completed",
        CompletedDateTime=WHEN,
    )
    tables = reading.again()
    row = tables.one(Interaction, f"salesforce:task:{task}")
    assert (row.kind, row.part, row.subject) == ("task", "task", "Call back")
    assert (tables.text(row.record_key), row.outcome) == ("They want a quote.", "Completed")
    assert row.occurred_at == WHEN_US
    assert row.owner_key == f"salesforce:user:{reading.user}"
    assert row.person_keys == (f"salesforce:contact:{reading.contact}",)
    assert row.account_keys == (f"salesforce:account:{reading.account}",)
    assert row.deal_keys == (f"salesforce:opportunity:{reading.deal}",)


def test_a_task_of_a_call_is_a_call(reading: Reading) -> None:
    task = reading.org.create(
        "Task",
        TaskSubtype="Call",
        CallType="Inbound",
        CallDurationInSeconds=61,
        CallDisposition="Reached",
    )
    row = reading.again().one(Interaction, f"salesforce:task:{task}")
    assert (row.kind, row.direction, row.duration_s, row.outcome) == (
        "call",
        "inbound",
        61.0,
        "Reached",
    )


def test_an_event_is_a_meeting(reading: Reading) -> None:
    event = reading.org.create(
        "Event", Subject="Demo", StartDateTime=WHEN, DurationInMinutes=45, WhoId=reading.contact
    )
    row = reading.again().one(Interaction, f"salesforce:event:{event}")
    assert (row.kind, row.subject, row.duration_s) == ("meeting", "Demo", 2_700.0)
    assert (row.occurred_at, row.person_keys) == (
        WHEN_US,
        (f"salesforce:contact:{reading.contact}",),
    )


def test_a_logged_mail_meets_its_copies_elsewhere_by_its_message_id(reading: Reading) -> None:
    mail = reading.org.create(
        "EmailMessage",
        FromAddress="ada@their.example",
        FromName="Ada Byron",
        ToAddress="rep@alderpeak.example; bo@their.example",
        Subject="Re: Offer",
        TextBody="Agreed.",
        Incoming=True,
        MessageDate=WHEN,
        MessageIdentifier="<one@their.example>",
        RelatedToId=reading.deal,
    )
    tables = reading.again()
    row = tables.one(Interaction, f"salesforce:emailmessage:{mail}")
    assert (row.kind, row.direction) == ("email", "inbound")
    assert tables.text(row.record_key) == "Agreed."
    assert row.interaction_id == ids.mail_interaction_id("one@their.example")
    assert row.deal_keys == (f"salesforce:opportunity:{reading.deal}",)
    found = tables.participants(row.record_key)
    assert [(one.role, one.email, one.is_internal) for one in found] == [
        ("from", "ada@their.example", False),
        ("to", "rep@alderpeak.example", True),
        ("to", "bo@their.example", False),
    ]


def test_a_converted_lead_names_the_contact_that_it_lives_on_as(reading: Reading) -> None:
    lead = reading.org.create("Lead", FirstName="Ada", LastName="Byron", Status="Open")
    key, contact = f"salesforce:lead:{lead}", f"salesforce:contact:{reading.contact}"
    before = reading.again().one(Person, key)
    assert (before.successor_key, before.linked_keys) == (None, ())
    reading.org.edit(
        "Lead",
        lead,
        IsConverted=True,
        ConvertedContactId=reading.contact,
        ConvertedAccountId=reading.account,
    )
    tables = reading.again()
    row = tables.one(Person, key)
    assert (row.successor_key, row.linked_keys, row.is_deleted) == (contact, (contact,), False)
    assert row.account_key == f"salesforce:account:{reading.account}"
    # It is the contact, by Salesforce's own word.
    assert tables.identities[key].same_as == (contact,)


def test_users_are_our_own_people_and_one_who_left_is_inactive(reading: Reading) -> None:
    key = f"salesforce:user:{reading.user}"
    tables = reading.again()
    row = tables.one(Person, key)
    assert (row.is_internal, row.status, row.full_name) == (True, "active", None)
    assert tables.identities[key].internal
    reading.org.edit("User", reading.user, IsActive=False)
    assert reading.again().one(Person, key).status == "inactive"


@pytest.mark.parametrize(
    ("entity", "kind"), [("Contact", Person), ("Account", Account), ("Lead", Person)]
)
def test_who_is_merged_away_names_who_lives_on(
    reading: Reading, entity: str, kind: type[Person | Account]
) -> None:
    loser, winner = (reading.org.create(entity, Name=name) for name in ("One", "Two"))
    reading.again()
    reading.org.merge(entity, loser, winner)
    tables = reading.again()
    name = entity.lower()
    row = tables.one(kind, f"salesforce:{name}:{loser}")
    assert (row.is_deleted, row.successor_key) == (True, f"salesforce:{name}:{winner}")
    assert tables.identities[row.record_key].successor == row.successor_key


@pytest.mark.parametrize("for_good", [False, True], ids=["bin", "purged"])
def test_what_is_deleted_is_a_tombstone_and_may_come_back(reading: Reading, for_good: bool) -> None:
    event = reading.org.create("Event", Subject="Demo", StartDateTime=WHEN)
    reading.again()
    for entity, record_id in (("Event", event), ("Opportunity", reading.deal)):
        (reading.org.purge if for_good else reading.org.delete)(entity, record_id)
    tables = reading.again()
    assert tables.one(Interaction, f"salesforce:event:{event}").is_deleted
    assert tables.one(Deal, f"salesforce:opportunity:{reading.deal}").is_deleted
    if not for_good:
        reading.org.undelete("Event", event)
        row = reading.again().one(Interaction, f"salesforce:event:{event}")
        assert (row.is_deleted, row.subject) == (False, "Demo")


def test_custom_fields_fill_the_columns_that_the_settings_name(reading: Reading) -> None:
    settings = Settings(
        custom_fields=(
            CustomField(
                record="salesforce.contact", field="Never_Call__c", column="do_not_contact"
            ),
            CustomField(record="salesforce.account", field="Domains__c", column="domains"),
            CustomField(record="salesforce.opportunity", field="Buyer__c", column="person_keys"),
        )
    )
    org = reading.org
    org.add_field("Contact", "Never_Call__c", "boolean")
    org.add_field("Account", "Domains__c", "string")
    org.add_field("Opportunity", "Buyer__c", "reference")
    org.edit("Contact", reading.contact, Never_Call__c=True)
    org.edit("Account", reading.account, Domains__c="www.their.example;their-group.example")
    org.edit("Opportunity", reading.deal, Buyer__c=reading.contact)
    tables = reading.again(settings)
    assert tables.one(Person, f"salesforce:contact:{reading.contact}").do_not_contact is True
    account = tables.one(Account, f"salesforce:account:{reading.account}")
    assert account.domains == ("their.example", "their-group.example")
    assert tables.identities[account.record_key].domains == account.domains
    deal = tables.one(Deal, f"salesforce:opportunity:{reading.deal}")
    assert deal.person_keys == (f"salesforce:contact:{reading.contact}",)


def test_trap_24_a_custom_field_that_vanishes_is_a_row_that_says_which_and_when(
    reading: Reading,
) -> None:
    reading.org.add_field("Contact", "Never_Call__c", "boolean")
    reading.org.edit("Contact", reading.contact, Never_Call__c=True)
    assert reading.again().latest(SchemaChange) == []
    reading.org.remove_field("Contact", "Never_Call__c")
    (row,) = reading.again().latest(SchemaChange)
    assert (row.source, row.object_name, row.field) == ("salesforce", "Contact", "Never_Call__c")
    assert (row.event, row.type_before, row.type_after) == ("gone", "boolean", None)
    assert row.record_key == "salesforce:schema:contact"
    assert abs(row.noticed_at - reading.harness.now[0]) < 1_000_000
    reading.org.add_field("Contact", "Never_Call__c", "picklist")
    (back,) = reading.again().latest(SchemaChange)
    assert (back.event, back.type_after) == ("added", "picklist")
