"""Watches are renewed each day, and long before they end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from gmail_harness import MAIL, REP, REPS, GmailHarness, gmail

from connectors.gmail.mailbox import mailbox_key
from connectors.gmail.watch import overdue
from sandbox.vendors.faults import Fault

TOPIC = "projects/sandbox/topics/gmail"
DAY_S = 86_400.0


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        made.settings = made.connector(topic=TOPIC).settings
        yield made


@pytest.fixture
def run(harness: GmailHarness, tmp_path: Path) -> Run:
    return Run(harness, tmp_path)


def watch_of(run: Run, address: str = REP) -> dict[str, Any]:
    return run.cursors.read(f"gmail/watch/{mailbox_key(address)}").cursor or {}


@pytest.mark.slow
def test_trap_9_a_watch_is_renewed_each_day(run: Run, harness: GmailHarness) -> None:
    box = harness.state.mailboxes[REP]
    for half in range(8 * 2):
        assert run.round().succeeded
        assert box.watches == half // 2 + 1
        left_us = box.watch["expiration"] * 1_000 - harness.time.us
        assert left_us > 5 * DAY_S * 1e6
        harness.time.pass_s(DAY_S / 2)
    assert box.watch["topic"] == TOPIC


def test_trap_9_a_mailbox_that_refuses_leaves_the_others_alone(
    run: Run, harness: GmailHarness
) -> None:
    harness.settings = harness.connector(mailboxes=tuple(REPS)).settings
    harness.state.mailboxes[REP].licensed = False
    outcome = run.round()
    assert {name for name in outcome.failures if "watch" in name} == {
        f"gmail/watch/{mailbox_key(REP)}"
    }
    assert harness.state.mailboxes[REPS[1]].watches == 1


def test_trap_9_three_days_without_a_renewal_are_told(
    run: Run, harness: GmailHarness, caplog: pytest.LogCaptureFixture
) -> None:
    run.round()
    name = f"gmail/watch/{mailbox_key(REP)}"
    harness.faults.switch_on(Fault(name="http_503", route="/gmail/v1/users/me/watch"))
    for passed_s in (DAY_S, DAY_S, DAY_S - 600):
        harness.time.pass_s(passed_s)
        assert "status 503" in run.round().failures[name]
        assert not overdue(watch_of(run), harness.time.us)
    harness.time.pass_s(1_200)
    assert "WatchLapsed: no renewal for three days" in run.round().failures[name]
    assert overdue(watch_of(run), harness.time.us)
    assert REP not in caplog.text
    harness.faults.switch_off()
    assert run.round().succeeded
    assert not overdue(watch_of(run), harness.time.us)


def test_trap_9_a_watch_that_ends_soon_is_renewed_at_once(run: Run, harness: GmailHarness) -> None:
    run.round()
    name = f"gmail/watch/{mailbox_key(REP)}"
    stored = run.cursors.read(name)
    ends = harness.time.us // 1_000 + 47 * 3_600_000
    run.cursors.write(name, {**watch_of(run), "expiration": ends}, stored.generation)
    run.round()
    assert watch_of(run)["expiration"] > ends
    assert harness.state.mailboxes[REP].watches == 2


def test_another_topic_is_watched_at_once(run: Run, harness: GmailHarness) -> None:
    run.round()
    harness.settings = harness.connector(topic=TOPIC + "-2").settings
    run.round()
    assert harness.state.mailboxes[REP].watch["topic"] == TOPIC + "-2"


def test_trap_9_a_topic_that_gmail_may_not_publish_to_stops_no_polling(
    run: Run, harness: GmailHarness
) -> None:
    connector = harness.connector(mailboxes=(REP,))
    harness.streams = lambda: connector.streams()  # type: ignore[method-assign]
    harness.faults.switch_on(Fault(name="topic_refused"))
    for round_number in range(2):
        harness.state.store(REP, MAIL)
        outcome = run.round()
        assert list(outcome.failures) == [f"gmail/watch/{mailbox_key(REP)}"], round_number
        assert "may not publish to it" in next(iter(outcome.failures.values()))
        assert outcome.changes == 1


def test_without_a_topic_nothing_is_watched(tmp_path: Path) -> None:
    with gmail(empty=True) as harness:
        Run(harness, tmp_path).round()
        assert harness.state.mailboxes[REP].watches == 0


def test_trap_9_watches_about_to_end_are_found_without_asking_gmail(
    run: Run, harness: GmailHarness
) -> None:
    def found(**settings: Any) -> list[str]:
        connector = harness.connector(mailboxes=(REP, REPS[1]), **settings)
        return [one.found for one in connector.drift(run.cursors) if not one.ok and one.fix]

    assert found() == ["2 mailboxes: no watch was ever set up"]
    assert run.round().succeeded
    asked = len(harness.sandbox.requests)
    assert found() == []
    harness.time.pass_s(3 * DAY_S - 60)
    assert found() == []
    harness.time.pass_s(120)
    assert found() == ["2 mailboxes: the watch ends soon, and was not renewed for days"]
    harness.time.pass_s(5 * DAY_S)
    assert found() == ["2 mailboxes: the watch has ended"]
    assert found(topic="projects/sandbox/topics/other") == [
        "2 mailboxes: the watch is for another topic"
    ]
    assert found(topic="") == []
    assert len(harness.sandbox.requests) == asked
