"""What goes, comes back, is erased or goes into another, by sweep and by hint."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from hubspot_harness import HubSpotHarness, Vault, hubspot

from connectors.exclusions import Exclusions
from connectors.hubspot import archived
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.stream import Page
from connectors.webhooks.receiver import Delivery
from sandbox.vendors.hubspot.webhooks import signed_headers
from schemas.change import Change

URL = "https://hooks.alderpeak.example/webhooks/hubspot"


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with hubspot() as harness:
        harness.objects = ("contact", "company")
        harness.configure(webhook_secrets=("env:HUBSPOT_SECRET",))
        yield harness


@pytest.fixture
def run(harness: HubSpotHarness, tmp_path: Path) -> Run:
    run = Run(harness, tmp_path)
    assert run.round().succeeded
    harness.pass_time(90)
    assert run.round().succeeded
    return run


def first_two(harness: HubSpotHarness, path: str = "contacts") -> tuple[str, str]:
    one, two = list(harness.account.live(path))[:2]
    return one.id, two.id


def hints(harness: HubSpotHarness, events: list[dict[str, Any]] | None = None) -> list[bytes]:
    """What the webhook makes of the events that wait, or of these."""
    if events is None:
        events, harness.account.events = harness.account.events, []
    body = json.dumps(events).encode()
    headers = signed_headers("app-secret", "POST", URL, body, harness.account.now())
    lower = {name.lower(): value for name, value in headers.items()}
    receiver = HubSpotReceiver(harness.settings, Vault(), lambda: harness.now[0])
    received = receiver.receive(Delivery("POST", URL, lower, body))
    assert not received.bad
    return [hint.data for hint in received.hints]


def fetched(run: Run, data: list[bytes]) -> Page:
    """Fetches, as after a restart, and publishes."""
    page = run.harness.connector().fetcher().fetch(data)  # type: ignore[attr-defined]
    run.collector.changes += page.changes
    return page


def of(run: Run, record_id: str) -> list[Change]:
    return [change for change in run.collector.changes if change.object_id == record_id]


@pytest.mark.parametrize("by", ["sweep", "hint"])
def test_trap_35_what_is_archived_goes_and_what_is_restored_comes_back(
    harness: HubSpotHarness, run: Run, by: str
) -> None:
    one, _ = first_two(harness)

    def look() -> None:
        harness.pass_time(20)
        if by == "sweep":
            assert run.round().succeeded
        else:
            fetched(run, hints(harness))
        run.assert_all_there()

    harness.account.archive("contacts", one)
    look()
    assert run.collector.newest()[f"hubspot:contact:{one}"] is None
    harness.account.restore("contacts", one)
    look()
    # A second time, and an edit after it.
    harness.account.archive("contacts", one)
    look()
    harness.account.restore("contacts", one)
    look()
    harness.account.edit("contacts", one, {"jobtitle": "Back again"})
    look()
    assert run.collector.newest()[f"hubspot:contact:{one}"]["properties"]["jobtitle"]


def test_trap_35_a_restored_record_is_no_repetition_of_what_it_was(
    harness: HubSpotHarness, run: Run
) -> None:
    one, _ = first_two(harness)
    harness.account.archive("contacts", one)
    harness.pass_time(20)
    run.round()
    harness.account.restore("contacts", one)
    harness.pass_time(20)
    run.round()
    operations = [change.operation for change in of(run, one)]
    assert operations == ["upsert", "delete", "upsert"]
    assert len({change.change_id for change in of(run, one)}) == 3


def test_trap_35_a_deletion_that_is_told_before_it_can_be_seen_is_one_in_the_end(
    harness: HubSpotHarness, run: Run
) -> None:
    one, _ = first_two(harness)
    harness.account.events.clear()
    harness.account.archive("contacts", one)
    told = hints(harness)
    since = harness.account.objects["contacts"][one].archived
    # The hint is quicker than whatever answers the read.
    harness.account.objects["contacts"][one].archived = None
    fetched(run, told)
    harness.account.objects["contacts"][one].archived = since
    harness.pass_time(20)
    assert run.round().succeeded
    run.assert_all_there()


def test_trap_35_an_archived_record_that_does_not_say_since_when_goes_too(
    harness: HubSpotHarness, run: Run
) -> None:
    one, _ = first_two(harness)
    harness.account.undated.add(one)
    harness.account.archive("contacts", one)
    for changes in (1, 0):
        harness.pass_time(20)
        assert run.round().changes == changes
        run.assert_all_there()
    harness.account.restore("contacts", one)
    harness.pass_time(20)
    run.round()
    run.assert_all_there()


def test_trap_35_a_record_archived_between_search_and_read_is_noted_and_swept(
    harness: HubSpotHarness, run: Run
) -> None:
    one, _ = first_two(harness)
    harness.account.edit("contacts", one, {"jobtitle": "On the way out"})
    harness.account.objects["contacts"][one].archived = harness.account.now()
    outcome = run.round()
    assert (outcome.notes["missing"], outcome.changes) == (1, 0)
    harness.pass_time(20)
    assert run.round().changes == 1
    run.assert_all_there()


def test_trap_35_a_tombstone_holds_nothing_of_the_record(harness: HubSpotHarness, run: Run) -> None:
    one, _ = first_two(harness)
    harness.account.archive("contacts", one)
    harness.pass_time(20)
    run.round()
    gone = of(run, one)[-1]
    assert json.loads(gone.payload) == {"id": one, "archived": True}
    assert gone.stamp == harness.account.objects["contacts"][one].archived * 1_000


def test_trap_35_a_sweep_that_breaks_off_goes_on_where_it_was(
    harness: HubSpotHarness, run: Run
) -> None:
    for record in list(harness.account.live("contacts")):
        harness.account.archive("contacts", record.id)
    for number in range(250):
        made = harness.account.create("contacts", {"firstname": f"N{number}"})
        harness.account.archive("contacts", made.id)
    harness.pass_time(20)
    run.collector.flushes, run.collector.break_at = 0, 2
    assert not run.round().succeeded
    run.collector.break_at = None
    run.until_read()
    run.assert_all_there()


def test_of_too_many_archived_the_older_are_told_once_and_not_remembered(
    harness: HubSpotHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archived, "MOST_KNOWN", 5)
    for record in list(harness.account.live("contacts"))[:8]:
        harness.account.archive("contacts", record.id)
        harness.pass_time(1)
    harness.objects = ("contact",)
    run = Run(harness, tmp_path)
    assert run.round().notes["untracked"] == 3
    run.assert_all_there()
    harness.pass_time(90)
    assert run.round().changes == 0
    stored = run.cursors.read("hubspot/contact/archived").cursor
    assert stored is not None
    assert len(stored["known"]) == 5


def test_a_record_purged_from_the_bin_stays_gone(harness: HubSpotHarness, run: Run) -> None:
    one, _ = first_two(harness)
    harness.account.archive("contacts", one)
    harness.pass_time(20)
    run.round()
    harness.account.purge("contacts", one)
    harness.pass_time(20)
    assert run.round().changes == 0
    assert run.collector.newest()[f"hubspot:contact:{one}"] is None


def test_trap_35_a_privacy_deletion_is_told_as_one(harness: HubSpotHarness, run: Run) -> None:
    one, _ = first_two(harness)
    harness.account.events.clear()
    harness.account.erase("contacts", one)
    harness.pass_time(1)
    page = fetched(run, hints(harness))
    (change,) = page.changes
    assert (change.operation, page.notes["erased"]) == ("delete", 1)
    assert json.loads(change.payload) == {"archived": True, "id": one, "privacyDeletion": True}
    # A property change that was on its way arrives after it.
    late = {
        "eventId": 7,
        "subscriptionType": "contact.propertyChange",
        "objectId": int(one),
        "occurredAt": harness.account.now() - 90_000,
        "propertyName": "email",
        "propertyValue": "x",
    }
    assert fetched(run, hints(harness, [late])).changes == ()
    assert run.collector.newest()[f"hubspot:contact:{one}"] is None


@pytest.mark.parametrize("new_id", [False, True])
@pytest.mark.parametrize("by", ["poll", "hint"])
def test_trap_36_what_went_into_another_says_into_which(
    harness: HubSpotHarness, run: Run, new_id: bool, by: str
) -> None:
    primary, other = first_two(harness)
    harness.account.events.clear()
    kept = harness.account.merge("contacts", primary, other, new_id=new_id)
    harness.pass_time(90)
    if by == "poll":
        assert run.round().succeeded
    else:
        fetched(run, hints(harness))
    run.assert_all_there()
    losers = [other, primary] if new_id else [other]
    for loser in losers:
        last = max(of(run, loser), key=lambda change: change.version)
        assert (last.operation, last.successor) == ("merge", kept.id)


def test_trap_36_a_later_event_on_a_loser_is_one_on_its_successor(
    harness: HubSpotHarness, run: Run
) -> None:
    primary, other = first_two(harness)
    kept = harness.account.merge("contacts", primary, other, new_id=True)
    harness.pass_time(1)
    late = {
        "eventId": 8,
        "subscriptionType": "contact.propertyChange",
        "objectId": int(other),
        "occurredAt": harness.account.now(),
        "propertyName": "phone",
        "propertyValue": "1",
    }
    page = fetched(run, hints(harness, [late]))
    told = {(change.object_id, change.operation) for change in page.changes}
    assert told == {(kept.id, "upsert"), (other, "merge"), (primary, "merge")}
    assert "missing" not in page.notes
    run.assert_all_there()


def test_trap_36_a_loser_is_told_though_its_successor_is_gone_too(
    harness: HubSpotHarness, run: Run
) -> None:
    primary, other = first_two(harness)
    harness.account.events.clear()
    kept = harness.account.merge("contacts", primary, other)
    harness.pass_time(1)
    harness.account.archive("contacts", kept.id)
    harness.pass_time(1)
    told = {(one.object_id, one.operation) for one in fetched(run, hints(harness)).changes}
    assert told == {(kept.id, "delete"), (other, "merge")}
    run.assert_all_there()


def test_trap_36_merges_of_merges(harness: HubSpotHarness, run: Run) -> None:
    one, two = first_two(harness)
    three = harness.account.create("contacts", {"firstname": "Third"}).id
    first = harness.account.merge("contacts", one, two, new_id=True)
    harness.pass_time(10)
    last = harness.account.merge("contacts", three, first.id, new_id=True)
    harness.pass_time(90)
    run.round()
    run.assert_all_there()
    newest = {change.object_id: change.successor for change in run.collector.changes}
    assert {newest[loser] for loser in (one, two, three, first.id)} == {last.id}


def test_an_association_that_moved_no_stamp_is_read_by_its_hint(
    harness: HubSpotHarness, run: Run
) -> None:
    contact, _ = first_two(harness)
    company = harness.account.create("companies", {"name": "Elsewhere"})
    harness.pass_time(90)
    run.round()
    harness.account.events.clear()
    harness.account.associate("contacts", contact, "companies", company.id, primary=True)
    assert run.round().changes == 0
    harness.pass_time(1)
    page = fetched(run, hints(harness))
    assert {change.object_type for change in page.changes} == {"contact", "company"}
    run.assert_all_there()


def test_many_hints_on_one_record_are_one_read(harness: HubSpotHarness, run: Run) -> None:
    one, _ = first_two(harness)
    harness.account.events.clear()
    for number in range(150):
        harness.account.edit("contacts", one, {"jobtitle": f"Title {number}"})
    data = [hint for turn in range(3) for hint in hints(harness, harness.account.events[:100])]
    page = fetched(run, data)
    assert len(page.changes) == 1
    run.assert_all_there()


def test_what_is_no_hint_is_bad_and_the_others_are_read(harness: HubSpotHarness, run: Run) -> None:
    one, _ = first_two(harness)
    good = json.dumps({"object": "contact", "id": one, "at": 1}).encode()
    page = fetched(run, [b"{", good, b'{"object": "quote", "id": "1", "at": 1}'])
    assert (len(page.bad), len(page.changes)) == (2, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"hs_email_from_email": "Jo@Counsel.example"},
        {"hs_email_to_email": "ann@a.example;jo@eu.counsel.example"},
        {"hs_email_headers": '{"from": {"email": "jo@counsel.example"}, "to": []}'},
        {"hs_email_headers": '{"cc": [{"email": "hr@alderpeak.example"}]}'},
    ],
)
def test_an_email_is_excluded_by_whoever_is_in_it(tmp_path: Path, fields: dict[str, str]) -> None:
    with hubspot(seed=False) as harness:
        harness.account.create("emails", fields)
        harness.account.create("emails", {"hs_email_from_email": "ann@a.example"})
        harness.exclusions = Exclusions(
            domains=("counsel.example",), mailboxes=("hr@alderpeak.example",)
        )
        harness.objects = ("email",)
        outcome = Run(harness, tmp_path).round()
        assert (outcome.excluded, outcome.changes) == (1, 1)


def test_what_must_not_be_held_is_dropped_and_counted(tmp_path: Path) -> None:
    with hubspot() as harness:
        secret = next(iter(harness.account.live("contacts"))).id
        harness.account.create("emails", {"hs_email_from_email": "jo@counsel.example"})
        harness.exclusions = Exclusions(
            records=(f"hubspot:contact:{secret}",), domains=("counsel.example",)
        )
        harness.objects = ("contact", "email")
        harness.pass_time(90)
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert outcome.excluded == 2
        everything = harness.expected()
        assert outcome.changes == len(everything) - 2
        assert f"hubspot:contact:{secret}" not in run.collector.newest()
        harness.account.archive("contacts", secret)
        harness.pass_time(20)
        assert run.round().excluded == 1


def test_trap_36_who_went_into_a_record_that_was_archived_before_any_poll_is_merged(
    harness: HubSpotHarness, run: Run
) -> None:
    one, other = first_two(harness)
    winner = harness.account.merge("contacts", one, other, new_id=True).id
    harness.account.archive("contacts", winner)
    harness.account.events.clear()
    harness.pass_time(20)
    assert run.round().succeeded
    for loser in (one, other):
        newest = max(of(run, loser), key=lambda change: change.version)
        assert (newest.operation, newest.successor) == ("merge", winner)
    harness.account.restore("contacts", winner)
    harness.pass_time(20)
    assert run.round().succeeded
    run.assert_all_there()


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_restored_record_is_put_together_with_is_newer_than_its_restoration(
    harness: HubSpotHarness, run: Run, apart: bool
) -> None:
    """Neither moves its stamp, which is older than its tombstone."""
    one, _ = first_two(harness)
    company, _ = first_two(harness, "companies")
    harness.account.archive("contacts", one)
    harness.pass_time(20)
    fetched(run, hints(harness))
    harness.account.restore("contacts", one)
    harness.pass_time(20)
    fetched(run, hints(harness))
    harness.account.associate("contacts", one, "companies", company)
    if apart:
        harness.pass_time(20)
        fetched(run, hints(harness))
        harness.account.dissociate("contacts", one, "companies", company)
    harness.pass_time(20)
    fetched(run, hints(harness))
    listed = run.collector.newest()[f"hubspot:contact:{one}"].get("associations", {})
    with_them = [each["toObjectId"] for each in listed.get("companies", {}).get("results", ())]
    assert (company in with_them) is not apart
    run.assert_all_there()
