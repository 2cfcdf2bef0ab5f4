"""A history that is forgotten is a gap: what came since a little before it is read again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from gmail_harness import MAIL, REP, GmailHarness, gmail

from connectors.gmail.mailbox import mailbox_key
from sandbox.vendors.faults import Fault

NAME = f"gmail/mailbox/{mailbox_key(REP)}"


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True, page_size=5) as made:
        made.mailboxes = (REP,)
        yield made


@pytest.fixture
def run(harness: GmailHarness, tmp_path: Path) -> Run:
    return Run(harness, tmp_path)


def test_trap_2_a_forgotten_history_is_read_again_from_a_little_before(
    run: Run, harness: GmailHarness
) -> None:
    old = harness.state.store(REP, MAIL)
    run.round()
    harness.time.pass_s(5 * 86_400)
    harness.state.store(REP, MAIL)
    run.round()
    for _ in range(7):
        harness.state.store(REP, MAIL)
    harness.state.forget_history(REP)
    outcome = run.round()
    assert outcome.succeeded
    assert outcome.notes["history_gap"] == 1
    # Two days before the last reading: not all that there ever was.
    assert outcome.changes == 8
    assert old not in {one.object_id for one in run.collector.changes[-8:]}
    run.assert_all_there()
    assert run.round().notes["history_gap"] == 0


def test_trap_2_whoever_was_away_for_longer_is_read_from_where_it_left_off(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    harness.time.pass_s(86_400)
    harness.state.store(REP, MAIL)
    harness.time.pass_s(9 * 86_400)
    harness.state.forget_history(REP)
    assert run.round().notes["history_gap"] == 1
    run.assert_all_there()


def test_trap_2_a_history_that_is_always_forgotten_fails_and_ends(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    harness.faults.switch_on(Fault(name="history_gone"))
    outcome = run.round()
    assert "RetriableError" in outcome.failures[NAME]
    assert harness.faults.struck["history_gone"] == 2
    harness.faults.switch_off()
    harness.state.store(REP, MAIL)
    run.until_read()
    run.assert_all_there()


@pytest.mark.parametrize("taken", [True, False])
def test_trap_2_ids_that_begin_anew_are_a_gap(run: Run, harness: GmailHarness, taken: bool) -> None:
    harness.state.store(REP, MAIL)
    run.round()
    harness.time.pass_s(60)
    run.round()
    box = harness.state.mailboxes[REP]
    box.history_id, box.history = 5, []
    harness.state.store(REP, MAIL)
    if taken:
        harness.faults.switch_on(Fault(name="start_ahead_taken"))
    assert run.round().notes["history_gap"] == 1
    harness.state.store(REP, MAIL)
    outcome = run.round()
    assert (outcome.succeeded, outcome.changes, outcome.notes["history_gap"]) == (True, 1, 0)
    run.assert_all_there()


def test_a_history_that_is_forgotten_while_it_is_paged_is_a_gap(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    for _ in range(14):
        harness.state.store(REP, MAIL)
    run.round(stop_after=2)
    harness.state.forget_history(REP)
    assert run.round().notes["history_gap"] == 1
    run.assert_all_there()


@pytest.mark.parametrize("by", ["first reading", "gap"])
def test_a_mail_that_comes_to_the_index_after_a_listing_is_listed_once_more(
    run: Run, harness: GmailHarness, by: str
) -> None:
    """The mailbox's id is past it, and so is the history from there on."""
    if by == "gap":
        harness.state.store(REP, MAIL)
        run.round()
        harness.time.pass_s(600)
        run.round()
        harness.state.forget_history(REP)
    harness.state.index_lag_s = 15
    seen = harness.state.store(REP, MAIL)
    harness.time.pass_s(20)
    late = harness.state.store(REP, MAIL)
    harness.time.pass_s(5)
    run.round()
    told = [one.object_id for one in run.collector.changes]
    assert (seen in told, late in told) == (True, False)
    harness.time.pass_s(35)
    run.round()
    run.assert_all_there()
    again = [one.object_id for one in run.collector.changes]
    # Once: what was read of that time is known.
    assert (again.count(seen), again.count(late)) == (1, 1)
    asked = len(harness.sandbox.requests)
    run.round()
    assert not any("/messages?" in str(one) for one in harness.sandbox.requests[asked:])


def test_a_list_that_goes_round_in_a_circle_ends(run: Run, harness: GmailHarness) -> None:
    for _ in range(17):
        harness.state.store(REP, MAIL)
    harness.time.pass_s(60)
    harness.faults.switch_on(Fault(name="duplicate_page"))
    assert "circle" in run.round().failures[NAME]
    harness.faults.switch_off()
    run.until_read()
    run.assert_all_there()
