"""Objects of any width and of changing shape; their fields, types and times."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from salesforce_harness import SalesforceHarness, salesforce

from connectors.salesforce.records import change_of
from connectors.salesforce.shapes import Shape, read_shape, shape_of
from connectors.salesforce.soql import literal, parse_stamp
from connectors.schema import SCHEMA
from sandbox.vendors.salesforce import Terms
from sandbox.vendors.salesforce.schema import Entity
from schemas.clock import to_us
from schemas.errors import RetriableError


def events(run: Run) -> list[dict[str, Any]]:
    changes = run.collector.changes
    return [json.loads(one.payload) for one in changes if one.object_type == SCHEMA]


def only(harness: SalesforceHarness, *objects: str) -> SalesforceHarness:
    harness.objects = objects
    return harness


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
        (told,) = events(run)
        assert told["drift"] == [{"field": "Rating__c", "before": "string", "after": None}]
        assert set(run.collector.newest()) == set(harness.expected())


def test_trap_24_what_two_describes_of_a_round_find_is_told_once_and_with_its_first_page(
    tmp_path: Path,
) -> None:
    with salesforce(Terms(page_rows=1)) as harness:
        run = Run(only(harness, "Account"), tmp_path)
        run.round(stop_after=1)
        harness.org.remove_field("Account", "Industry")
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
        told = [one["field"] for event in events(run) for one in event["drift"]]
        assert told == ["Industry", "Rating__c"]
        for field in told:
            assert outcome.notes[f"field_gone:Account.{field}"] == 1


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
        (event,) = events(run)
        assert (event["object"], len(event["drift"])) == ("Account", 3)
        newest = run.collector.newest()[f"salesforce:account:{account}"]
        assert newest["Region__c"] == "North"
        assert not [one for one in run.round().notes if one.startswith("field_")]
        assert len(events(run)) == 1


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


def test_trap_25_a_row_that_turns_up_between_the_parts_waits_for_the_next_round(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        harness.settings["uri_bytes"] = 2_000
        for number in range(40):
            harness.org.add_field("Account", f"Another_Long_Custom_Field_{number:02d}__c", "string")
        harness.org.create("Account", lag_us=30_000_000, Name="Late")
        harness.pass_time(0.3)
        harness.org.create("Account", Name="Read")
        client = harness.client()
        asked = client.query

        def query(soql: str):  # type: ignore[no-untyped-def]
            answer = asked(soql)
            harness.pass_time(1)
            return answer

        client.query = query  # type: ignore[method-assign]
        connector = harness.connector(client)
        harness.streams = lambda: connector.streams(("Account",))  # type: ignore[method-assign]
        run = Run(only(harness, "Account"), tmp_path)
        outcome = run.round()
        assert (outcome.changes, outcome.succeeded) == (1, True), outcome.failures
        assert run.round().changes == 1
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


def test_fields_are_left_out_in_whatever_case_they_are_written() -> None:
    with salesforce() as harness:
        harness.settings["left_out"] = {"Contact": ["BIRTHDATE", "title"]}
        shape = shape_of(harness.client(), "Contact")
        assert {"Birthdate", "Title"}.isdisjoint(shape.types)


@pytest.mark.parametrize(
    "odd",
    [None, "text", {}, {"name": 5}, {"name": "Id FROM User --"}],
    ids=["none", "text", "empty", "number", "query"],
)
def test_a_description_with_odd_fields_is_no_shape(odd: Any) -> None:
    with salesforce() as harness:
        described = harness.org.entities["Contact"].describe()
        settings = harness.client().settings
        described["fields"].append(odd)
        with pytest.raises(RetriableError, match="a field without a name"):
            read_shape(described, "Contact", settings)


def test_trap_25_a_row_without_a_stamp_is_a_dead_letter_of_a_wide_object_too(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        harness.settings["uri_bytes"] = 2_000
        for number in range(40):
            harness.org.add_field("Account", f"Another_Long_Custom_Field_{number:02d}__c", "string")
        good, odd = (harness.org.create("Account", Name=name) for name in ("Good", "Odd"))
        harness.org.edit("Account", odd, SystemModstamp=None)
        run = Run(only(harness, "Account"), tmp_path)
        outcome = run.round()
        assert (outcome.changes, outcome.bad) == (1, 1), outcome.failures
        assert outcome.notes["changed_meanwhile"] == 0
        assert list(run.collector.newest()) == [f"salesforce:account:{good}"]


def test_trap_26_times_with_a_zone_are_read_and_others_are_none() -> None:
    same = {
        parse_stamp("2026-03-29T02:30:08.000+0000"),
        parse_stamp("2026-03-29T02:30:08.000Z"),
        parse_stamp("2026-03-29T04:30:08+02:00"),
    }
    assert same == {1_774_751_408_000_000}
    assert literal(1_774_751_408_000_000) == "2026-03-29T02:30:08.000Z"
    assert literal(1_774_751_408_999_999) == "2026-03-29T02:30:08.999Z"
    assert literal(to_us(datetime(1, 2, 3, tzinfo=UTC))) == "0001-02-03T00:00:00.000Z"
    for text in ("2026-03-29T02:30:08", "2026-03-29", "", None, 5, "yesterdayT"):
        assert parse_stamp(text) is None


def test_trap_26_a_record_without_a_zone_is_a_dead_letter_with_its_bytes() -> None:
    shape = Shape("Contact", {"Id": "id", "SystemModstamp": "datetime"}, "SystemModstamp", True)
    record = {"Id": "0035w0000000001AAA", "SystemModstamp": "2026-03-29T02:30:08", "LastName": "X"}
    bad = change_of(shape, record, None, "live")
    assert bad.reason == "no Id, or no SystemModstamp with a zone"  # type: ignore[union-attr]
    assert bad.location == "contact 0035w0000000001AAA"  # type: ignore[union-attr]
    assert json.loads(bad.data)["LastName"] == "X"  # type: ignore[union-attr]


def test_an_object_without_a_system_stamp_is_followed_by_the_next_best() -> None:
    with salesforce(empty=True) as harness:
        settings = harness.client().settings
        types = {"Id": "id", "CreatedDate": "datetime", "LastModifiedDate": "datetime"}
        shape = read_shape(Entity("Lead", types).describe(), "Lead", settings)
        assert shape.stamp == "LastModifiedDate"
