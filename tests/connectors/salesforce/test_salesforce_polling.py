"""No row is lost, whatever commits late, shares a stamp, times out or changes shape."""

import json
import random
from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import MINUTE_US, SalesforceHarness, salesforce

from connectors.salesforce.records import change_of
from connectors.salesforce.refusals import TooLarge
from connectors.salesforce.shapes import Shape, read_shape, shape_of
from connectors.salesforce.soql import literal, parse_stamp
from sandbox.vendors.faults import Fault
from sandbox.vendors.salesforce import Terms, happen
from sandbox.vendors.salesforce.schema import Entity


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


def test_a_shape_is_described_once_in_a_while_and_at_once_when_a_field_is_gone(
    tmp_path: Path,
) -> None:
    with salesforce() as harness:
        harness.objects = ("Account",)
        connector = harness.connector()
        harness.streams = lambda: connector.streams(("Account",))  # type: ignore[method-assign]
        run = Run(harness, tmp_path)

        def described() -> int:
            run.round()
            harness.pass_time(1)
            paths = [path for _, path in harness.server.seen.calls]
            return paths.count("sobjects/Account/describe")

        assert [described() for _ in range(3)] == [1, 1, 1]
        calls = len(harness.server.seen.calls)
        assert described() == 1
        # A quiet minute costs one call an object.
        assert len(harness.server.seen.calls) == calls + 1
        harness.org.remove_field("Account", "Rating__c")
        assert described() == 2
        harness.pass_time(10)
        assert described() == 3
        assert run.round().succeeded


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


def test_trap_23_a_lost_locator_goes_on_by_key(tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=5)) as harness:
        run = Run(only(harness, "Contact"), tmp_path)
        harness.faults.switch_on(Fault(name="locator_lost", share=0.5))
        outcome = run.until_read()
        assert outcome.notes["locators_lost"] > 0
        run.assert_all_there()


def test_trap_24_a_field_that_vanishes_between_describe_and_query_is_done_without(
    tmp_path: Path,
) -> None:
    with salesforce(Terms(page_rows=4)) as harness:
        run = Run(only(harness, "Account"), tmp_path)
        run.round(stop_after=1)
        client = harness.client()
        seen = client.describe
        gone = []

        def describe(name: str):  # type: ignore[no-untyped-def]
            answer = seen(name)
            if not gone:
                gone.append(name)
                harness.org.remove_field("Account", "Rating__c")
            return answer

        client.describe = describe  # type: ignore[method-assign]
        connector = harness.connector(client)
        harness.streams = lambda: connector.streams(("Account",))  # type: ignore[method-assign]
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["field_gone:Account.Rating__c"] == 1
        assert set(run.collector.newest()) == set(harness.expected())


def test_trap_24_fields_that_come_go_or_change_type_are_told(tmp_path: Path) -> None:
    with salesforce() as harness:
        run = Run(only(harness, "Account"), tmp_path)
        first = run.round()
        assert not [one for one in first.notes if one.startswith("field_")]
        harness.org.add_field("Account", "Region__c", "string")
        harness.org.remove_field("Account", "Rating__c")
        harness.org.add_field("Account", "Industry", "string")
        account = next(iter(harness.org.newest("Account")))
        harness.org.edit("Account", account, Region__c="North")
        outcome = run.round()
        assert outcome.succeeded
        told = {one: count for one, count in outcome.notes.items() if one.startswith("field_")}
        assert told == {
            "field_added:Account.Region__c": 1,
            "field_gone:Account.Rating__c": 1,
            "field_retyped:Account.Industry": 1,
        }
        newest = run.collector.newest()[f"salesforce:account:{account}"]
        assert newest["Region__c"] == "North"
        assert not [one for one in run.round().notes if one.startswith("field_")]


def test_trap_25_a_wide_object_is_read_in_parts_within_the_servers_limit(tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=5)) as harness:
        for number in range(600):
            harness.org.add_field(
                "Account", f"A_Custom_Field_With_A_Long_Name_{number:03d}__c", "string"
            )
        for place, account in enumerate(list(harness.org.newest("Account"))):
            last = f"A_Custom_Field_With_A_Long_Name_{599 - place:03d}__c"
            harness.org.edit("Account", account, **{last: f"value {place}"})
        run = Run(only(harness, "Account"), tmp_path)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        run.assert_all_there()
        assert 8_000 < harness.server.seen.longest_uri <= 12_100
        asked = [query for query in harness.server.seen.queries if "A_Custom" in query]
        assert len(asked) > 2


def test_trap_25_a_row_that_changes_between_the_parts_is_read_whole_later(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.settings["uri_bytes"] = 2_000
        for number in range(40):
            harness.org.add_field("Account", f"Another_Long_Custom_Field_{number:02d}__c", "string")
        account = next(iter(harness.org.newest("Account")))
        client = harness.client()
        asked = client.query
        changed = []

        def query(soql: str):  # type: ignore[no-untyped-def]
            answer = asked(soql)
            if not changed:
                changed.append(account)
                harness.pass_time(1)
                harness.org.edit("Account", account, Name="Changed Meanwhile")
            return answer

        client.query = query  # type: ignore[method-assign]
        connector = harness.connector(client)
        harness.streams = lambda: connector.streams(("Account",))  # type: ignore[method-assign]
        run = Run(harness, tmp_path)
        harness.objects = ("Account",)
        outcome = run.round()
        assert outcome.notes["changed_meanwhile"] == 1
        run.round()
        run.assert_all_there()


def test_trap_25_compound_fields_formulas_and_files_are_never_asked_for(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.org.add_field("Contact", "Photo__c", "base64")
        harness.org.add_field("Contact", "Place__c", "location")
        run = Run(only(harness, "Account", "Contact"), tmp_path)
        assert run.round().succeeded
        asked = " ".join(harness.server.seen.queries)
        for name in ("BillingAddress", "MailingAddress", "Score__c", "Photo__c", "Place__c"):
            assert name not in asked
        assert "BillingCity" in asked
        harness.settings["formulas"] = True
        harness.settings["left_out"] = {"Contact": ["Birthdate"]}
        shape = shape_of(harness.client(), "Account")
        assert "Score__c" in shape.types
        assert "Birthdate" not in shape_of(harness.client(), "Contact").types


def test_trap_26_times_with_a_zone_are_read_and_others_are_none() -> None:
    same = {
        parse_stamp("2026-03-29T02:30:08.000+0000"),
        parse_stamp("2026-03-29T02:30:08.000Z"),
        parse_stamp("2026-03-29T04:30:08+02:00"),
    }
    assert same == {1_774_751_408_000_000}
    assert literal(1_774_751_408_000_000) == "2026-03-29T02:30:08.000Z"
    for text in ("2026-03-29T02:30:08", "2026-03-29", "", None, 5, "yesterdayT"):
        assert parse_stamp(text) is None


def test_trap_26_a_record_without_a_zone_is_a_dead_letter_with_its_bytes() -> None:
    shape = Shape("Contact", {"Id": "id", "SystemModstamp": "datetime"}, "SystemModstamp", True)
    record = {"Id": "0035w0000000001AAA", "SystemModstamp": "2026-03-29T02:30:08", "LastName": "X"}
    bad = change_of(shape, record, None, "live")
    assert bad.reason == "no Id, or no SystemModstamp with a zone"  # type: ignore[union-attr]
    assert bad.location == "contact 0035w0000000001AAA"  # type: ignore[union-attr]
    assert json.loads(bad.data)["LastName"] == "X"  # type: ignore[union-attr]


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


def test_exclusions_keep_records_and_mails_out_and_everything_is_accounted_for(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        kept = harness.org.create("Contact", LastName="Kept")
        secret = harness.org.create("Contact", LastName="Secret")
        harness.org.create(
            "EmailMessage", FromAddress="a@own.example", ToAddress="x@y.example; b@law.example"
        )
        harness.org.create("EmailMessage", FromAddress="hr@own.example", ToAddress="a@own.example")
        harness.org.create("EmailMessage", FromAddress="a@own.example", ToAddress="c@c.example")
        harness.exclusions = harness.exclusions.__class__(
            records=(f"salesforce:contact:{secret}",),
            domains=("law.example",),
            senders=("hr@own.example",),
        )
        run = Run(only(harness, "Contact", "EmailMessage"), tmp_path)
        outcome = run.round()
        assert (outcome.changes, outcome.excluded, outcome.bad) == (2, 3, 0)
        assert f"salesforce:contact:{kept}" in run.collector.newest()
        assert run.round().changes == 0


def test_an_object_without_a_system_stamp_is_followed_by_the_next_best() -> None:
    with salesforce(empty=True) as harness:
        settings = harness.client().settings
        types = {"Id": "id", "CreatedDate": "datetime", "LastModifiedDate": "datetime"}
        shape = read_shape(Entity("Lead", types).describe(), "Lead", settings)
        assert shape.stamp == "LastModifiedDate"


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
