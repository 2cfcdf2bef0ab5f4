"""The list of calls: newest first, ended ones only, by their start; and the details of calls."""

import json
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from dialpad_harness import KEY, DialpadHarness, dialpad
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.dialpad.client import Listed
from connectors.dialpad.listing import CallList
from connectors.dialpad.records import call_record, id_of, micros
from connectors.exclusions import Exclusions
from sandbox.vendors.faults import Fault
from schemas.errors import InvalidPayload, SkippableError
from transforms.normalise import normalise
from transforms.settings import Settings

HOUR_US = 3_600_000_000


def run_of(harness: DialpadHarness, folder: Path, *objects: str) -> Run:
    harness.objects = objects
    return Run(harness, folder)


def test_trap_47_a_long_call_that_turns_up_late_is_caught(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call")
        run.until_read()
        long = harness.state.new_call(length_s=20 * 3_600)
        for _ in range(12):
            harness.pass_time(115)
            harness.state.new_call(length_s=30)
            harness.pass_time(5)
            assert run.until_read().changes == (1 if not over(harness, long) else 1 + 1)
            if over(harness, long):
                break
        run.assert_all_there()


def over(harness: DialpadHarness, call_id: str) -> bool:
    return any(one["call_id"] == call_id for one in harness.state.listed())


def test_trap_47_paging_stops_only_after_a_page_that_is_all_too_old(tmp_path: Path) -> None:
    """Where the filter counts for nothing and pages are in no order, paging still ends, and not at
    the first call that is too old."""
    with dialpad(page_size=5) as harness:
        run = run_of(harness, tmp_path, "call")
        run.until_read()
        before = harness.state.drawn["calls"]
        assert before > 5
        harness.state.new_call(length_s=60)
        edited = harness.state.listed()[0]["call_id"]
        harness.state.edit_call(edited, labels=["x"])
        harness.pass_time(10)
        harness.faults.switch_on(Fault(name="filter_ignored"), Fault(name="unordered"))
        run.until_read()
        run.assert_all_there()
        assert harness.state.drawn["calls"] - before <= 3


def test_trap_52_a_call_within_the_overlap_is_published_once(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call")
        run.until_read()
        for _ in range(10):
            harness.state.new_call(length_s=10)
            harness.pass_time(5)
            assert run.until_read().changes == 1
        newest = harness.state.listed()[0]["call_id"]
        harness.state.edit_call(newest, labels=["won"])
        assert run.until_read().changes == 1
        run.assert_all_there()


def test_trap_52_what_is_remembered_is_bounded_and_only_repeats_are_the_price(
    tmp_path: Path,
) -> None:
    with dialpad() as harness:
        harness.connector(remembered=3)
        run = run_of(harness, tmp_path, "call")
        for _ in range(8):
            harness.state.new_call(length_s=10)
        harness.pass_time(5)
        run.until_read()
        cursor = run.cursors.read("dialpad/call").cursor
        assert cursor is not None
        assert len(cursor["recent"]) == 3
        assert run.until_read().changes > 0
        run.assert_all_there()


def test_a_page_token_that_has_run_out_begins_the_pass_where_it_was(tmp_path: Path) -> None:
    with dialpad(page_size=5) as harness:
        run = run_of(harness, tmp_path, "call")
        harness.faults.switch_on(Fault(name="token_expired", times=3))
        outcome = run.round()
        assert outcome.failures == {"dialpad/call": "SkippableError: dialpad: status 400"}
        run.until_read()
        run.assert_all_there()
        # A pass that went on from its page, not from the top.
        assert len(run.collector.changes) <= len(harness.expected()) + 3 * 5


def test_trap_53_a_record_that_is_none_is_a_dead_letter_once_and_stops_nobody(
    tmp_path: Path,
) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call", "user")
        harness.faults.switch_on(Fault(name="poison"))
        harness.breaks_its_word = True
        assert run.round().bad == 2
        assert run.round().bad == 0
        run.assert_all_there()
        assert {data for _, data, _ in run.collector.raw} == {b'{"state":"nobody knows of what"}'}


def test_trap_53_half_a_character_in_one_call_stops_no_other(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call")
        call_id = harness.state.new_call(length_s=1, labels=["won \ud83d"])
        harness.pass_time(5)
        outcome = run.round()
        assert (outcome.failures, outcome.bad) == ({}, 0)
        said = run.collector.newest()
        assert said[f"dialpad:call:{call_id}"]["labels"] == ["won \ufffd"]
        assert said.keys() == harness.expected().keys()


def test_trap_54_stamps_are_the_servers(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call", "user")
        run.until_read()
        ends = {one["call_id"]: int(one["date_ended"]) * 1_000 for one in harness.state.listed()}
        for change in run.collector.changes:
            assert change.fetched == harness.state.clock() // 1_000_000 * 1_000_000
            if change.object_type == "call":
                assert change.stamp == ends[change.object_id]


def test_trap_54_a_call_from_the_future_hides_none_of_the_present(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "call")
        odd = harness.state.new_call(length_s=1)
        harness.state.edit_call(odd, date_started="32503680000000")
        harness.pass_time(5)
        run.until_read()
        harness.state.new_call(length_s=1)
        harness.pass_time(5)
        assert run.until_read().changes == 1
        run.assert_all_there()


def test_trap_58_an_error_that_nobody_foresaw_keeps_its_words_to_itself() -> None:
    with dialpad() as harness:
        harness.vault.values[KEY] = "sécret-ключ"
        with pytest.raises(SkippableError) as refused:
            harness.client().company()
        assert "ключ" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_trap_59_a_backfill_and_live_polling_say_the_same(tmp_path: Path) -> None:
    with dialpad(page_size=6) as harness:
        run = run_of(harness, tmp_path, "call")
        run.until_read()
        live = {one.change_id for one in run.collector.changes}
        newest = int(harness.state.listed()[0]["date_started"]) * 1_000
        streams = harness.connector().backfill(newest - 40 * 24 * HOUR_US, newest, ["call"])
        pages = [page for stream in streams for page in stream.pages(None)]
        changes = [change for page in pages for change in page.changes]
        assert changes
        assert {one.lane for one in changes} == {"backfill"}
        assert {one.change_id for one in changes} <= live
        assert pages[-1].cursor == {"done": True}
        assert list(streams[0].pages(pages[-1].cursor)) == []
        # From the middle of it, what is left and the page in hand.
        rest = [change for page in streams[0].pages(pages[1].cursor) for change in page.changes]
        assert {one.change_id for page in pages[2:] for one in page.changes} <= {
            one.change_id for one in rest
        }


def test_exclusions_come_first(tmp_path: Path) -> None:
    with dialpad() as harness:
        rep = harness.state.company.reps[0]
        one = harness.state.listed()[0]["call_id"]
        harness.exclusions = Exclusions(mailboxes=(rep.email,), records=(f"dialpad:call:{one}",))
        run = run_of(harness, tmp_path, "call", "user", "transcript")
        outcome = run.until_read()
        gone = {
            key
            for key, said in harness.expected().items()
            if said["call_id" if "call_id" in said else "id"] == one
            or rep.email in json.dumps(said)
        }
        assert run.collector.newest().keys() & gone == set()
        kept = [key for key in harness.expected() if key not in gone and "transcript" not in key]
        assert outcome.excluded == len([key for key in gone if "transcript" not in key])
        assert set(kept) <= run.collector.newest().keys()
        for change in run.collector.changes:
            assert rep.email.encode() not in change.payload


def test_trap_45_ids_above_2_to_the_53_lose_no_digit(tmp_path: Path) -> None:
    with dialpad() as harness:
        call_id = harness.state.new_call(length_s=1)
        number = int(call_id)
        harness.state.edit_call(call_id, call_id=number, field_of_tomorrow={"x": number})
        harness.pass_time(5)
        run = run_of(harness, tmp_path, "call")
        run.until_read()
        said = run.collector.newest()[f"dialpad:call:{call_id}"]
        assert (said["call_id"], said["field_of_tomorrow"]) == (number, {"x": number})
        assert number > 1 << 53


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = ("call_id", "state", "date_started", "date_ended", "contact", "target", "duration")


# How long a machine takes to draw them says nothing of what is tested.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON),
    st.integers(0, 1 << 70) | st.text("0123456789", min_size=1),
)
def test_trap_45_whatever_a_record_holds_it_is_a_change_or_a_bad_input(
    fields: dict[str, Any], call_id: Any
) -> None:
    raw = json.dumps({**fields, "call_id": call_id}).encode()
    record = call_record(raw)
    change = record.change(1_769_846_400_000_000, "live")
    assert (change.object_id, change.payload) == (str(call_id), raw)
    normalise(change, Settings(), 1_770_000_000_000_000)


@given(JSON)
def test_trap_45_ids_and_times_are_read_or_none(value: Any) -> None:
    assert isinstance(id_of(value), str)
    found = micros(value)
    assert found is None or isinstance(found, int)


def test_trap_50_times_without_a_zone_are_utc() -> None:
    assert micros("2018-05-08T21:33:19.300000") == micros("2018-05-08T21:33:19.300000+00:00")
    assert micros("1356998400000") == micros(1_356_998_400_000) == 1_356_998_400_000_000


def test_a_list_that_goes_round_in_a_circle_is_no_endless_loop() -> None:
    class Circle:
        def calls(self, after: int | None, before: int | None, token: str = "") -> Listed:
            return Listed((b'{"call_id": 1, "date_started": 5}',), "same", 1_000)

    with pytest.raises(Exception, match="circle"):
        list(CallList(Circle(), overlap_ms=1, remembered=9).pages(None))  # type: ignore[arg-type]


def test_trap_47_one_call_that_is_too_old_ends_no_pass() -> None:
    starts = [(120, 50), (95, 40), (30, 20), (10, 5)]
    asked = []

    class Rough:
        """Pages in no strict order, and a filter that counts for nothing."""

        def calls(self, after: int | None, before: int | None, token: str = "") -> Listed:
            place = int(token or "0")
            asked.append(place)
            records = [b'{"call_id": %d, "date_started": %d}' % (one, one) for one in starts[place]]
            return Listed(tuple(records), str(place + 1), 1_000_000)

    calls = CallList(Rough(), overlap_ms=10, remembered=9)  # type: ignore[arg-type]
    fresh = [one.call_id for page in calls.pages({"top": 100}) for one in page.fresh]
    assert (fresh, asked) == (["120", "95"], [0, 1, 2])


def test_a_call_without_any_time_takes_the_servers() -> None:
    assert call_record(b'{"call_id": 1}').change(77, "live").stamp == 77
    with pytest.raises(InvalidPayload):
        call_record(b'{"call_id": 1}').change(None, "live")
