"""A mailbox is read by its history since the stored cursor: traps of history.list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from gmail_harness import MAIL, REP, GmailHarness, gmail

from connectors.gmail.cursor import MOST_HANDLED, MailboxCursor
from connectors.gmail.history import events_of, number_of
from connectors.gmail.mailbox import mailbox_key
from connectors.poller import Poller
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


def pushed(run: Run, history_id: object) -> Any:
    """A round that a push woke."""
    stream = run.harness.connector().hinted(REP, str(history_id))  # type: ignore[attr-defined]
    return Poller(run.cursors, run.collector).round([stream])  # type: ignore[arg-type]


def stored(run: Run) -> dict[str, Any]:
    return run.cursors.read(NAME).cursor or {}


def test_trap_1_a_pushed_id_is_never_where_reading_starts(run: Run, harness: GmailHarness) -> None:
    run.round()
    start = number_of(stored(run)["settled"])
    for _ in range(3):
        harness.state.store(REP, MAIL)
    newest = harness.state.mailboxes[REP].history_id
    outcome = pushed(run, newest)
    assert outcome.changes == 3
    assert harness.sandbox.calls.starts[-1] == start
    run.assert_all_there()
    calls = len(harness.sandbox.requests)
    for known in (newest, newest - 1, start):
        assert pushed(run, known).succeeded
    assert len(harness.sandbox.requests) == calls


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_trap_3_a_kill_between_pages_loses_nothing(
    run: Run, harness: GmailHarness, killed_after: int
) -> None:
    run.round()
    for _ in range(14):
        harness.state.store(REP, MAIL)
    run.collector.flushes, run.collector.break_at = 0, killed_after
    assert not run.round().succeeded
    run.collector.break_at = None
    harness.state.store(REP, MAIL)
    run.until_read()
    run.assert_all_there()


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_trap_3_a_kill_between_the_batches_of_one_page_loses_nothing(
    tmp_path: Path, killed_after: int
) -> None:
    with gmail(empty=True) as harness:
        harness.mailboxes = (REP,)
        run = Run(harness, tmp_path)
        run.round()
        for _ in range(60):
            harness.state.store(REP, MAIL)
        assert run.round(stop_after=killed_after).changes == min(25 * killed_after, 60)
        run.until_read()
        run.assert_all_there()


def test_trap_3_a_page_token_that_grew_old_is_given_up(run: Run, harness: GmailHarness) -> None:
    run.round()
    for _ in range(14):
        harness.state.store(REP, MAIL)
    run.round(stop_after=2)
    assert stored(run)["page"]
    harness.faults.switch_on(Fault(name="token_refused", times=1))
    run.until_read()
    assert harness.faults.struck["token_refused"] == 1
    run.assert_all_there()


def test_a_list_whose_page_token_grew_old_is_begun_again(run: Run, harness: GmailHarness) -> None:
    for _ in range(14):
        harness.state.store(REP, MAIL)
    run.round(stop_after=2)
    assert stored(run)["listing"]["page"]
    harness.faults.switch_on(Fault(name="token_refused", times=1))
    run.until_read()
    assert harness.faults.struck["token_refused"] == 1
    run.assert_all_there()


def test_trap_4_a_push_before_its_change_can_be_read_is_waited_for(tmp_path: Path) -> None:
    with gmail(empty=True, index_lag_s=5) as harness:
        harness.mailboxes = (REP,)
        run = Run(harness, tmp_path)
        run.round()
        harness.state.store(REP, MAIL)
        outcome = pushed(run, harness.state.mailboxes[REP].history_id)
        assert outcome.changes == 1
        assert harness.slept == [1.0, 3.0, 10.0]
        run.assert_all_there()


def test_trap_4_what_comes_later_still_is_left_to_the_poller_and_not_lost(tmp_path: Path) -> None:
    with gmail(empty=True, index_lag_s=25) as harness:
        harness.mailboxes = (REP,)
        run = Run(harness, tmp_path)
        run.round()
        harness.state.store(REP, MAIL)
        # The answer is empty, and names an id as the newest that is past the change.
        assert pushed(run, harness.state.mailboxes[REP].history_id).changes == 0
        assert stored(run)["newest"] == str(harness.state.mailboxes[REP].history_id)
        harness.time.pass_s(15)
        assert run.round().changes == 1
        run.assert_all_there()


def test_records_that_come_late_among_others_are_met(tmp_path: Path) -> None:
    """A record may show after records with higher ids have been read."""
    with gmail(empty=True) as harness:
        harness.mailboxes = (REP,)
        run = Run(harness, tmp_path)
        run.round()
        late = harness.state.store(REP, MAIL)
        box = harness.state.mailboxes[REP]
        hidden, box.history = box.history, []
        harness.state.store(REP, MAIL)
        assert run.round().changes == 1
        box.history = hidden + box.history
        harness.time.pass_s(10)
        assert run.round().changes == 1
        assert run.collector.changes[-1].object_id == late
        run.assert_all_there()


def test_trap_5_pages_without_history_out_of_order_and_repeated(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    names = [harness.state.store(REP, MAIL) for _ in range(12)]
    harness.state.label(REP, names[3], add=("STARRED",))
    harness.faults.switch_on(
        Fault(name="page_without_history", times=3),
        Fault(name="unordered"),
        Fault(name="duplicate_page"),
    )
    assert run.round().succeeded
    assert harness.faults.struck["unordered"] > 0
    assert harness.faults.struck["duplicate_page"] > 0
    run.assert_all_there()


def test_trap_5_a_history_that_never_ends_is_given_up(run: Run, harness: GmailHarness) -> None:
    run.round()
    harness.state.store(REP, MAIL)
    harness.faults.switch_on(Fault(name="page_without_history"))
    assert "Unreadable" in run.round().failures[NAME]
    assert harness.faults.struck["page_without_history"] < 100


def test_trap_5_many_pages_of_records_that_were_read_are_no_end(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    for _ in range(300):
        harness.state.store(REP, MAIL)
    assert run.round().changes == 300
    harness.state.store(REP, MAIL)
    # Sixty pages of five, read before, and one record after them.
    assert run.round().changes == 1
    run.assert_all_there()


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("listed", {"messages": [{}]}),
        ("listed", {"messages": ["x"]}),
        ("listed", {"messages": 5}),
        ("history", {"historyId": "99999", "history": ["x"]}),
        ("history", {"historyId": "99999", "history": [{"labelsAdded": [5]}]}),
        ("watch", {"historyId": "9", "expiration": "soon"}),
        ("watch", {}),
    ],
    ids=lambda one: one if isinstance(one, str) else "answer",
)
def test_an_answer_with_odd_pieces_cannot_be_read_and_says_so(
    run: Run, harness: GmailHarness, call: str, answer: dict[str, Any]
) -> None:
    connector = harness.connector(topic="projects/sandbox/topics/gmail")
    harness.streams = lambda: connector.streams((REP,))  # type: ignore[method-assign]
    client = connector.client(REP)
    asked = getattr(client, call)
    setattr(client, call, lambda *given: answer)
    (failure,) = run.round().failures.values()
    assert failure == "Unreadable: gmail: an answer that cannot be read"
    setattr(client, call, asked)
    assert run.round().succeeded
    run.assert_all_there()


def test_trap_5_one_record_may_add_and_label_and_delete() -> None:
    def change(name: str, *labels: str) -> dict[str, Any]:
        return {"message": {"id": name, "labelIds": list(labels)}}

    record = {
        "id": "7",
        "messages": [{"id": "unread"}],
        "messagesAdded": [change("a"), change("draft", "DRAFT"), change("c")],
        "labelsAdded": [change("b"), change("a"), change("d")],
        "labelsRemoved": [change("c")],
        "messagesDeleted": [change("d"), change("old draft", "DRAFT")],
    }
    events = events_of({"history": [record, record, {"id": "6"}]}, {"6"})
    assert events.read == {"b": True, "a": True, "c": True}
    assert events.deleted == {"d"}
    assert events_of({"nextPageToken": "more"}, ()).records == []


def test_trap_6_a_message_that_is_gone_before_it_is_read(run: Run, harness: GmailHarness) -> None:
    run.round()
    kept = harness.state.store(REP, MAIL)
    gone = harness.state.store(REP, MAIL)
    harness.state.delete(REP, gone)
    harness.state.draft(REP, MAIL)
    outcome = run.round()
    assert outcome.succeeded
    assert outcome.notes["drafts"] == 5
    assert {one.object_id: one.operation for one in run.collector.changes} == {
        kept: "upsert",
        gone: "delete",
    }


def test_trap_6_a_404_that_passes_is_no_deletion(run: Run, harness: GmailHarness) -> None:
    run.round()
    name = harness.state.store(REP, MAIL)
    harness.faults.switch_on(Fault(name="part_404", times=1))
    assert run.round().changes == 0
    assert list(stored(run)["missing"]) == [name]
    harness.time.pass_s(5)
    assert run.round().changes == 1
    assert "missing" not in stored(run)
    run.assert_all_there()


def test_trap_6_a_message_that_was_missing_and_is_deleted_is_missed_no_more(
    run: Run, harness: GmailHarness
) -> None:
    run.round()
    name = harness.state.store(REP, MAIL)
    harness.faults.switch_on(Fault(name="part_404"))
    run.round()
    harness.state.delete(REP, name)
    assert run.round().changes == 1
    assert "missing" not in stored(run)
    harness.time.pass_s(4_000)
    assert run.round().changes == 0
    assert run.collector.newest() == {f"gmail:message:{name}": None}


def test_trap_6_a_message_that_stays_away_is_deleted_in_the_end(
    run: Run, harness: GmailHarness
) -> None:
    name = harness.state.store(REP, MAIL)
    run.round()
    harness.state.label(REP, name, add=("STARRED",))
    # Deleted, and no record says so.
    del harness.state.mailboxes[REP].messages[name]
    assert run.round().changes == 0
    harness.time.pass_s(3_700)
    assert run.round().changes == 1
    assert run.collector.newest() == {f"gmail:message:{name}": None}
    assert run.round().changes == 0


def test_trash_is_a_label_and_deletion_is_for_ever(run: Run, harness: GmailHarness) -> None:
    name = harness.state.store(REP, MAIL)
    run.round()
    harness.state.label(REP, name, add=("TRASH",), remove=("INBOX",))
    run.round()
    assert run.collector.newest()[f"gmail:message:{name}"]["labelIds"] == ["TRASH", "UNREAD"]
    harness.state.delete(REP, name)
    run.round()
    assert run.collector.newest() == {f"gmail:message:{name}": None}


def test_of_two_readings_in_one_second_the_later_wins(run: Run, harness: GmailHarness) -> None:
    name = harness.state.store(REP, MAIL)
    run.round()
    for turn in range(6):
        harness.state.label(REP, name, **{("add", "remove")[turn % 2]: ("STARRED", f"L{turn}")})
        run.round()
        run.assert_all_there()


def test_a_draft_that_is_sent_is_a_mail(run: Run, harness: GmailHarness) -> None:
    run.round()
    name = harness.state.draft(REP, MAIL, saves=1)
    assert run.round().changes == 0
    harness.state.label(REP, name, add=("SENT",), remove=("DRAFT",))
    assert run.round().changes == 1
    run.assert_all_there()


def test_trap_11_history_ids_in_every_form() -> None:
    big = 2**63 + 5
    assert number_of(big) == number_of(str(big)) == big
    for none in (None, "", "-1", "1.5", "²", "9" * 21, True):
        assert number_of(none) == 0
    cursor = MailboxCursor(settled=str(big), ahead=str(big), ahead_at=0, newest=str(big))
    assert cursor.as_json()["settled"] == str(big)


def test_a_cursor_settles_what_was_newest_long_enough_ago() -> None:
    cursor = MailboxCursor(settled="10", ahead="20", ahead_at=0, newest="20")
    soon = cursor.settle(["25", "15"], {}, "30", 29_000_000, 30)
    assert (soon.settled, soon.ahead, soon.newest) == ("10", "20", "30")
    assert soon.handled == ("15", "25")
    late = soon.settle(["26"], {}, "31", 30_000_000, 30)
    assert (late.settled, late.ahead, late.handled) == ("20", "31", ("25", "26"))


def test_a_cursor_stays_small_however_much_is_caught_up() -> None:
    cursor = MailboxCursor(settled="1", ahead="1", ahead_at=0, newest="1")
    records = [str(number) for number in range(2, 10_000)]
    caught_up = cursor.settle(records, {}, "10000", 10**12, 30)
    assert len(caught_up.handled) < MOST_HANDLED
    assert number_of(caught_up.settled) == 10_000 - MOST_HANDLED
