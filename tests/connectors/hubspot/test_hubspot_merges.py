"""What goes into another record, or is put together with one, says so by sweep and by hint."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from hubspot_harness import HubSpotHarness
from hubspot_hints import begun, contacts_and_companies, fetched, first_two, hints, of


@pytest.fixture
def harness() -> Iterator[HubSpotHarness]:
    with contacts_and_companies() as harness:
        yield harness


@pytest.fixture
def run(harness: HubSpotHarness, tmp_path: Path) -> Run:
    return begun(harness, tmp_path)


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
