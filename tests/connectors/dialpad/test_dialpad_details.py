"""Transcripts and recaps come after the call, or never, and few a minute may be asked for."""

import json
from pathlib import Path

import pytest
from conformance import Run
from dialpad_harness import DialpadHarness, dialpad
from texts import text_of

from connectors.dialpad.details import MOST_FAILED, SOON
from connectors.dialpad.settings import PER_MINUTE
from sandbox.vendors.dialpad.seed import has_recap
from sandbox.vendors.faults import Fault
from transforms.normalise import normalise
from transforms.settings import Settings

pytestmark = pytest.mark.slow


def run_of(harness: DialpadHarness, folder: Path, *objects: str) -> Run:
    harness.objects = objects
    return Run(harness, folder)


def new_call(harness: DialpadHarness, recap: bool) -> str:
    while True:
        call_id = harness.state.new_call(length_s=60)
        if has_recap(harness.state.calls[call_id]) == recap:
            return call_id
        del harness.state.calls[call_id]


def test_all_that_there_is_is_published_under_its_call(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "transcript", "recap")
        run.until_read()
        run.assert_all_there()
        assert run.round().changes == 0


def test_trap_48_not_yet_is_asked_again_at_2_10_and_30_minutes(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "recap")
        run.until_read()
        call_id = new_call(harness, recap=True)
        asked = harness.state.drawn["recap"]
        notes = []
        for _ in range(20):
            harness.pass_time(1)
            outcome = run.until_read()
            notes += sorted(outcome.notes)
            if outcome.changes:
                break
        # The recap is there six minutes after the end: at ten it is found, and not asked for again.
        assert notes == ["recap_not_yet", "recap_found"]
        assert harness.state.drawn["recap"] - asked == 2
        assert f"dialpad:recap:{call_id}" in run.collector.newest()
        run.assert_all_there()


def test_trap_48_never_is_told_from_not_yet(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "recap")
        run.until_read()
        new_call(harness, recap=False)
        asked = harness.state.drawn["recap"]
        notes = []
        for _ in range(50):
            harness.pass_time(1)
            notes += list(run.until_read().notes)
        assert notes == ["recap_not_yet", "recap_not_yet", "recap_never"]
        assert harness.state.drawn["recap"] - asked == 3


def test_trap_48_recaps_have_a_bucket_of_their_own_and_nobody_waits_for_it(
    tmp_path: Path,
) -> None:
    limits = {"recap": 12}
    with dialpad(limits=limits) as harness:
        harness.connector(
            details_per_round=10, per_minute={**harness.settings.per_minute, "recap": 12}
        )
        run = run_of(harness, tmp_path, "recap", "call")
        for _ in range(40):
            outcome = run.round()
            assert outcome.succeeded, outcome.failures
            harness.pass_time(1)
        run.assert_all_there()
        assert harness.slept == []
        assert PER_MINUTE["recap"] == limits["recap"]


def test_a_crash_between_two_details_asks_for_none_in_vain(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "transcript")
        for turn in (2, 5, 9):
            run.collector.flushes, run.collector.break_at = 0, turn
            run.round()
        run.collector.break_at = None
        run.until_read()
        run.assert_all_there()


def test_trap_55_a_scope_that_is_missing_stops_its_own_stream_alone(tmp_path: Path) -> None:
    with dialpad() as harness:
        harness.state.scopes.discard("ai_recap")
        run = run_of(harness, tmp_path, "recap", "transcript")
        outcome = run.round()
        assert list(outcome.failures) == ["dialpad/recap"]
        assert "lacks a scope" in outcome.failures["dialpad/recap"]
        assert outcome.changes > 0
        harness.state.scopes.add("ai_recap")
        run.until_read()
        run.assert_all_there()


def test_trap_53_a_call_that_is_refused_is_a_dead_letter_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    with dialpad() as harness:
        call_id = new_call(harness, recap=True)
        harness.pass_time(90)
        run = run_of(harness, tmp_path, "recap")
        harness.faults.switch_on(Fault(name="refused", route=f"/api/v2/call/{call_id}"))
        outcome = run.until_read()
        assert (outcome.bad, outcome.notes["recap_refused"]) == (1, 1)
        ((_, data, attributes),) = run.collector.raw
        assert json.loads(data) == {"call_id": call_id}
        assert f"recap {call_id}" in attributes["ce-import-error"]
        expected = harness.expected()
        del expected[f"dialpad:recap:{call_id}"]
        assert run.collector.newest() == expected


def test_trap_53_a_call_whose_recap_always_fails_stops_no_other(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "recap")
        run.until_read()
        poison, good = new_call(harness, recap=True), new_call(harness, recap=True)
        later = new_call(harness, recap=True)
        harness.faults.switch_on(Fault(name="http_500", route=f"/api/v2/call/{poison}/"))
        harness.pass_time(10)
        outcome = run.round()
        # The others are there, and yet nobody says that all went well.
        assert list(outcome.failures) == ["dialpad/recap"]
        found = run.collector.newest()
        assert found.keys() >= {f"dialpad:recap:{one}" for one in (good, later)}
        for _ in range(SOON):
            assert not run.round().succeeded
        # Then it is left alone for a while.
        assert run.round().succeeded
        for _ in range(MOST_FAILED - SOON - 1):
            harness.pass_time(24 * 60)
            outcome = run.round()
            assert (outcome.succeeded, outcome.bad) == (False, 0)
        harness.pass_time(24 * 60)
        outcome = run.round()
        assert (outcome.succeeded, outcome.bad, outcome.notes["recap_refused"]) == (True, 1, 1)
        assert poison in run.collector.raw[0][2]["ce-import-error"]
        assert run.round().bad == 0


def test_an_outage_of_recaps_is_no_dead_letter_and_ends_the_round_soon(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "recap")
        run.until_read()
        for _ in range(8):
            new_call(harness, recap=True)
        harness.pass_time(10)
        harness.faults.switch_on(Fault(name="http_503", route="/api/v2/call/"))
        before = harness.faults.struck["http_503"]
        assert not run.round().succeeded
        # Two calls, each with all its tries.
        assert harness.faults.struck["http_503"] - before == 2 * 4
        harness.faults.switch_off()
        harness.pass_time(30)
        run.until_read()
        run.assert_all_there()


@pytest.mark.parametrize("leg", [False, True])
def test_trap_50_a_transcript_stands_in_order_under_the_master_call(
    tmp_path: Path, leg: bool
) -> None:
    with dialpad() as harness:
        master = new_call(harness, recap=True)
        call_id = harness.state.new_call(length_s=60, master=master) if leg else master
        harness.pass_time(90)
        run = run_of(harness, tmp_path, "call", "transcript", "recap")
        run.until_read()
        rows, texts = {}, {}
        for change in run.collector.changes:
            if change.object_id in (master, call_id):
                made, _ = normalise(change, Settings(), 1_770_000_000_000_000)
                rows[change.object_type, change.object_id] = made[0]
                texts[change.object_type, change.object_id] = text_of(made)
        transcript = rows["transcript", call_id]
        assert len({row.interaction_id for row in rows.values()}) == 1
        said = [line.partition(": ")[2] for line in texts["transcript", call_id].splitlines()]
        assert said == [
            "hello, about the quote",
            "I have it here",
            "thanks, that is [expletive] good",
        ]
        started = int(harness.state.calls[call_id]["date_connected"]) * 1_000
        assert transcript.occurred_at == started + 1_000_000
        assert texts["recap", master] == "They spoke of the quote.\n- Send the quote"
        assert rows["recap", master].outcome == "Interested"
        assert rows["call", call_id].part == ("leg" if leg else "call")
