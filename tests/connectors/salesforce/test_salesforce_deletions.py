"""What is gone is told: from the recycle bin, by the log of deletions, by comparing all ids."""

from pathlib import Path
from typing import Any

import pytest
from conformance import Run
from salesforce_harness import SalesforceHarness, salesforce

from connectors.salesforce.deletions import Deletions
from sandbox.vendors.salesforce import Terms
from schemas.errors import RetriableError

DAY = 24 * 60


def started(harness: SalesforceHarness, folder: Path, *objects: str) -> Run:
    harness.objects = objects or ("Account", "Contact", "Lead")
    run = Run(harness, folder)
    assert run.round().succeeded
    harness.pass_time(20)
    return run


def held(run: Run) -> None:
    """The comparison asks the warehouse; here it is what was published."""
    run.harness.known = lambda kind: [  # type: ignore[attr-defined]
        key.split(":")[2]
        for key, record in run.collector.newest().items()
        if key.startswith(f"salesforce:{kind}:") and record is not None
    ]


def test_trap_19_a_deleted_record_is_a_tombstone_and_comes_back_when_it_is_put_back(
    tmp_path: Path,
) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        lead = next(iter(harness.org.newest("Lead")))
        harness.org.delete("Lead", lead)
        assert run.round().changes == 1
        assert run.collector.newest()[f"salesforce:lead:{lead}"] is None
        harness.pass_time(1)
        harness.org.undelete("Lead", lead)
        assert run.round().changes == 1
        run.assert_all_there()
        assert run.collector.newest()[f"salesforce:lead:{lead}"]["Id"] == lead


def test_trap_19_a_merged_record_names_the_one_that_lives_on(tmp_path: Path) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        winner, loser = list(harness.org.newest("Contact"))[:2]
        harness.org.merge("Contact", loser, winner)
        harness.pass_time(3)
        run.round()
        (merged,) = [one for one in run.collector.changes if one.operation == "merge"]
        assert (merged.object_id, merged.successor) == (loser, winner)
        # The log of deletions names the loser too: that must not make a mere deletion of it.
        assert not [one for one in run.collector.changes if one.operation == "delete"]
        run.assert_all_there()


def test_trap_19_a_merged_record_keeps_its_successor_when_the_bin_is_emptied(
    tmp_path: Path,
) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        run.round()
        winner, loser = list(harness.org.newest("Contact"))[:2]
        harness.pass_time(1)
        harness.org.merge("Contact", loser, winner)
        harness.pass_time(1)
        assert run.round().changes == 2
        harness.org.purge("Contact", loser)
        harness.pass_time(6)
        assert run.round().notes["purged"] == 1
        last = max(
            (one for one in run.collector.changes if one.object_id == loser),
            key=lambda one: one.version,
        )
        assert (last.operation, last.successor) == ("merge", winner)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"deletedRecords": [None]},
        {"deletedRecords": [{"id": None, "deletedDate": "2026-01-01T00:00:00.000Z"}]},
        {"deletedRecords": [{"id": "0035w0000000001AAA"}]},
    ],
    ids=["nothing", "list", "no deletion", "no id", "no time"],
)
def test_a_log_of_deletions_that_cannot_be_read_is_none(answer: Any) -> None:
    covers = {
        "earliestDateAvailable": "2026-01-01T00:00:00.000Z",
        "latestDateCovered": "2026-01-02T00:00:00.000Z",
    }
    with pytest.raises(RetriableError):
        Deletions(answer | covers if isinstance(answer, dict) else answer, "Contact")


def test_ids_of_deletions_have_one_form_whatever_form_they_come_in() -> None:
    deletions = Deletions(
        {
            "earliestDateAvailable": "2026-01-01T00:00:00.000Z",
            "latestDateCovered": "2026-01-02T00:00:00.000Z",
            "deletedRecords": [
                {"id": "0035w0000000001", "deletedDate": "2026-01-01T00:00:01.000Z"}
            ],
        },
        "Contact",
    )
    assert list(deletions.stamps) == ["0035w0000000001AAA"]


def test_trap_19_a_record_deleted_and_purged_between_two_rounds_is_gone(tmp_path: Path) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        contact = next(iter(harness.org.newest("Contact")))
        harness.org.purge("Contact", contact)
        harness.pass_time(2)
        outcome = run.round()
        assert outcome.notes["purged"] == 1
        assert run.collector.newest()[f"salesforce:contact:{contact}"] is None
        (gone,) = [one for one in run.collector.changes if one.operation == "delete"]
        assert gone.stamp // 1_000_000 == (harness.now[0] - 120_000_000) // 1_000_000
        harness.pass_time(5)
        assert run.round().changes == 0


def test_trap_19_what_open_transactions_hide_is_asked_for_again(tmp_path: Path) -> None:
    with salesforce(Terms(open_us=300_000_000)) as harness:
        run = started(harness, tmp_path)
        contact = next(iter(harness.org.newest("Contact")))
        harness.org.purge("Contact", contact)
        harness.pass_time(2)
        run.round()
        assert run.collector.newest()[f"salesforce:contact:{contact}"] is not None
        harness.pass_time(6)
        run.round()
        assert run.collector.newest()[f"salesforce:contact:{contact}"] is None


def test_trap_19_a_log_that_begins_later_than_we_left_off_means_a_comparison(
    tmp_path: Path,
) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        contact = next(iter(harness.org.newest("Contact")))
        harness.org.purge("Contact", contact)
        harness.pass_time(2)
        harness.org.forget_deletions("Contact")
        harness.pass_time(2)
        # Without anything to compare with, it is at least told, and kept in mind.
        assert run.round().notes["deletions_unknown"] == 1
        cursor = run.cursors.read("salesforce/contact/deleted").cursor
        assert cursor is not None
        assert cursor["gap"] is True
        held(run)
        outcome = run.round()
        assert (outcome.notes["vanished"], outcome.notes["compared"]) == (1, 1)
        assert run.collector.newest()[f"salesforce:contact:{contact}"] is None
        assert run.round().notes["compared"] == 0


@pytest.mark.parametrize("days", [16, 40])
def test_trap_19_away_for_longer_than_the_log_reaches(days: int, tmp_path: Path) -> None:
    with salesforce() as harness:
        run = started(harness, tmp_path)
        held(run)
        contact = next(iter(harness.org.newest("Contact")))
        harness.org.purge("Contact", contact)
        harness.pass_time(days * DAY)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["deletions_unknown"] > 0
        assert run.collector.newest()[f"salesforce:contact:{contact}"] is None


def test_trap_19_the_daily_comparison_finds_what_no_log_told_and_what_we_lack(
    tmp_path: Path,
) -> None:
    with salesforce(Terms(page_rows=7)) as harness:
        run = started(harness, tmp_path)
        held(run)
        gone, lacking = list(harness.org.newest("Contact"))[:2]
        del harness.org.table("Contact")[gone]
        run.collector.changes = [one for one in run.collector.changes if one.object_id != lacking]
        harness.pass_time(60)
        assert run.round().notes["compared"] == 0
        harness.pass_time(DAY)
        outcome = run.round()
        assert (outcome.notes["vanished"], outcome.notes["lacked"]) == (1, 1)
        expected = {**harness.expected(), f"salesforce:contact:{gone}": None}
        assert run.collector.newest() == expected


def test_trap_19_a_lost_permission_is_no_mass_deletion(tmp_path: Path) -> None:
    with salesforce(empty=True) as harness:
        for number in range(60):
            harness.org.create("Contact", LastName=f"N{number}")
        run = started(harness, tmp_path, "Contact")
        held(run)
        for record_id in list(harness.org.newest("Contact"))[:40]:
            del harness.org.table("Contact")[record_id]
        harness.pass_time(2 * DAY)
        outcome = run.round()
        assert "40 of 60 records are out of sight" in outcome.failures["salesforce/contact/deleted"]
        assert all(record for record in run.collector.newest().values())
        # The ids are not all read again at every round: the next look is in an hour.
        asked = len(harness.server.seen.queries)
        harness.pass_time(10)
        assert "looked for again" in run.round().failures["salesforce/contact/deleted"]
        assert len(harness.server.seen.queries) == asked + 1
        harness.pass_time(60)
        assert "40 of 60" in run.round().failures["salesforce/contact/deleted"]
        harness.settings["most_gone_share"] = 1.0
        harness.pass_time(70)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["vanished"] == 40


def test_users_cannot_be_deleted_and_are_not_asked_for(tmp_path: Path) -> None:
    with salesforce() as harness:
        started(harness, tmp_path, "User")
        assert not [path for _, path in harness.server.seen.calls if "deleted" in path]


def test_trap_19_more_deletions_than_one_answer_holds_are_asked_for_in_parts(
    tmp_path: Path,
) -> None:
    with salesforce(Terms(most_deletions=3)) as harness:
        run = started(harness, tmp_path)
        contacts = list(harness.org.newest("Contact"))[:8]
        for contact in contacts:
            harness.org.purge("Contact", contact)
            harness.pass_time(7)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["purged"] == 8
        newest = run.collector.newest()
        assert {newest[f"salesforce:contact:{one}"] for one in contacts} == {None}


def test_trap_19_more_deletions_within_a_minute_than_an_answer_holds_mean_a_comparison(
    tmp_path: Path,
) -> None:
    with salesforce(Terms(most_deletions=3)) as harness:
        run = started(harness, tmp_path)
        held(run)
        for contact in list(harness.org.newest("Contact"))[:8]:
            harness.org.purge("Contact", contact)
        harness.pass_time(7)
        outcome = run.round()
        assert (outcome.succeeded, outcome.notes["deletions_unknown"]) == (True, 1)
        assert outcome.notes["vanished"] == 8
        assert run.round().changes == 0


def test_an_object_whose_deletions_cannot_be_asked_for_is_compared(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.org.entities["Lead"].replicated = False
        run = started(harness, tmp_path, "Lead")
        held(run)
        lead = next(iter(harness.org.newest("Lead")))
        harness.org.purge("Lead", lead)
        harness.pass_time(DAY)
        assert run.round().notes["vanished"] == 1
        assert not [path for _, path in harness.server.seen.calls if "deleted" in path]
