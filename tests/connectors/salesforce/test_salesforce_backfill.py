"""Backfills: by Bulk with every row counted, by REST where Bulk will not; the same changes."""

import json
from pathlib import Path

import pytest
from conformance import Run
from salesforce_harness import SalesforceHarness, salesforce

from connectors.salesforce import bulk
from connectors.salesforce.client import Rows
from connectors.salesforce.shapes import shape_of
from connectors.schema import packed
from sandbox.vendors.faults import Fault
from sandbox.vendors.salesforce import Terms
from schemas.clock import DAY_US


def backfill(
    harness: SalesforceHarness, *objects: str, since: int | None = None, until: int | None = None
) -> None:
    """The harness's streams are those of a backfill from now on."""
    objects = objects or ("Account", "Contact", "Opportunity", "EmailMessage")
    harness.objects = objects
    until = until or harness.now[0]
    harness.streams = (  # type: ignore[method-assign]
        lambda: iter(harness.connector().backfill(since, until, objects))
    )


def test_bulk_gives_the_very_changes_that_the_live_stream_gives(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.settings["bulk_page_rows"] = 7
        live = Run(harness, tmp_path / "live")
        harness.objects = ("Account", "Contact", "Opportunity", "EmailMessage")
        assert live.round().succeeded
        backfill(harness)
        filled = Run(harness, tmp_path / "bulk")
        outcome = filled.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["bulk_failed"] == 0
        filled.assert_all_there()
        # Trap 59: what both lanes read is one change; only the lane differs.
        ids = [{one.change_id for one in run.collector.changes} for run in (live, filled)]
        assert ids[0] == ids[1]
        assert {one.lane for one in filled.collector.changes} == {"backfill"}
        assert filled.round().changes == 0


@pytest.mark.parametrize(
    "fault",
    [
        "bulk_refused",
        "bulk_failed",
        "bulk_aborted",
        "bulk_short",
        "bulk_miscounted",
        "bulk_cut",
        "bulk_no_text",
        "bulk_locator_lost",
        "bulk_again",
        "bulk_empty",
    ],
)
def test_trap_27_a_job_that_does_not_give_all_is_replaced_by_rest(
    fault: str, tmp_path: Path
) -> None:
    with salesforce() as harness:
        harness.settings["bulk_page_rows"] = 5
        backfill(harness, "Contact")
        harness.faults.switch_on(Fault(name=fault))
        run = Run(harness, tmp_path)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["bulk_failed"] == 1
        run.assert_all_there()
        assert run.round().changes == 0


def test_trap_27_compound_fields_never_reach_bulk_and_texts_that_look_empty_are_kept(
    tmp_path: Path,
) -> None:
    with salesforce(empty=True) as harness:
        odd = {"LastName": "NA", "FirstName": "null", "Title": ' "quoted", with\nlines '}
        record_id = harness.org.create("Contact", **odd, Email=None)
        harness.pass_time(1)
        backfill(harness, "Contact")
        run = Run(harness, tmp_path)
        assert run.round().notes["bulk_failed"] == 0
        record = run.collector.newest()[f"salesforce:contact:{record_id}"]
        assert {name: record[name] for name in odd} == odd
        assert record["Email"] is None
        run.assert_all_there()


def test_trap_27_the_end_of_a_result_is_the_word_null(tmp_path: Path) -> None:
    with salesforce() as harness:
        client = harness.client()
        shape = shape_of(client, "User")
        job = bulk.start(client, shape, None, harness.now[0])
        *_, found = bulk.looked_at(client, job)
        assert found is not None
        locators = [part.locator for part in bulk.parts(client, shape, job, found, "", 0)]
        assert locators[-1] == ""
        assert isinstance(client.rows(job, "", 1), Rows)


def test_a_backfill_goes_on_with_its_job_after_a_crash(tmp_path: Path) -> None:
    with salesforce(Terms(job_polls=4)) as harness:
        harness.settings["bulk_page_rows"] = 4
        backfill(harness, "Contact")
        run = Run(harness, tmp_path)
        run.collector.break_at = 3
        assert not run.round().succeeded
        assert run.round().succeeded
        run.assert_all_there()
        jobs = [path for method, path in harness.server.seen.calls if path == "jobs/query"]
        assert len(jobs) == 1


def test_while_a_job_is_waited_for_the_lease_is_renewed_and_a_stop_is_heard(tmp_path: Path) -> None:
    with salesforce(Terms(job_polls=4)) as harness:
        backfill(harness, "Contact")
        (stream,) = harness.streams()
        pages = stream.pages(None)
        started, *waited = (next(pages) for _ in range(5))
        assert [(page.changes, page.cursor) for page in waited] == [((), started.cursor)] * 4
        assert harness.slept == [2.0, 4.0, 8.0]
        assert next(pages).changes


def test_a_job_that_takes_longer_than_we_wait_is_looked_at_again(tmp_path: Path) -> None:
    with salesforce(Terms(job_polls=30)) as harness:
        harness.settings["bulk_wait_s"] = 60.0
        backfill(harness, "Lead")
        run = Run(harness, tmp_path)
        assert "not finished yet" in next(iter(run.round().failures.values()))
        run.until_read()
        run.assert_all_there()
        assert [path for _, path in harness.server.seen.calls].count("jobs/query") == 1


def test_a_backfill_reads_what_was_stamped_within_its_time(tmp_path: Path) -> None:
    with salesforce(empty=True) as harness:
        start = harness.now[0]
        ids = []
        for _ in range(4):
            ids.append(harness.org.create("Lead", LastName="L"))
            harness.pass_time(24 * 60)
        for fault in ("", "bulk_refused"):
            harness.faults.switch_on(Fault(name=fault))
            backfill(harness, "Lead", since=start + DAY_US, until=start + 3 * DAY_US)
            run = Run(harness, tmp_path / f"run{fault}")
            assert run.round().succeeded
            assert {one.object_id for one in run.collector.changes} == set(ids[1:3])


def test_a_job_of_another_shape_is_not_gone_on_with(tmp_path: Path) -> None:
    with salesforce() as harness:
        harness.settings["bulk_page_rows"] = 4
        backfill(harness, "Contact")
        run = Run(harness, tmp_path)
        run.round(stop_after=2)
        harness.org.remove_field("Contact", "Title")
        harness.pass_time(1)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["field_gone:Contact.Title"] == 1
        assert [path for _, path in harness.server.seen.calls].count("jobs/query") == 2
        run.assert_all_there()


def test_numbers_keep_every_digit_that_they_came_with() -> None:
    with salesforce(empty=True) as harness:
        record_id = harness.org.create("Opportunity", Name="Big", Amount=1200.5)
        client = harness.client()
        (change,) = next(iter(harness.connector().fetch("opportunity", [record_id]))).changes
        assert b'"Amount":1200.5' in change.payload
        rows = Rows(
            f'"Id","SystemModstamp","Amount"\n"{record_id}","","12345678901234567.80"\n'.encode(),
            1,
            "",
            0,
        )
        shape = shape_of(client, "Opportunity")
        (record,) = bulk._records(shape, rows)
        assert bytes(record["Amount"]) == b"12345678901234567.80"
        assert json.loads(change.payload)["attributes"] == {"type": "Opportunity"}


def test_trap_24_a_field_that_vanishes_while_rest_fills_is_done_without(tmp_path: Path) -> None:
    with salesforce(Terms(page_rows=4)) as harness:
        harness.faults.switch_on(Fault(name="bulk_refused"), Fault(name="locator_lost"))
        connector = harness.connector()
        harness.streams = (  # type: ignore[method-assign]
            lambda: iter(connector.backfill(None, harness.now[0], ("Contact",)))
        )
        harness.objects = ("Contact",)
        run = Run(harness, tmp_path)
        run.round(stop_after=2)
        harness.org.remove_field("Contact", "Title")
        harness.pass_time(1)
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.notes["field_gone:Contact.Title"] == 1
        assert set(run.collector.newest()) == set(harness.expected())


def test_a_job_that_has_aged_away_is_replaced_by_rest(tmp_path: Path) -> None:
    with salesforce() as harness:
        backfill(harness, "Lead")
        run = Run(harness, tmp_path)
        stored = run.cursors.read("x")
        name = next(iter(harness.streams())).name
        shape = shape_of(harness.client(), "Lead")
        cursor = {"job": "750GONE", "shape": packed(shape.types)}
        run.cursors.write(name, cursor, stored.generation)
        outcome = run.round()
        assert (outcome.succeeded, outcome.notes["bulk_failed"]) == (True, 1)
        run.assert_all_there()


def test_a_backfill_without_an_end_goes_on_within_its_day_and_is_another_the_next(
    tmp_path: Path,
) -> None:
    with salesforce() as harness:
        harness.objects = ("Lead",)
        harness.streams = (  # type: ignore[method-assign]
            lambda: harness.connector().backfill(None, None, ("Lead",))
        )
        run = Run(harness, tmp_path)
        assert run.round(stop_after=1).stopped
        harness.pass_time(60)
        assert run.round().succeeded
        run.assert_all_there()
        assert run.round().changes == 0
        harness.pass_time(24 * 60)
        assert run.round().changes == len(harness.org.newest("Lead"))


def test_trap_27_a_part_that_is_short_is_noticed_before_its_rows_are_taken() -> None:
    with salesforce() as harness:
        harness.settings["bulk_page_rows"] = 5
        harness.faults.switch_on(Fault(name="bulk_short", times=1))
        client = harness.client()
        shape = shape_of(client, "Contact")
        job = bulk.start(client, shape, None, harness.now[0])
        *_, found = bulk.looked_at(client, job)
        assert found is not None
        with pytest.raises(bulk.BulkFailed, match="4 rows where 5 are stated"):
            next(bulk.parts(client, shape, job, found, "", 0))
