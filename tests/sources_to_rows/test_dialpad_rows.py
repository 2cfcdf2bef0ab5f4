"""Dialpad, from its events and lists through webhook and poller to the tables."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from conformance import Run
from dialpad_harness import DialpadHarness, dialpad
from source_rows import OWN, Tables

from connectors.dialpad.webhook import DialpadReceiver
from connectors.webhooks.receiver import Delivery
from sandbox.vendors.dialpad.events import call_event, life_of, signed, sms_event
from sandbox.vendors.dialpad.seed import MINUTE_US, Record
from schemas.change import opaque_id, stable_hash
from schemas.records import Interaction, Person
from transforms.identifiers import phone
from transforms.settings import CustomField, Settings

SECRET = "a secret of thirty-two bytes, at least"


class Reading:
    def __init__(self, harness: DialpadHarness, folder: Path) -> None:
        self.harness = harness
        self.state = harness.state
        self.run = Run(harness, folder)
        harness.vault.values["env:HOOK"] = SECRET
        harness.connector(webhook_secrets=("env:HOOK",))
        self._receiver = DialpadReceiver(harness.settings, harness.vault, clock=self.state.clock)

    def sent(self, events: Iterable[Record]) -> Tables:
        for event in events:
            body = signed(event, SECRET)
            received = self._receiver.receive(Delivery("POST", "https://hooks.example", {}, body))
            assert not received.bad
            self.run.collector.changes += received.changes
        return self.tables()

    def polled(self, *objects: str) -> Tables:
        self.harness.objects = objects
        self.harness.pass_time(60)
        outcome = self.run.until_read()
        assert not outcome.bad
        return self.tables()

    def tables(self, settings: Settings = OWN) -> Tables:
        return Tables(self.run.collector.changes, settings)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with dialpad() as harness:
        harness.state.calls.clear()
        yield Reading(harness, tmp_path)


@pytest.mark.parametrize("inbound", [True, False], ids=["inbound", "outbound"])
def test_a_text_message_is_an_interaction_with_both_its_sides(
    reading: Reading, inbound: bool
) -> None:
    event = sms_event(reading.state, inbound=inbound, text="see you at ten")
    tables = reading.sent([event])
    row = tables.one(Interaction, f"dialpad:sms:{event['id']}")
    assert (row.kind, row.part) == ("sms", "message")
    assert tables.text(row.record_key) == "see you at ten"
    assert row.direction == ("inbound" if inbound else "outbound")
    assert row.occurred_at == event["created_date"] * 1_000
    assert row.owner_key == f"dialpad:user:{event['target']['id']}"
    ours = event["to_number"][0] if inbound else event["from_number"]
    theirs = event["from_number"] if inbound else event["to_number"][0]
    found = tables.participants(row.record_key)
    sides = {one.phone: (one.role, one.is_internal) for one in found}
    assert sides == {
        e164(ours): ("to" if inbound else "from", True),
        e164(theirs): ("from" if inbound else "to", False),
    }
    assert row.our_number == e164(ours)
    key = f"dialpad:number:{opaque_id(e164(theirs))}"
    assert tables.identities[key].full_name == event["contact"]["name"]


def e164(number: str) -> str:
    parsed = phone.parse(number, "US")
    assert parsed is not None
    return parsed.e164


def test_legs_transcripts_recaps_recordings_and_voicemails_stand_under_the_master_call(
    reading: Reading,
) -> None:
    state = reading.state
    master = state.new_call(length_s=60)
    leg = state.new_call(length_s=30, master=master)
    events = [*life_of(state, master), *life_of(state, leg)]
    events += [call_event(state, leg, "recording", 2 * MINUTE_US)]
    events += [call_event(state, master, "admin_recording", 2 * MINUTE_US)]
    events += [call_event(state, master, "voicemail_uploaded", 2 * MINUTE_US)]
    reading.harness.pass_time(10)
    reading.sent(reversed(events))
    tables = reading.polled("call", "transcript", "recap")
    rows = tables.latest(Interaction)
    assert {one.interaction_id for one in rows} == {stable_hash("call", master)}
    parts = {(one.object_type, one.object_id.partition(":")[0], one.part) for one in rows}
    assert {one for one in parts if one[0] == "call"} == {
        ("call", master, "call"),
        ("call", leg, "leg"),
    }
    for one in (master, leg):
        assert ("transcript", one, "transcript") in parts
        assert ("call_event", one, "transcript") in parts
        assert ("call_event", one, "recap") in parts
    assert {one for one in parts if one[2] in ("recording", "voicemail")} == {
        ("call_event", leg, "recording"),
        ("call_event", master, "recording"),
        ("call_event", master, "voicemail"),
    }
    by_part = {one.part: one for one in rows if one.object_id.startswith(master)}
    assert by_part["call"].outcome == "hangup"
    assert tables.text(by_part["voicemail"].record_key) == "please call me back"
    links = json.loads(by_part["recording"].extra or "")["recording_details"]
    assert links[0]["recording_type"] == "admincallrecording"


def test_a_recap_of_the_api_stands_under_the_master_call_with_its_outcome(
    reading: Reading,
) -> None:
    master = reading.state.new_call(length_s=60)
    while True:
        leg = reading.state.new_call(length_s=60, master=master)
        if int(leg) % 3 == 0:
            break
    tables = reading.polled("recap")
    row = tables.one(Interaction, f"dialpad:recap:{leg}")
    assert row.interaction_id == stable_hash("call", master)
    assert (row.part, row.outcome) == ("recap", "Interested")
    assert tables.text(row.record_key) == "They spoke of the quote.\n- Send the quote"


def test_a_voicemail_is_a_call_that_ended_so_and_its_text_comes_behind(reading: Reading) -> None:
    state = reading.state
    call = state.new_call(length_s=20, state="voicemail")
    reading.harness.pass_time(10)
    tables = reading.sent(
        [call_event(state, call, "voicemail"), call_event(state, call, "voicemail_uploaded", 9_000)]
    )
    assert tables.one(Interaction, f"dialpad:call:{call}").outcome == "voicemail"
    told = tables.one(Interaction, f"dialpad:call_event:{call}:voicemail_uploaded")
    assert (tables.text(told.record_key), told.outcome) == ("please call me back", None)
    assert "voicemail_share_link" in (told.extra or "")


def test_transcripts_have_their_lines_in_the_order_of_their_times(reading: Reading) -> None:
    call = reading.state.new_call(length_s=60)
    tables = reading.polled("transcript")
    row = tables.one(Interaction, f"dialpad:transcript:{call}")
    said = [line.partition(": ")[2] for line in tables.text(row.record_key).splitlines()]
    assert said == [
        "hello, about the quote",
        "I have it here",
        "thanks, that is [expletive] good",
    ]
    assert row.occurred_at == int(reading.state.calls[call]["date_connected"]) * 1_000 + 1_000_000


def test_users_are_ours_one_who_left_is_gone_and_contacts_are_people(reading: Reading) -> None:
    tables = reading.polled("user", "contact")
    for user_id, user in reading.state.users.items():
        row = tables.one(Person, f"dialpad:user:{user_id}")
        assert row.is_deleted == (user["state"] == "deleted")
        assert row.is_internal or row.is_deleted
    for contact_id, contact in reading.state.contacts.items():
        row = tables.one(Person, f"dialpad:contact:{contact_id}")
        assert (row.full_name, row.is_internal) == (contact["display_name"], False)


def test_custom_fields_of_calls_fill_the_columns_that_the_settings_name(reading: Reading) -> None:
    call = reading.state.new_call(length_s=60, target_disposition="Wants a quote")
    reading.polled("call")
    custom = CustomField(record="dialpad.call", field="target_disposition", column="subject")
    tables = reading.tables(Settings(custom_fields=(custom,)))
    assert tables.one(Interaction, f"dialpad:call:{call}").subject == "Wants a quote"
