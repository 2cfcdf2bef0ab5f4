"""Whatever the search index does, no record is lost, and none is read for ever."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from conformance import Run
from hubspot_harness import BY_PATH, START_US, HubSpotHarness, hubspot

from connectors.hubspot.client import Answer
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.lanes import MOST_SEEN
from connectors.hubspot.refusals import MissingScope
from connectors.hubspot.windows import Position, search
from sandbox.vendors.faults import Fault
from schemas.errors import RetriableError

SEARCH = "/crm/v3/objects"
HEADERS = {"Authorization": "Bearer token-1"}


@pytest.fixture
def empty() -> Iterator[HubSpotHarness]:
    with hubspot(seed=False, check=False) as harness:
        harness.objects = ("company",)
        harness.configure(properties={"company": ("name",)}, read_s=10.0)
        yield harness


def companies(harness: HubSpotHarness, number: int, a_ms: int) -> None:
    """So many, `a_ms` of them stamped with each millisecond."""
    first = START_US // 1_000 - 86_400_000
    for turn in range(number):
        harness.account.create("companies", {"name": f"C{turn}"}, at=first + turn // a_ms)
    harness.account.events.clear()


@pytest.mark.parametrize(
    ("number", "a_ms"),
    [
        (450, 7),
        (450, 220),
        pytest.param(10_001, 7, marks=(pytest.mark.slow, pytest.mark.exhaustive)),
        pytest.param(10_500, 10_500, marks=(pytest.mark.slow, pytest.mark.exhaustive)),
    ],
)
def test_trap_31_more_than_ten_thousand_and_all_in_one_millisecond(
    empty: HubSpotHarness, tmp_path: Path, number: int, a_ms: int
) -> None:
    companies(empty, number, a_ms)
    run = Run(empty, tmp_path)
    run.collector.break_at = min(20, number // 200)
    assert not run.round().succeeded
    run.collector.break_at = None
    outcome = run.round()
    assert outcome.succeeded, outcome.failures
    assert len(run.collector.newest()) == number
    # A page and a half at the most is read again.
    assert len(run.collector.changes) <= number + 300
    assert run.round().changes == 0
    run.assert_all_there()


@pytest.mark.slow
def test_trap_31_a_batch_job_on_everything_is_read_once_by_the_real_time_lane(
    empty: HubSpotHarness, tmp_path: Path
) -> None:
    run = Run(empty, tmp_path)
    companies(empty, MOST_SEEN + 500, 1)
    run.round()
    for record_id in empty.account.objects["companies"]:
        empty.account.edit("companies", record_id, {"name": "Renamed"})
    empty.pass_time(1)
    assert run.round().changes == MOST_SEEN + 500
    assert run.round().changes == 0
    run.assert_all_there()


@pytest.mark.slow
def test_trap_32_an_index_up_to_twenty_minutes_behind_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(3)
    with hubspot(seed=False, lag_ms=20 * 60_000) as harness:
        harness.objects = ("company",)
        account, run = harness.account, Run(harness, tmp_path)
        for _ in range(40):
            account.create("companies", {"name": f"N{rng.random()}"})
            for record in list(account.live("companies"))[:: rng.randrange(1, 6)]:
                account.edit("companies", record.id, {"name": f"E{rng.random()}"})
            harness.pass_time(5)
            assert run.round().succeeded
        harness.pass_time(85)
        assert run.round().succeeded
        run.assert_all_there()
        live = {key for key in run.collector.newest() if key}
        assert len(live) == 40


def test_trap_32_results_outside_of_the_window_and_in_no_order(tmp_path: Path) -> None:
    with hubspot(lag_ms=10 * 60_000) as harness:
        harness.objects = ("contact",)
        run = Run(harness, tmp_path)
        harness.faults.switch_on(Fault(name="unordered", share=0.5))
        # The index still has them where they were: they are shown as they are now.
        for record in list(harness.account.live("contacts")):
            harness.account.edit("contacts", record.id, {"jobtitle": "Buyer"})
        outcome = run.round()
        assert outcome.succeeded
        assert outcome.notes["strays"] > 0
        harness.pass_time(90)
        run.until_read()
        run.assert_all_there()


def test_trap_31_no_offset_is_asked_for_that_hubspot_refuses() -> None:
    asked: list[int] = []

    class Behind:
        """A search of which every result is newer than what was asked for."""

        def search(self, kind: object, filters: object, sort: object, after: str) -> Answer:
            asked.append(int(after))
            rows = [{"id": after + "1", "properties": {"hs_lastmodifieddate": "9000"}}]
            return Answer({"results": rows, "paging": {"next": {"after": int(after) + 200}}}, 1)

    with pytest.raises(RetriableError, match="far behind"):
        list(search(Behind(), KINDS["company"], Position(5_000), 6_000))  # type: ignore[arg-type]
    assert max(asked) + 200 == 10_000


@pytest.mark.parametrize("edited", [1, 19])
def test_trap_32_records_at_the_end_of_a_page_that_are_newer_than_the_index_hide_no_other(
    empty: HubSpotHarness, edited: int
) -> None:
    companies(empty, 700, 1)
    empty.account.lag_ms = 10**12
    ids = sorted(empty.account.objects["companies"], key=int)
    # The index has them where they were, the answer shows their stamps of now: none of these says
    # how far a page has come.
    for record_id in ids[200 - edited : 200]:
        empty.account.edit("companies", record_id, {"name": "Edited"})
    empty.pass_time(1)
    (stream,) = empty.connector().backfill(None, None, ("company",))
    read = {change.object_id for page in stream.pages(None) for change in page.changes}
    assert read == set(ids)


def test_trap_31_pages_that_say_nothing_new_are_no_endless_loop() -> None:
    class Circle:
        """A search that knows one page, whatever it is asked for."""

        def __init__(self, results: list[dict[str, Any]], after: Any) -> None:
            self.body = {"results": results, "paging": {"next": {"after": after}}}
            self.asked = 0

        def search(self, *_: object, **__: object) -> Answer:
            self.asked += 1
            assert self.asked < 50, "for ever"
            return Answer(self.body, 1)

    def row(record_id: str, ms: int) -> dict[str, Any]:
        return {"id": record_id, "properties": {"hs_lastmodifieddate": str(ms)}}

    for results, after, start in (
        ([row("7", 5_000)], "1", Position(5_000, 9)),
        ([row("7", 9_000)], "1", Position(5_000)),
        ([row("7", 9_000)], "no number", Position(5_000)),
        ([row("7", 9_000)], {}, Position(5_000)),
    ):
        with pytest.raises(RetriableError):
            list(search(Circle(results, after), KINDS["company"], start, 6_000))  # type: ignore[arg-type]


def test_trap_52_a_record_is_there_seconds_after_its_edit_and_both_lanes_tell_one_change(
    tmp_path: Path,
) -> None:
    with hubspot() as harness:
        harness.objects = ("contact",)
        run = Run(harness, tmp_path)
        run.round()
        harness.pass_time(5)
        made = harness.account.create("contacts", {"firstname": "Ada"})
        assert run.round().changes == 1
        assert f"hubspot:contact:{made.id}" in run.collector.newest()
        # What both lanes read is one change: Dedupe lets it pass once.
        harness.pass_time(90)
        run.round()
        ids = [one.change_id for one in run.collector.changes if one.object_id == made.id]
        assert (len(ids), len(set(ids))) == (2, 1)


def test_what_turns_up_a_little_late_is_not_left_to_the_delayed_lane(
    empty: HubSpotHarness, tmp_path: Path
) -> None:
    run = Run(empty, tmp_path)
    run.round()
    empty.pass_time(5)
    empty.account.create("companies", {"name": "First in the index"})
    run.round()
    # Stamped before that one, and indexed only now.
    late = empty.account.now() - 60_000
    empty.account.create("companies", {"name": "Late"}, at=late)
    assert run.round().changes == 1
    assert run.round().changes == 0
    run.assert_all_there()


def test_trap_33_contacts_have_a_stamp_of_their_own_and_searches_stay_short(
    tmp_path: Path,
) -> None:
    with hubspot() as harness:
        for number in range(300):
            first = next(iter(harness.account.live("contacts")))
            harness.account.edit("contacts", first.id, {f"custom_property_{number:04}": "x"})
        harness.objects = ("contact", "deal")
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        harness.pass_time(90)
        run.until_read()
        run.assert_all_there()


def test_trap_33_the_sandbox_refuses_what_hubspot_refuses() -> None:
    with hubspot(check=False) as harness:

        def status(path: str, name: str, value: str = "1000", **more: object) -> int:
            filters = [{"propertyName": name, "operator": "GTE", "value": value}]
            body = {"filterGroups": [{"filters": filters}], **more}
            address = f"{harness.address}{SEARCH}/{path}/search"
            return requests.post(address, json=body, headers=HEADERS, timeout=5).status_code

        assert status("contacts", "lastmodifieddate") == 200
        assert status("contacts", "hs_lastmodifieddate") == 400
        assert status("deals", "lastmodifieddate") == 400
        assert status("deals", "hs_lastmodifieddate", properties=["x" * 3_000]) == 400
        assert status("deals", "hs_lastmodifieddate", after="9900", limit=200) == 400
        assert status("deals", "hs_lastmodifieddate", value="0") == 500


def test_trap_34_a_search_limit_that_others_use_up_is_waited_out(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.sleep_passes_time = True
        harness.configure(searches_per_s=4.0)
        harness.account.searches_per_s = 2
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        # There is no Retry-After: the policy of the refusal says how long.
        assert 1.0 in harness.slept
        run.assert_all_there()


def test_trap_34_alone_in_the_account_no_search_is_refused(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.sleep_passes_time = True
        harness.configure(searches_per_s=4.0)
        harness.account.searches_per_s = 5
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        assert 1.0 not in harness.slept


def test_a_day_whose_calls_are_used_up_ends_the_round_at_once(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.objects = ("contact",)
        harness.faults.switch_on(Fault(name="daily"))
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert outcome.failures["hubspot/contact"] == "RetriableError: hubspot: status 429 (DAILY)"
        assert sum(harness.slept) < 0.001
        harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()


@pytest.mark.parametrize("path", ["contacts", "companies"])
def test_trap_41_a_batch_that_failed_in_part_is_read_again(tmp_path: Path, path: str) -> None:
    with hubspot() as harness:
        harness.objects = (BY_PATH[path].name,)
        harness.faults.switch_on(Fault(name="partial", times=1))
        run = Run(harness, tmp_path)
        outcome = run.round()
        (words,) = outcome.failures.values()
        assert "part of a batch" in words
        run.until_read()
        run.assert_all_there()


def test_trap_41_more_than_a_hundred_ids_and_associations_of_several_pages(
    tmp_path: Path,
) -> None:
    with hubspot(page=3) as harness:
        account = harness.account
        company = next(iter(account.live("companies")))
        note = account.create("notes", {"hs_note_body": "all of them"})
        for number in range(120):
            made = account.create("contacts", {"firstname": f"N{number}"})
            if number < 20:
                account.associate("notes", note.id, "contacts", made.id)
            account.associate("contacts", made.id, "companies", company.id, primary=True)
        harness.objects = ("contact", "note")
        harness.pass_time(90)
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        run.assert_all_there()
        shown = run.collector.newest()[f"hubspot:note:{note.id}"]
        assert len(shown["associations"]["contacts"]["results"]) == 20


def test_trap_53_a_record_that_is_none_is_a_dead_letter_and_the_cursor_moves_on(
    tmp_path: Path,
) -> None:
    with hubspot(check=False) as harness:
        harness.objects = ("company",)
        record = next(iter(harness.account.live("companies")))
        harness.account.broken.add(record.id)
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert (outcome.succeeded, outcome.bad) == (True, 1)
        ((topic, data, attributes),) = run.collector.raw
        assert topic == "changes-hubspot"
        assert record.id.encode() in data
        assert f"hubspot company {record.id}" in attributes["ce-import-error"]
        everything = harness.expected()
        del everything[f"hubspot:company:{record.id}"]
        assert run.collector.newest() == everything
        assert run.round().bad == 0


def test_trap_53_half_a_character_in_one_record_stops_no_other(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.objects = ("contact",)
        record = next(iter(harness.account.live("contacts")))
        # Cut by JavaScript in the middle of an emoji: JSON may say so, Unicode has no such thing.
        harness.account.edit("contacts", record.id, {"jobtitle": "Sales \ud83d"})
        harness.pass_time(90)
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert (outcome.failures, outcome.bad) == ({}, 0)
        said = run.collector.newest().pop(f"hubspot:contact:{record.id}")
        assert said["properties"]["jobtitle"] == "Sales \ufffd"
        assert len(run.collector.newest()) == len(harness.expected())


def test_trap_55_an_object_without_its_scope_stops_no_other(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.objects = ("contact", "company")
        harness.account.scopes = {"crm.objects.companies.read"}
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert {name.split("/")[1] for name in outcome.failures} == {"contact"}
        words = outcome.failures["hubspot/contact"]
        assert words.startswith(MissingScope.__name__)
        assert "grant the private app crm.objects.contacts.read" in words
        kept = {key for key in run.collector.newest() if key.startswith("hubspot:company:")}
        assert len(kept) == len(harness.account.objects["companies"])


def test_trap_59_a_backfill_beside_the_live_lanes_changes_nothing(tmp_path: Path) -> None:
    with hubspot() as harness:
        harness.objects = ("deal",)
        run = Run(harness, tmp_path)
        run.round()
        before = {change.change_id for change in run.collector.changes}
        streams = list(harness.connector().backfill(0, START_US, ("deal",)))
        pages = [page for stream in streams for page in stream.pages(None)]
        again = [change for page in pages for change in page.changes]
        assert {change.lane for change in again} == {"backfill"}
        assert {change.change_id for change in again} == before
        assert [list(stream.pages(pages[-1].cursor)) for stream in streams] == [[]]


def test_a_backfill_reads_what_changed_within_its_time_and_no_more() -> None:
    with hubspot() as harness:
        stamps = sorted(one.updated for one in harness.account.live("contacts"))
        since, until = stamps[3], stamps[9]
        (stream,) = harness.connector().backfill(since * 1_000, until * 1_000, ("contact",))
        read = [change.stamp // 1_000 for page in stream.pages(None) for change in page.changes]
        assert sorted(read) == stamps[3:9]


def test_a_backfill_without_ends_reads_everything_once() -> None:
    with hubspot() as harness:
        (stream,) = harness.connector().backfill(None, None, ("contact",))
        pages = list(stream.pages(None))
        read = {change.object_id for page in pages for change in page.changes}
        assert read == set(harness.account.objects["contacts"])
        harness.pass_time(600)
        (again,) = harness.connector().backfill(None, None, ("contact",))
        assert (again.name, list(again.pages(pages[-1].cursor))) == (stream.name, [])
