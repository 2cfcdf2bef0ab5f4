"""HubSpot, from the account through the connector to the tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance import Run
from hubspot_harness import HubSpotHarness, hubspot
from source_rows import OWN, Tables

from connectors.hubspot.events import hints_of
from sandbox.vendors.faults import Fault
from sandbox.vendors.hubspot.state import iso
from schemas.change import opaque_id
from schemas.operations import SchemaChange
from schemas.records import Account, Deal, Enrollment, Interaction, Person
from transforms.settings import CustomField, Settings

WHEN = "2026-01-05T09:00:00.000Z"
WHEN_US = 1_767_603_600_000_000
OWNER = {
    "id": "70000",
    "type": "PERSON",
    "email": "rep@alderpeak.example",
    "firstName": "Rex",
    "lastName": "Roe",
    "userId": 900,
    "createdAt": WHEN,
    "archived": False,
}


class Reading:
    """A harness that is read again and again, and all rows that came of it."""

    def __init__(self, harness: HubSpotHarness, folder: Path) -> None:
        self.harness = harness
        self.account = harness.account
        self.run = Run(harness, folder)

    def again(self, settings: Settings = OWN) -> Tables:
        self.harness.pass_time(90)
        outcome = self.run.round()
        assert outcome.succeeded, outcome.failures
        assert not outcome.bad
        return Tables(self.run.collector.changes, settings)

    def hinted(self) -> Tables:
        """What the account's webhooks tell of, fetched."""
        told = [hint for event in self.account.events for hint in hints_of(event) or ()]
        self.account.events.clear()
        hints = [msgspec.json.encode(hint) for hint in told]
        page = self.harness.connector().fetcher().fetch(hints)
        self.run.collector.changes += page.changes
        return Tables(self.run.collector.changes)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with hubspot(seed=False) as harness:
        account = harness.account
        for place in range(2):
            account.create("contacts", {"email": f"person{place}@their.example"})
            account.create("companies", {"name": f"Their {place}"})
            account.create("deals", {"dealname": f"Deal {place}"})
        account.owners["70000"] = {**OWNER, "updatedAt": iso(harness.now[0] // 1_000)}
        account.events.clear()
        yield Reading(harness, tmp_path)


def test_an_enrolment_is_followed_from_its_beginning_to_its_end_and_the_next(
    reading: Reading,
) -> None:
    account, key = reading.account, ""
    contact = next(iter(account.live("contacts")))
    key, owner = f"hubspot:contact:{contact.id}", next(iter(account.owners))
    reading.harness.configure(enrollments=True)
    account.enroll(contact.id, "77", "First steps", owner)
    reading.again()
    account.leave(contact.id, finished=True)
    reading.again()
    account.enroll(contact.id, "78", "Second steps", owner)
    found = {(one.sequence_id, one.part): one for one in reading.again().of(Enrollment, key)}
    assert set(found) == {(one, part) for one in ("77", "78") for part in ("status", "detail")}
    first, second = found["77", "status"], found["78", "status"]
    assert (first.is_active, first.end_reason, second.is_active) == (False, "finished", True)
    assert first.ended_at is not None
    assert first.enrolled_at is not None
    assert first.ended_at > first.enrolled_at
    assert (second.ended_at, second.end_reason) == (None, None)
    detail = found["77", "detail"]
    assert (detail.sequence_name, detail.enrollment_id) == ("First steps", first.enrollment_id)
    assert detail.enrolled_by_email == account.owners[owner]["email"]


ENGAGEMENTS: tuple[tuple[str, str, dict[str, str], dict[str, Any]], ...] = (
    (
        "calls",
        "call",
        {"hs_call_title": "Intro", "hs_call_duration": "60000"},
        {"subject": "Intro", "duration_s": 60.0},
    ),
    (
        "emails",
        "email",
        {"hs_email_subject": "Offer", "hs_email_text": "As said."},
        {"subject": "Offer", "body": "As said."},
    ),
    (
        "meetings",
        "meeting",
        {"hs_meeting_title": "Demo", "hs_meeting_outcome": "COMPLETED"},
        {"subject": "Demo", "outcome": "COMPLETED"},
    ),
    ("notes", "note", {"hs_note_body": "<p>Wants a <b>quote</b>.</p>"}, {"body": "Wants a quote."}),
    (
        "tasks",
        "task",
        {"hs_task_subject": "Call back", "hs_task_status": "NOT_STARTED"},
        {"subject": "Call back", "outcome": "NOT_STARTED"},
    ),
    (
        "communications",
        "sms",
        {"hs_communication_body": "On my way.", "hs_communication_channel_type": "SMS"},
        {"body": "On my way."},
    ),
)


@pytest.mark.parametrize(("path", "kind", "fields", "says"), ENGAGEMENTS, ids=lambda x: str(x)[:9])
def test_an_engagement_is_an_interaction_with_those_it_is_associated_with(
    reading: Reading, path: str, kind: str, fields: dict[str, str], says: dict[str, Any]
) -> None:
    account, owner = reading.account, next(iter(reading.account.owners))
    contact, company, deal = (
        next(iter(account.live(one))).id for one in ("contacts", "companies", "deals")
    )
    made = account.create(path, {**fields, "hs_timestamp": WHEN, "hubspot_owner_id": owner})
    for to, other in (("contacts", contact), ("companies", company), ("deals", deal)):
        account.associate(path, made.id, to, other)
    tables = reading.again()
    row = tables.one(Interaction, f"hubspot:{path.rstrip('s')}:{made.id}")
    told = {"body": tables.text(row.record_key)} if "body" in says else {}
    assert told | {name: getattr(row, name) for name in says if name != "body"} == says
    assert (row.kind, row.occurred_at, row.owner_key) == (kind, WHEN_US, f"hubspot:owner:{owner}")
    assert row.person_keys == (f"hubspot:contact:{contact}",)
    assert row.account_keys == (f"hubspot:company:{company}",)
    assert row.deal_keys == (f"hubspot:deal:{deal}",)


def test_who_took_part_in_mails_and_calls_is_in_their_headers_and_numbers(
    reading: Reading,
) -> None:
    account = reading.account
    headers = (
        '{"from": {"email": "rep@alderpeak.example", "firstName": "Rex", "lastName": "Roe"},'
        ' "to": [{"email": "ada@their.example"}], "cc": [{"email": "bo@their.example"}]}'
    )
    mail = account.create("emails", {"hs_email_headers": headers, "hs_email_direction": "EMAIL"})
    numbers = {"hs_call_from_number": "+14152340199", "hs_call_to_number": "+12064460763"}
    call = account.create("calls", {**numbers, "hs_call_direction": "OUTBOUND"})
    tables = reading.again()
    found = tables.participants(f"hubspot:email:{mail.id}")
    assert [(one.role, one.email, one.is_internal) for one in found] == [
        ("from", "rep@alderpeak.example", True),
        ("to", "ada@their.example", False),
        ("cc", "bo@their.example", False),
    ]
    assert tables.one(Interaction, f"hubspot:email:{mail.id}").direction == "outbound"
    sides = tables.participants(f"hubspot:call:{call.id}")
    assert [(one.role, one.phone, one.is_internal) for one in sides] == [
        ("caller", "+14152340199", True),
        ("callee", "+12064460763", False),
    ]
    assert f"dialpad:number:{opaque_id('+12064460763')}" in tables.identities


def test_owners_are_our_own_people(reading: Reading) -> None:
    tables = reading.again()
    for owner_id, owner in reading.account.owners.items():
        row = tables.one(Person, f"hubspot:owner:{owner_id}")
        assert (row.is_internal, row.emails) == (True, (owner["email"],))
        assert tables.identities[row.record_key].internal


@pytest.mark.parametrize("new_id", [False, True])
@pytest.mark.parametrize(
    ("path", "name", "kind"), [("contacts", "contact", Person), ("companies", "company", Account)]
)
def test_who_is_merged_away_names_who_lives_on(
    reading: Reading, path: str, name: str, kind: type[Person | Account], new_id: bool
) -> None:
    reading.again()
    one, two = [record.id for record in reading.account.live(path)][:2]
    kept = reading.account.merge(path, one, two, new_id)
    polled = reading.again()
    for tables in (polled, reading.hinted()):
        for loser in {one, two} - {kept.id}:
            row = tables.one(kind, f"hubspot:{name}:{loser}")
            assert (row.is_deleted, row.successor_key) == (True, f"hubspot:{name}:{kept.id}")
            assert tables.identities[row.record_key].successor == row.successor_key
        assert not tables.one(kind, f"hubspot:{name}:{kept.id}").is_deleted


def test_who_is_erased_for_privacy_is_a_tombstone_that_holds_nothing(reading: Reading) -> None:
    reading.again()
    contact = next(iter(reading.account.live("contacts")))
    reading.account.erase("contacts", contact.id)
    tables = reading.hinted()
    row = tables.one(Person, f"hubspot:contact:{contact.id}")
    assert (row.is_deleted, row.successor_key, row.emails) == (True, None, ())
    assert (row.full_name, row.extra) == (None, None)
    assert tables.identities[row.record_key].deleted


def test_what_is_archived_goes_with_its_participants_and_comes_back(reading: Reading) -> None:
    account = reading.account
    mail = account.create("emails", {"hs_email_to_email": "ada@their.example"})
    deal = next(iter(account.live("deals")))
    reading.again()
    account.archive("emails", mail.id)
    account.archive("deals", deal.id)
    tables = reading.again()
    assert tables.one(Interaction, f"hubspot:email:{mail.id}").is_deleted
    assert [one.is_deleted for one in tables.participants(f"hubspot:email:{mail.id}")] == [True]
    assert tables.one(Deal, f"hubspot:deal:{deal.id}").is_deleted
    account.restore("emails", mail.id)
    tables = reading.again()
    assert not tables.one(Interaction, f"hubspot:email:{mail.id}").is_deleted
    (back,) = tables.participants(f"hubspot:email:{mail.id}")
    assert (back.email, back.is_deleted) == ("ada@their.example", False)


def test_custom_properties_fill_the_columns_that_the_settings_name(reading: Reading) -> None:
    settings = Settings(
        custom_fields=(
            CustomField(record="hubspot.contact", field="never_call", column="do_not_call"),
            CustomField(record="hubspot.contact", field="second_mail", column="emails"),
            CustomField(record="hubspot.company", field="umsatz", column="annual_revenue"),
        )
    )
    account = reading.account
    fields = {"email": "ada@their.example", "never_call": "true", "second_mail": "a@home.example"}
    contact = account.create("contacts", fields)
    company = account.create("companies", {"name": "Their", "umsatz": "12500"})
    tables = reading.again(settings)
    row = tables.one(Person, f"hubspot:contact:{contact.id}")
    assert (row.do_not_call, row.emails) == (True, ("ada@their.example", "a@home.example"))
    assert "a@home.example" in tables.identities[row.record_key].emails
    assert tables.one(Account, f"hubspot:company:{company.id}").annual_revenue == 12_500.0
    # Without the setting it is kept, and fills nothing.
    plain = reading.again().one(Person, f"hubspot:contact:{contact.id}")
    assert plain.do_not_call is None
    assert "never_call" in (plain.extra or "")


def test_trap_24_properties_that_come_go_or_change_type_are_rows_that_say_so(
    reading: Reading,
) -> None:
    account = reading.account
    contact = account.create("contacts", {"never_call": "true", "score": "7"})
    assert reading.again().latest(SchemaChange) == []
    account.drop_property("contacts", "never_call")
    account.types["contacts", "score"] = "number"
    account.edit("contacts", contact.id, {"shoe_size": "43"})
    found = {one.field: one for one in reading.again().latest(SchemaChange)}
    assert {name: (one.event, one.type_before, one.type_after) for name, one in found.items()} == {
        "never_call": ("gone", "string", None),
        "score": ("retyped", "string", "number"),
        "shoe_size": ("added", None, "string"),
    }
    gone = found["never_call"]
    assert (gone.source, gone.object_name) == ("hubspot", "contact")
    assert abs(gone.noticed_at - reading.harness.now[0]) < 1_000_000
    assert len(reading.again().latest(SchemaChange)) == 3


def test_a_property_that_is_gone_and_refused_is_read_without(reading: Reading) -> None:
    account = reading.account
    contact = account.create("contacts", {"never_call": "true", "firstname": "Ada"})
    reading.harness.configure(properties={"contact": ("firstname", "never_call")})
    reading.again()
    account.drop_property("contacts", "never_call")
    account.edit("contacts", contact.id, {"firstname": "Eda"})
    reading.harness.faults.switch_on(Fault(name="strict_properties"))
    tables = reading.again()
    assert reading.harness.faults.struck["strict_properties"]
    assert tables.one(Person, f"hubspot:contact:{contact.id}").given_name == "Eda"
    (gone,) = tables.latest(SchemaChange)
    assert (gone.field, gone.event) == ("never_call", "gone")
