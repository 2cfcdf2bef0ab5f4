"""A job notes its run from its first step to its last, and does not begin beside an erasure that
would miss what it reads."""

import time
from collections.abc import Callable

import apache_beam as beam
import pytest
from job_runs import noted_runs, run

from pipelines import job_run
from pipelines.job_run import Beating, Begin, Done, End, JobRun, begun
from schemas.clock import wall_clock
from schemas.errors import RetriableError
from warehouse import runs
from warehouse.clients import Endpoint, bigquery_client
from warehouse.other_runs import REBUILDS, OtherRuns
from warehouse.runs import noted_run

pytestmark = pytest.mark.slow

PARTS: tuple[Done, ...] = ((3, 1, 0), (4, 0, 2))


def test_a_job_notes_its_start_that_it_is_alive_and_what_it_has_done(
    noting: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = JobRun.new(noting, "test", wall_clock)
    # Every element is late enough for a heartbeat.
    monkeypatch.setattr(job_run, "BEAT_US", -1)

    def build(pipeline: beam.Pipeline) -> None:
        begin = pipeline | "Begin" >> Begin(noted)
        parts = begin | "Parts" >> beam.FlatMap(lambda _: PARTS).with_output_types(Done)
        parts | "Alive" >> beam.ParDo(Beating(noted)).with_output_types(Done) | End(noted)

    run(build)
    with bigquery_client(noting) as client:
        sql = "SELECT * FROM `ops.runs` WHERE command = 'test' ORDER BY noted_at"
        rows = list(client.query_and_wait(sql))
    assert [row.status for row in rows] == ["running", "running", "running", "succeeded"]
    assert {row.run_id for row in rows} == {noted.run_id}
    assert all(row.detail == {"runner": "Dataflow"} for row in rows)
    assert len({row.started_at for row in rows}) == 1
    assert (rows[-1].changes, rows[-1].skipped, rows[-1].failed) == (7, 1, 2)


def test_of_a_job_and_an_erasure_that_begin_together_one_sees_the_other(noting: Endpoint) -> None:
    begin: Callable[[JobRun], bytes] = lambda one: begun(b"", one, apart_from_erasures=True)  # noqa: E731
    with bigquery_client(noting) as client:
        rebuilds = OtherRuns(client, REBUILDS)
        with (
            noted_run(noting, "erase"),
            pytest.raises(RetriableError, match="an erasure is at work: do it again when it has"),
        ):
            begin(JobRun.new(noting, "rebuild", wall_clock))
        # It never began.
        assert not [one for one in noted_runs(noting) if one[0] == "rebuild"]
        begin(JobRun.new(noting, "rebuild", wall_clock))
        with pytest.raises(RetriableError, match="a rebuild is at work"):
            rebuilds.refuse()


def test_a_job_that_publishes_what_it_is_given_begins_beside_an_erasure(noting: Endpoint) -> None:
    with noted_run(noting, "erase"):
        begun(b"", JobRun.new(noting, "backfill", wall_clock), apart_from_erasures=False)
    assert ("backfill", "running", 0) in noted_runs(noting)


def test_a_statement_that_takes_long_is_a_job_at_work(
    noting: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_run, "BEAT_US", -1)
    monkeypatch.setattr(runs, "LOOKS_EVERY_S", 0.01)
    slow = JobRun.new(noting, "slow", wall_clock)
    with slow.at_work():
        deadline = time.monotonic() + 30
        while not [one for one in noted_runs(noting) if one[0] == "slow"]:
            assert time.monotonic() < deadline
