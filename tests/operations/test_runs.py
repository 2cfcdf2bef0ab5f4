"""Rows of ops.runs: a run is told from start to end, and an outage on its way does not end it."""

import threading
from collections.abc import Iterator

import pytest

from embedded.ports import free_port
from embedded.warehouse import WarehouseServer
from operations.runs import RunNotes, noted_run
from schemas.errors import RetriableError
from schemas.operations import Run, SourceCount
from schemas.tables import BY_ROW
from warehouse import runs
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import select
from warehouse.provision import provision
from warehouse.runs import HEARTBEAT_US


class Time:
    """Microseconds; goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    server = WarehouseServer(tmp_path_factory.mktemp("warehouse") / "data")
    found = server.start()
    try:
        client = bigquery_client(found)
        provision(client, tables=[BY_ROW[Run], BY_ROW[SourceCount]])
        client.close()
        yield found
    finally:
        server.stop()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """A warehouse that does not answer."""
    monkeypatch.setattr(runs, "GIVE_UP_AFTER_S", 0.0)
    port = free_port()
    return Endpoint(project="p", rest=f"http://127.0.0.1:{port}", grpc=f"127.0.0.1:{port}")


def rows_of(endpoint: Endpoint, run_id: str) -> list[Run]:
    client = bigquery_client(endpoint)
    sql = f"SELECT * FROM `ops.runs` WHERE run_id = '{run_id}' ORDER BY noted_at"
    found = list(select(client, Run, sql))
    client.close()
    return found


@pytest.mark.slow
def test_a_run_has_a_start_heartbeats_every_ten_seconds_and_an_end(endpoint: Endpoint) -> None:
    clock = Time()
    notes = RunNotes(endpoint, "import", {"files": 2}, clock)
    notes.note("running")
    for _ in range(25):
        clock.now += 1_000_000
        notes.changes += 4
        notes.heartbeat()
    notes.failed = 1
    clock.now += 1
    notes.note("succeeded")
    notes.close()
    found = rows_of(endpoint, notes.run_id)
    assert [(row.status, row.changes, row.failed) for row in found] == [
        ("running", 0, 0),
        ("running", 44, 0),
        ("running", 88, 0),
        ("succeeded", 100, 1),
    ]
    assert {row.started_at for row in found} == {1_800_000_000_000_000}
    assert {row.detail for row in found} == {'{"files":2}'}


@pytest.mark.slow
def test_a_run_gives_signs_of_life_while_one_step_of_it_takes_long(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT_US", 0)
    monkeypatch.setattr(runs, "LOOKS_EVERY_S", 0.01)
    with noted_run(endpoint, "rebuild") as run:
        beaten, beat = threading.Semaphore(0), run.heartbeat

        def heard() -> None:
            beat()
            beaten.release()

        monkeypatch.setattr(run, "heartbeat", heard)
        # The step: it notes nothing, and ends when three heartbeats have been written.
        for _ in range(3):
            assert beaten.acquire(timeout=60)
        run.changes = 7
    found = [(row.status, row.changes) for row in rows_of(endpoint, run.run_id)]
    assert found[:4] == [("running", 0)] * 4
    assert found[-1] == ("succeeded", 7)
    assert {status for status, _ in found[:-1]} == {"running"}


def test_nothing_beats_for_a_run_that_has_ended(nowhere: Endpoint) -> None:
    notes = RunNotes(nowhere, "import")
    before = threading.active_count()
    with pytest.raises(KeyError), notes.beating():
        raise KeyError("x")
    assert threading.active_count() == before
    notes.close()


@pytest.mark.slow
def test_a_run_that_fails_says_by_what_and_nothing_private(endpoint: Endpoint) -> None:
    with pytest.raises(KeyError), noted_run(endpoint, "import") as run:
        run.changes = 3
        raise KeyError("somebody@example.com")
    first, last = rows_of(endpoint, run.run_id)
    assert (first.status, last.status) == ("running", "failed")
    assert (last.changes, last.error_message) == (3, "KeyError")


@pytest.mark.slow
def test_a_run_that_is_stopped_by_hand_has_not_failed(endpoint: Endpoint) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped, noted_run(endpoint, "import") as run:
        run.changes = 3
        raise KeyboardInterrupt
    assert stopped.value.__notes__ == ["3 are done, do it again for the rest"]
    assert [(row.status, row.changes) for row in rows_of(endpoint, run.run_id)] == [
        ("running", 0),
        ("stopped", 3),
    ]


def test_what_a_run_failed_by_is_told_where_its_end_cannot_be_written(
    nowhere: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def note(self: RunNotes, status: str, error: str | None = None) -> None:
        said.append(status)
        if status != "running":
            raise RetriableError("no answer")

    monkeypatch.setattr(RunNotes, "note", note)
    with pytest.raises(KeyError), noted_run(nowhere, "import"):
        raise KeyError("x")
    assert said == ["running", "failed"]


def test_a_heartbeat_that_cannot_be_written_does_not_end_the_run(nowhere: Endpoint) -> None:
    clock = Time()
    notes = RunNotes(nowhere, "import", clock=clock)
    clock.now += HEARTBEAT_US + 1
    notes.heartbeat()
    with pytest.raises(RetriableError, match="cannot be written"):
        notes.note("succeeded")
    notes.close()


@pytest.mark.slow
def test_rows_that_a_run_is_about_are_there_when_it_goes_on_and_none_is_lost_unsaid(
    endpoint: Endpoint,
) -> None:
    def counted(records: int) -> SourceCount:
        return SourceCount(
            counted_at=1_800_000_000_000_000,
            counted_date=20_833,
            source="hubspot",
            object_type="contact",
            records=records,
            method="search",
            run_id=run.run_id,
        )

    with noted_run(endpoint, "nightly") as run:
        run.write([counted(1), counted(2)])
        client = bigquery_client(endpoint)
        sql = f"SELECT * FROM `ops.source_counts` WHERE run_id = '{run.run_id}' ORDER BY records"
        assert list(select(client, SourceCount, sql)) == [counted(1), counted(2)]
        client.close()
    with (
        pytest.raises(RetriableError, match="1 rows were refused"),
        noted_run(endpoint, "nightly") as run,
    ):
        run.write([counted(1), counted(1 << 70)])
    assert [one.status for one in rows_of(endpoint, run.run_id)] == ["running", "failed"]
