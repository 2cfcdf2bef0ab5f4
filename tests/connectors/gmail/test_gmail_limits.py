"""Batches, quotas and refusals: traps 7, 8, 15 and 16."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import Run
from gmail_harness import MAIL, REP, REPS, GmailHarness, gmail

from connectors.calls import RetryPolicy
from connectors.gmail.batch import PAUSE_S
from connectors.gmail.mailbox import mailbox_key
from connectors.gmail.settings import COSTS
from connectors.poller import Poller
from sandbox.vendors.faults import Fault
from sandbox.vendors.gmail import COSTS_2025, COSTS_2026
from sandbox.vendors.gmail.quota import Limits


@pytest.fixture
def harness() -> Iterator[GmailHarness]:
    with gmail(empty=True) as made:
        made.mailboxes = (REP,)
        yield made


@pytest.fixture
def run(harness: GmailHarness, tmp_path: Path) -> Run:
    return Run(harness, tmp_path)


def gets(harness: GmailHarness) -> int:
    return sum("/messages/" in path for _, path, _ in harness.sandbox.requests)


def test_trap_7_parts_that_are_refused_are_asked_for_again_alone(
    run: Run, harness: GmailHarness
) -> None:
    names = [harness.state.store(REP, MAIL) for _ in range(25)]
    harness.faults.switch_on(*[Fault(name="part_429", route=one, times=7) for one in names[9:16]])
    assert run.round().succeeded
    assert harness.faults.struck["part_429"] == 7
    assert gets(harness) == 25 + 7
    run.assert_all_there()


def test_trap_7_mixed_outcomes_in_one_batch(run: Run, harness: GmailHarness) -> None:
    run.round()
    names = [harness.state.store(REP, MAIL) for _ in range(60)]
    harness.state.delete(REP, names[5])
    del harness.state.mailboxes[REP].messages[names[30]]
    harness.faults.switch_on(
        Fault(name="part_500", route=names[7], times=1),
        Fault(name="part_429", route=names[40], times=1),
    )
    assert run.round().succeeded
    assert {one.object_id for one in run.collector.changes} == set(names) - {names[30]}
    harness.time.pass_s(4_000)
    run.round()
    assert {key.rpartition(":")[2] for key, held in run.collector.newest().items() if not held} == {
        names[5],
        names[30],
    }


def test_trap_7_no_batch_is_larger_than_gmail_bears(run: Run, harness: GmailHarness) -> None:
    for _ in range(60):
        harness.state.store(REP, MAIL)
    run.round()
    # With more than 25 in one call the sandbox refuses the rest, as Gmail does.
    assert (gets(harness), harness.slept) == (60, [])
    again = Run(harness, run.cursors._path.parent / "again")
    harness.settings = again.harness.connector(batch_size=60).settings  # type: ignore[attr-defined]
    again.round()
    again.assert_all_there()
    assert harness.slept[-1] == PAUSE_S


@pytest.mark.parametrize("company", [0, 3])
@pytest.mark.parametrize("fault", ["part_500", "part_malformed"])
def test_trap_53_a_message_that_gmail_cannot_read_stops_nothing_and_is_a_dead_letter(
    run: Run, harness: GmailHarness, fault: str, company: int
) -> None:
    run.round()
    poison = harness.state.store(REP, MAIL)
    for _ in range(company):
        harness.state.store(REP, MAIL)
    route = poison if fault == "part_500" else f"/gmail/v1/users/me/messages/{poison}"
    harness.faults.switch_on(Fault(name=fault, route=route))
    assert run.round().succeeded
    after = harness.state.store(REP, MAIL)
    assert run.round().changes == 1
    assert run.collector.changes[-1].object_id == after
    harness.time.pass_s(4_000)
    outcome = run.round()
    assert (outcome.succeeded, outcome.bad) == (True, 1)
    ((_, data, attributes),) = run.collector.raw
    assert poison.encode() in data
    assert poison in attributes["ce-import-error"]
    assert run.round().bad == 0


def test_trap_8_while_gmail_names_a_time_the_mailbox_is_left_alone(tmp_path: Path) -> None:
    with gmail(empty=True, quota=(Limits(user=400), COSTS_2026)) as harness:
        harness.mailboxes = (REP,)
        for _ in range(40):
            harness.state.store(REP, MAIL)
        run = Run(harness, tmp_path)
        harness.policy = RetryPolicy(tries=4, patience_s=5)
        connector = harness.connector()
        harness.streams = lambda: connector.streams([REP])  # type: ignore[method-assign]
        left_alone = 0
        while not run.round().succeeded:
            left_alone += 1
            assert left_alone < 10
            asked, name = len(harness.sandbox.requests), f"gmail/mailbox/{mailbox_key(REP)}"
            harness.time.pass_s(1)
            assert "left alone for another" in run.round().failures[name]
            # A push meanwhile is done with: the poller has it.
            hinted = connector.hinted(REP, str(harness.state.mailboxes[REP].history_id + 1))
            poller = Poller(run.cursors, run.collector)  # type: ignore[arg-type]
            assert poller.round([hinted]).succeeded
            assert len(harness.sandbox.requests) == asked
            harness.time.pass_s(30)
        assert left_alone > 0
        run.assert_all_there()
        # Each call while it refuses moves the time on; so there are few.
        assert harness.sandbox.quota.refused[REP] <= 25


@pytest.mark.parametrize(
    ("table", "user", "costs"),
    [
        (COSTS_2026, 6_000, COSTS),
        (COSTS_2025, 15_000, COSTS | {"messages.get": 5}),
    ],
)
def test_trap_15_a_minute_never_sees_more_than_the_quota(
    tmp_path: Path, table: dict[str, int], user: int, costs: dict[str, float]
) -> None:
    with gmail(quota=(Limits(user=user), table)) as harness:
        for _ in range(700):
            harness.state.store(REP, MAIL)
        harness.settings = harness.connector(units_a_minute=user, costs=costs).settings
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        assert harness.sandbox.quota.refused.total() == 0
        assert harness.sandbox.quota.units[REP] > 700 * costs["messages.get"]
        run.assert_all_there()


def test_trap_15_the_projects_quota_is_shared(tmp_path: Path) -> None:
    with gmail(quota=(Limits(user=6_000, project=3_000), COSTS_2026)) as harness:
        for address in REPS:
            for _ in range(100):
                harness.state.store(address, MAIL)
        connector = harness.connector(project_units_a_minute=3_000, units_a_minute=6_000)
        harness.streams = lambda: connector.streams(harness.mailboxes)  # type: ignore[method-assign]
        run = Run(harness, tmp_path)
        assert run.round().succeeded
        assert harness.sandbox.quota.refused.total() == 0
        run.assert_all_there()


def test_trap_16_nothing_leaves_this_machine(
    run: Run, harness: GmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def only_here(host: object, *rest: object, **options: object) -> object:
        asked.append(str(host))
        assert str(host) in ("127.0.0.1", "localhost")
        return resolve(host, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    for _ in range(30):
        harness.state.store(REP, MAIL)
    assert run.round().succeeded
    assert set(asked) == {"127.0.0.1"}
    run.assert_all_there()
