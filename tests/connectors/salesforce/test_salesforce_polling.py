"""No row is lost, whatever commits late, shares a stamp, times out or goes wrong."""

import json
import random
from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import MINUTE_US, SalesforceHarness, salesforce

from connectors.salesforce.refusals import TooLarge
from connectors.salesforce.soql import parse_stamp
from sandbox.vendors.faults import Fault
from sandbox.vendors.salesforce import Terms, happen


def only(harness: SalesforceHarness, *objects: str) -> SalesforceHarness:
    harness.objects = objects
    return harness


def test_trap_17_a_late_commit_is_caught(tmp_path: Path) -> None:
    """Rows appear up to nine minutes after their stamp, behind rows that are already read."""
    rng = random.Random(17)
    with salesforce(empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        ids = []
        for minute in range(40):
            for number in range(3):
                lag = rng.randrange(9 * MINUTE_US) if rng.random() < 0.5 else 0
                ids.append(harness.org.create("Contact", lag, LastName=f"Late {minute} {number}"))
            if minute % 3 == 0:
                edited = rng.choice(ids[:-3] or ids)
                harness.org.edit(
                    "Contact", edited, rng.randrange(9 * MINUTE_US), Title=f"T{minute}"
                )
            assert run.round().succeeded
            harness.pass_time(1)
        harness.pass_time(10)
        assert run.round().succeeded
        run.assert_all_there()
        # Re-read, but not published again: every change once.
        assert len({one.change_id for one in run.collector.changes}) == len(run.collector.changes)
        assert run.round().changes == 0


def test_the_floor_follows_the_servers_clock_and_what_is_remembered_is_forgotten(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        harness.org.create("Contact", LastName="One")
        run.round()
        cursor = run.cursors.read("salesforce/contact").cursor
        assert cursor is not None
        assert (cursor["floor"], len(cursor["seen"])) == (harness.now[0] - 10 * MINUTE_US, 1)
        harness.pass_time(11)
        run.round()
        cursor = run.cursors.read("salesforce/contact").cursor
        assert cursor is not None
        assert cursor["floor"] == harness.now[0] - 10 * MINUTE_US
        assert "seen" not in cursor


def test_two_edits_within_one_second_are_two(tmp_path: Path) -> None:
    with salesforce(empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        record_id = harness.org.create("Contact", LastName="One")
        run.round()
        harness.org.edit("Contact", record_id, LastName="Two")
        assert run.round().changes == 1
        payloads = [json.loads(one.payload)["LastName"] for one in run.collector.changes]
        assert payloads == ["One", "Two"]


def test_more_changes_than_are_remembered_are_published_again_and_never_lost(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        harness.settings["remembered"] = 5
        run = Run(only(harness, "Contact"), tmp_path)
        for number in range(12):
            harness.org.create("Contact", LastName=f"N{number}")
        assert (run.round().changes, run.round().changes) == (12, 7)
        run.assert_all_there()
        assert len({one.change_id for one in run.collector.changes}) == 12


@pytest.mark.slow
def test_trap_18_five_thousand_rows_of_one_second_are_read_once_across_a_crash(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        for number in range(5_000):
            harness.org.create("Contact", LastName=f"N{number}")
        run.collector.break_at = 2
        assert not run.round().succeeded
        outcome = run.round()
        assert outcome.succeeded
        assert outcome.changes == 3_000
        run.assert_all_there()
        assert run.round().changes == 0


def test_trap_18_a_page_that_does_not_lead_on_is_a_failure_and_no_endless_loop(
    tmp_path: Path,
) -> None:
    """Were stamps finer than they are shown, the same rows would come after themselves again."""
    with salesforce(Terms(page_rows=2), empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        harness.now[0] += 437_000
        harness.org.terms.fine_stamps = True
        for number in range(4):
            harness.org.create("Contact", LastName=f"N{number}")
        harness.faults.switch_on(Fault(name="locator_lost"))
        outcome = run.round()
        assert "does not lead on" in outcome.failures["salesforce/contact"]
        assert len(harness.server.seen.calls) < 12


def test_trap_20_archived_activities_are_seen(tmp_path: Path) -> None:
    with salesforce() as harness:
        run = Run(only(harness, "Task"), tmp_path)
        archived = harness.org.create("Task", Subject="Old", IsArchived=True)
        run.round()
        assert f"salesforce:task:{archived}" in run.collector.newest()
        run.assert_all_there()
        living = harness.client().query_living("SELECT Id FROM Task").body["records"]
        assert archived not in [one["Id"] for one in living]


def test_trap_23_a_query_that_takes_too_long_is_halved_until_it_does_not(tmp_path: Path) -> None:
    with salesforce(Terms(slow_rows=6)) as harness:
        run = Run(only(harness, "Account", "Contact"), tmp_path)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["windows_halved"] > 3
        run.assert_all_there()
        assert len(harness.server.seen.queries) < 120


@pytest.mark.parametrize("fault", ["query_timeout", "too_large"])
def test_trap_23_windows_are_given_up_at_a_second(fault: str, tmp_path: Path) -> None:
    with salesforce() as harness:
        run = Run(only(harness, "Account", "Lead"), tmp_path)
        harness.faults.switch_on(Fault(name=fault, route="query/Account"))
        outcome = run.round()
        # One object's trouble is its own.
        assert list(outcome.failures) == ["salesforce/account"]
        assert outcome.failures["salesforce/account"].startswith(TooLarge.__name__)
        assert len(harness.server.seen.queries) < 60
        harness.faults.switch_off()
        assert run.round().succeeded
        run.assert_all_there()


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_trap_23_a_lost_locator_goes_on_by_key(share: float, tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=5)) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        harness.faults.switch_on(Fault(name="locator_lost", share=share))
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["locators_lost"] > 0
        assert outcome.changes == len(harness.org.newest("Contact"))
        run.assert_all_there()


def test_trap_23_windows_grow_again_after_a_dense_time(tmp_path: Path) -> None:
    with salesforce(Terms(slow_rows=6), empty=True) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        for number in range(40):
            harness.org.create("Contact", LastName=f"N{number}")
            harness.pass_time(1 / 60)
        harness.pass_time(20 * 24 * 60)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        run.assert_all_there()
        assert len(harness.server.seen.queries) < 150


def test_trap_53_a_poison_record_is_a_dead_letter_and_the_cursor_moves_on(tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=3)) as harness:
        poison = harness.org.create("Lead", LastName="Poison")
        row = harness.org.newest("Lead")[poison]
        run = Run(only(harness, "Lead"), tmp_path)
        # An id that no Salesforce has.
        harness.org.put("Lead", {**row, "Id": "00Q-broken"})
        outcome = run.round()
        assert (outcome.succeeded, outcome.bad) == (True, 1)
        ((topic, data, attributes),) = run.collector.raw
        assert (topic, json.loads(data)["Id"]) == ("changes-salesforce", "00Q-broken")
        assert attributes["ce-import-error"].startswith("lead ?: no Id")
        expected = {key for key in harness.expected() if "broken" not in key}
        assert set(run.collector.newest()) == expected


def test_trap_55_an_object_that_we_may_not_see_leaves_the_others_alone(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.faults.switch_on(Fault(name="forbidden", route="sobjects/Lead"))
        run = Run(only(harness, "Account", "Lead", "User"), tmp_path)
        outcome = run.round()
        assert set(outcome.failures) == {"salesforce/lead", "salesforce/lead/deleted"}
        assert "INSUFFICIENT_ACCESS" in outcome.failures["salesforce/lead"]
        kinds = {key.split(":")[1] for key in run.collector.newest()}
        assert kinds == {"account", "user"}


def test_trap_54_without_the_servers_clock_the_newest_stamp_is_the_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.salesforce.client.moment_of", lambda headers: None)
    with salesforce() as harness:
        only(harness, "Contact")
        stream = next(iter(harness.streams()))
        harness.streams = lambda: [stream]  # type: ignore[method-assign,assignment,return-value]
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        cursor = run.cursors.read("salesforce/contact").cursor
        newest = max(parse_stamp(r["SystemModstamp"]) or 0 for r in harness.org.visible("Contact"))
        assert cursor is not None
        assert cursor["floor"] == newest - 10 * MINUTE_US
        assert run.round().changes == 0
        harness.change()
        run.round()
        run.assert_all_there()


def test_trap_23_a_locator_that_is_always_lost_between_parts_is_a_failure(tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=5, body_page_rows=2)) as harness:
        harness.settings["uri_bytes"] = 2_000
        for number in range(60):
            harness.org.add_field("EmailMessage", f"A_Long_Custom_Field_{number:02d}__c", "string")
        run = Run(only(harness, "EmailMessage"), tmp_path)
        harness.faults.switch_on(Fault(name="locator_lost"))
        outcome = run.round()
        assert "INVALID_QUERY_LOCATOR" in outcome.failures["salesforce/emailmessage"]
        harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_day_of_everything_ends_as_the_org_has_it(seed: int, tmp_path: Path) -> None:
    """Late commits, merges, purges, trouble and crashes, at random: the same account at the end."""
    rng = random.Random(seed)
    with salesforce(Terms(page_rows=9, open_us=3 * MINUTE_US, slow_rows=25)) as harness:
        only(harness, "Account", "Contact", "Lead", "Opportunity", "Task")
        run = Run(harness, tmp_path)
        run.until_read()
        harness.faults.switch_on(
            Fault(name="http_503", share=0.05),
            Fault(name="locator_lost", share=0.1),
            Fault(name="session_expired", share=0.02),
            Fault(name="malformed", share=0.02),
            Fault(name="query_timeout", share=0.03),
        )
        for minute in range(40):
            for _ in range(rng.randrange(4)):
                happen(harness.org, rng, 9 * MINUTE_US)
            if minute == 20:
                harness.org.add_field("Contact", "Late__c", "string")
            run.collector.flushes = 0
            run.collector.break_at = rng.randrange(1, 6) if rng.random() < 0.3 else None
            run.round(stop_after=rng.randrange(1, 9) if rng.random() < 0.2 else None)
            harness.pass_time(1)
        harness.faults.switch_off()
        run.collector.break_at = None
        harness.pass_time(15)
        run.until_read()
        expected = harness.expected()
        newest = run.collector.newest()
        gone = {key for key in newest if key not in expected}
        assert {key: one for key, one in newest.items() if key not in gone} == {
            # A field that came later is in what was read after it came.
            key: one and {name: one[name] for name in newest[key]}
            for key, one in expected.items()
        }
        assert all(newest[key] is None for key in gone)
