"""Users and contacts: published when they say something new, and gone when they are gone."""

from pathlib import Path

from conformance import Run
from dialpad_harness import DialpadHarness, dialpad

from sandbox.vendors.faults import Fault
from transforms.normalise import normalise
from transforms.settings import Settings


def run_of(harness: DialpadHarness, folder: Path, *objects: str) -> Run:
    harness.objects = objects
    return Run(harness, folder)


def test_trap_49_limit_is_never_sent(tmp_path: Path) -> None:
    """The sandbox refuses a limit above 100 at random, and the specification knows none at all: the
    harness would report it."""
    with dialpad(page_size=2) as harness:
        run = run_of(harness, tmp_path, "user", "contact")
        for _ in range(5):
            assert run.round().succeeded
        run.assert_all_there()


def test_trap_49_who_has_left_is_seen_and_becomes_a_tombstone(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "user")
        run.until_read()
        user = next(iter(harness.state.users))
        harness.state.edit_user(user, state="deleted")
        harness.pass_time(1)
        assert run.until_read().changes == 1
        change = run.collector.changes[-1]
        (row,), (identity,) = normalise(change, Settings(), 1_770_000_000_000_000)
        assert (identity.deleted, identity.record_key) == (True, f"dialpad:user:{user}")


def test_what_changes_all_day_long_is_not_published_for_itself(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "user")
        run.until_read()
        user = next(iter(harness.state.users))
        harness.state.edit_user(user, is_online=False, do_not_disturb=True)
        assert run.until_read().changes == 0
        harness.state.edit_user(user, job_title="Head of Sales")
        harness.pass_time(1)
        assert run.until_read().changes == 1
        run.assert_all_there()


def test_a_contact_that_two_lists_lack_is_gone_and_may_come_back(tmp_path: Path) -> None:
    with dialpad() as harness:
        run = run_of(harness, tmp_path, "contact")
        run.until_read()
        gone, record = next(iter(harness.state.contacts.items()))
        harness.state.delete_contact(gone)
        changes = []
        for _ in range(4):
            harness.pass_time(1)
            changes.append(run.until_read().changes)
        assert changes == [0, 1, 0, 0]
        assert run.collector.newest() == {**harness.expected(), f"dialpad:contact:{gone}": None}
        harness.state.contacts[gone] = record
        harness.pass_time(1)
        run.until_read()
        run.assert_all_there()


def test_half_a_list_takes_nobody_away(tmp_path: Path) -> None:
    with dialpad(page_size=3) as harness:
        run = run_of(harness, tmp_path, "contact")
        run.until_read()
        harness.faults.switch_on(Fault(name="token_expired"))
        for _ in range(3):
            harness.pass_time(1)
            assert not run.round().succeeded
        harness.faults.switch_off()
        harness.pass_time(1)
        assert run.until_read().changes == 0
        run.assert_all_there()
