"""What goes, comes back, is erased or goes into another, by sweep and by hint."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from hubspot_harness import HubSpotHarness, hubspot
from hubspot_hints import begun, contacts_and_companies, fetched, first_two, hints, of

from connectors.exclusions import Exclusions
from connectors.hubspot import archived


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with contacts_and_companies() as harness:
        yield harness


@pytest.fixture
def run(harness: HubSpotHarness, tmp_path: Path) -> Run:
    return begun(harness, tmp_path)


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
