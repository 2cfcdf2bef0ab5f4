"""What HubSpot gives is what the tables get; and what the account says of itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from hubspot_harness import TOKEN, HubSpotHarness, hubspot

from connectors.finding import Finding
from connectors.hubspot.check import SCOPES, check
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.refusals import NotFound
from connectors.secrets import SecretStore
from sandbox.vendors.faults import Fault
from schemas.change import Change
from schemas.errors import RetriableError, SkippableError
from schemas.records import Deal, Interaction, Person
from transforms.normalise import normalise
from transforms.settings import Settings

SETTINGS = Settings(own_domains=("alderpeak.example",))


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with hubspot() as harness:
        yield harness


def rows(change: Change) -> list[Any]:
    return list(normalise(change, SETTINGS, change.fetched)[0])


def read(harness: HubSpotHarness, tmp_path: Path, *objects: str) -> dict[str, Change]:
    harness.objects = objects
    harness.pass_time(90)
    run = Run(harness, tmp_path)
    assert run.round().succeeded
    return {change.object_id: change for change in run.collector.changes}


def test_every_record_of_the_account_becomes_rows(harness: HubSpotHarness, tmp_path: Path) -> None:
    for record_id, change in read(harness, tmp_path).items():
        row, *_ = rows(change)
        assert row.object_id == record_id
        assert not row.is_deleted


def test_trap_42_an_empty_text_is_nothing_and_texts_are_numbers_and_moments(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    account = harness.account
    fields = {
        "dealname": "Expansion",
        "amount": "1250.50",
        "closedate": "1774915200000",
        "hs_is_closed": "true",
        "deal_currency_code": "",
    }
    deal = account.create("deals", fields)
    contact = account.create("contacts", {"firstname": "Ada", "lastname": "", "email": ""})
    account.associate("deals", deal.id, "contacts", contact.id)
    company = next(iter(account.live("companies")))
    account.associate("contacts", contact.id, "companies", company.id, primary=True)
    found = read(harness, tmp_path, "deal", "contact")
    (row,) = rows(found[deal.id])
    assert isinstance(row, Deal)
    assert (row.amount, row.currency, row.is_closed) == (1_250.5, None, True)
    assert row.close_date == 20_543
    assert row.person_keys == (f"hubspot:contact:{contact.id}",)
    (who,) = rows(found[contact.id])
    assert isinstance(who, Person)
    assert (who.given_name, who.family_name, who.emails) == ("Ada", None, ())
    assert who.account_key == f"hubspot:company:{company.id}"


def test_engagements_are_interactions_with_whom_they_are_with(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    kinds = ("call", "email", "meeting", "note", "task", "communication")
    seen = set()
    for change in read(harness, tmp_path, *kinds).values():
        row = rows(change)[0]
        assert isinstance(row, Interaction)
        assert row.person_keys
        assert row.occurred_at is not None
        seen.add(change.object_type)
    assert seen <= set(kinds)
    assert len(seen) >= 2


def test_a_merged_contact_is_a_tombstone_with_its_successor(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    one, two = [record.id for record in harness.account.live("contacts")][:2]
    harness.account.merge("contacts", one, two)
    (row,) = rows(read(harness, tmp_path, "contact")[two])
    assert (row.is_deleted, row.successor_key) == (True, f"hubspot:contact:{one}")


def test_an_archived_owner_still_owns(harness: HubSpotHarness, tmp_path: Path) -> None:
    harness.objects = ("owner",)
    run = Run(harness, tmp_path)
    run.round()
    owner = next(iter(harness.account.owners.values()))
    owner["archived"] = True
    assert run.round().changes == 1
    run.assert_all_there()
    (row,) = rows(run.collector.changes[-1])
    assert (row.status, row.is_internal) == ("inactive", True)
    assert run.round().changes == 0


def test_trap_53_an_owner_that_is_none_is_a_dead_letter_once(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    harness.objects = ("owner",)
    run = Run(harness, tmp_path)
    owner = next(iter(harness.account.owners.values()))
    stamp, owner["updatedAt"] = owner["updatedAt"], "some day"
    assert run.round().bad == 1
    assert run.round().bad == 0
    owner["updatedAt"] = stamp
    run.round()
    run.assert_all_there()


def test_lists_that_go_round_in_a_circle_end(harness: HubSpotHarness, tmp_path: Path) -> None:
    harness.faults.switch_on(Fault(name="circle"))
    harness.objects = ("owner", "contact")
    run = Run(harness, tmp_path)
    failures = run.round().failures
    assert set(failures) == {"hubspot/owner", "hubspot/contact/archived"}
    assert all("circle" in words for words in failures.values())
    with pytest.raises(RetriableError, match="circle"):
        harness.connector().counts()
    harness.faults.switch_off()
    run.until_read()
    run.assert_all_there()


def test_associations_that_go_round_in_a_circle_end(tmp_path: Path) -> None:
    with hubspot(page=1) as harness:
        harness.objects = ("contact",)
        one = next(iter(harness.account.live("contacts")))
        for company in list(harness.account.live("companies"))[:3]:
            harness.account.associate("contacts", one.id, "companies", company.id)
        harness.faults.switch_on(Fault(name="circle", route="/crm/v4"))
        run = Run(harness, tmp_path)
        harness.pass_time(90)
        assert "circle" in run.round().failures["hubspot/contact/delayed"]
        harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()


def test_definitions_without_a_property_empty_no_record(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    harness.objects = ("contact",)
    harness.faults.switch_on(Fault(name="undefined"))
    run = Run(harness, tmp_path)
    harness.pass_time(90)
    outcome = run.round()
    assert "without a single property" in outcome.failures["hubspot/contact/delayed"]
    assert run.collector.changes == []
    harness.faults.switch_off()
    run.until_read()
    run.assert_all_there()


def test_an_enrolment_comes_with_its_contact_and_outlasts_it(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    account = harness.account
    one, two = list(account.live("contacts"))[:2]
    account.enroll(one.id, "77", "First steps", next(iter(account.owners)))
    account.edit("contacts", two.id, {"hs_sequences_is_enrolled": "true"})
    harness.configure(enrollments=True, properties={"contact": ("email",)})
    found = read(harness, tmp_path, "contact")
    enrolment = account.enrollments[one.id]
    assert json.loads(found[one.id].payload)["sequenceEnrollment"] == enrolment
    _, status, detail = rows(found[one.id])
    assert (status.is_active, status.sequence_id) == (True, "77")
    assert (detail.sequence_name, detail.enrollment_id) == ("First steps", status.enrollment_id)
    # Enrolled by its property, and without an enrolment: HubSpot answers 404.
    assert "sequenceEnrollment" not in json.loads(found[two.id].payload)
    account.leave(one.id, finished=True)
    _, ended = rows(read(harness, tmp_path, "contact")[one.id])
    assert (ended.enrollment_id, ended.is_active) == (status.enrollment_id, False)
    assert ended.end_reason == "finished"


def test_trap_54_fetch_time_and_stamp_are_the_servers(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    harness.skew(1e9)
    for record_id, change in read(harness, tmp_path, "company").items():
        record = harness.account.objects["companies"][record_id]
        assert change.stamp == record.updated * 1_000
        assert change.fetched == harness.now[0] // 1_000 * 1_000


def test_a_netrc_of_the_machine_takes_no_headers_place(
    harness: HubSpotHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login jo password x\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(NotFound):
        harness.connector().client.enrollment("1")


def test_counts_are_what_the_account_has(harness: HubSpotHarness) -> None:
    account = harness.account
    account.archive("contacts", next(iter(account.live("contacts"))).id)
    told = harness.connector().counts()
    assert told["contact"] == len(list(account.live("contacts")))
    assert told["owner"] == len(account.owners)
    assert set(told) == {*KINDS, "owner"}


def found(harness: HubSpotHarness) -> list[Finding]:
    connector = harness.connector()
    return list(check(connector.client, harness.settings, harness.vault))


def test_a_check_says_what_to_grant(harness: HubSpotHarness) -> None:
    harness.configure(enrollments=True)
    assert all(one.ok for one in found(harness))
    harness.account.scopes = {"crm.objects.companies.read", "crm.objects.deals.read"}
    refused = {one.what: one for one in found(harness) if not one.ok}
    assert set(refused) == {"hubspot contact", "hubspot email"}
    words = refused["hubspot contact"].found
    assert words.endswith("grant the private app crm.objects.contacts.read")
    assert "sales-email-read" in refused["hubspot email"].fix
    assert set(SCOPES) == {*KINDS, "owner"}


def test_a_check_with_a_token_that_is_refused_says_so_once(harness: HubSpotHarness) -> None:
    harness.vault.values[TOKEN] = "pat-na1-0123"
    (finding,) = found(harness)
    assert (finding.what, finding.ok) == ("hubspot token", False)
    assert "pat-na1" not in finding.found + finding.fix


def test_a_check_looks_whether_the_webhooks_secrets_are_there(harness: HubSpotHarness) -> None:
    assert "privacy deletions" in found(harness)[-1].found
    harness.configure(webhook_secrets=("env:HUBSPOT_SECRET", "env:NO_SUCH_SECRET_HERE"))
    harness.vault = SecretStore(cloud=False)  # type: ignore[assignment]
    harness.configure(objects=())
    assert [one.ok for one in found(harness)] == [False, False]


def test_trap_56_a_token_that_was_rotated_is_read_anew(
    harness: HubSpotHarness, tmp_path: Path
) -> None:
    harness.objects = ("contact",)
    run = Run(harness, tmp_path)
    run.round()
    harness.account.tokens = {"token-2"}
    harness.vault.values[TOKEN] = "token-2"
    harness.change()
    assert run.round().succeeded
    run.assert_all_there()


def test_new_properties_are_read_once_the_definitions_are_an_hour_old(
    harness: HubSpotHarness,
) -> None:
    connector = harness.connector()
    record = next(iter(harness.account.live("contacts")))
    reader = connector.fetcher()
    hint = [json.dumps({"object": "contact", "id": record.id, "at": 1}).encode()]
    reader.fetch(hint)
    harness.account.edit("contacts", record.id, {"shoe_size": "43"})
    for minutes, seen in ((30, False), (40, True)):
        harness.pass_time(minutes)
        (change,) = reader.fetch(hint).changes
        assert ("shoe_size" in json.loads(change.payload)["properties"]) == seen


def test_definitions_are_compared_once_an_hour(harness: HubSpotHarness) -> None:
    connector = harness.connector()
    streams = {stream.name: stream for stream in connector.streams(["contact"])}
    stream = streams["hubspot/contact/properties"]
    (page,) = stream.pages(None)
    assert page.changes == ()
    harness.account.edit("contacts", next(iter(harness.account.live("contacts"))).id, {"new": "1"})
    for minutes, told in ((30, 0), (40, 1)):
        harness.pass_time(minutes)
        connector.client.owners(archived=False)
        assert len([one for found in stream.pages(page.cursor) for one in found.changes]) == told


def test_whoever_names_the_properties_needs_no_definitions(harness: HubSpotHarness) -> None:
    harness.account.scopes = set()
    for chosen, told in (({"contact": ("email",)}, []), ({}, None)):
        harness.configure(properties=chosen)
        streams = {one.name: one for one in harness.connector().streams(["contact"])}
        pages = streams["hubspot/contact/properties"].pages(None)
        if told is None:
            with pytest.raises(SkippableError, match="grant the private app"):
                list(pages)
        else:
            assert list(pages) == told
