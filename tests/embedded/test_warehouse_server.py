"""The embedded warehouse keeps what it has answered for, through kill and restart."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Annotated

import duckdb
import pytest

from embedded.ports import free_port
from embedded.warehouse import ROOT, WarehouseServer, answers, command
from schemas.clock import to_us
from schemas.columns import Micros, col
from schemas.errors import FatalError, RetriableError
from schemas.operations import Run
from schemas.tables import BY_ID, BY_ROW, TABLES
from warehouse.clients import bigquery_client
from warehouse.provision import provision
from warehouse.sink import StorageSink

pytestmark = pytest.mark.slow


def part(number: int) -> list[Run]:
    """Rows that no other part has."""
    return [
        Run(
            run_id=f"{number}-{place}",
            command="test",
            status="running",
            started_at=0,
            noted_at=number,
            noted_date=20_000,
            changes=0,
            skipped=0,
            failed=0,
        )
        for place in range(50)
    ]


def keys(rows: list[Run]) -> set[str]:
    return {row.run_id for row in rows}


def stored(server: WarehouseServer) -> set[str]:
    client = bigquery_client(server.endpoint)
    found = client.query_and_wait("SELECT DISTINCT run_id FROM `ops.runs`")
    return {row.run_id for row in found}


def test_every_row_that_was_acknowledged_is_there_after_a_kill_in_the_middle_of_writing(
    tmp_path: Path,
) -> None:
    server = WarehouseServer(tmp_path / "data")
    server.start()
    try:
        assert len(provision(bigquery_client(server.endpoint))) >= len(TABLES)
        acknowledged: set[str] = set()
        some = threading.Event()

        def write() -> None:
            sink = StorageSink(server.endpoint, give_up_after_s=0.0)
            try:
                for number in range(10_000):
                    rows = part(number)
                    sink.write(rows)
                    sink.flush()
                    acknowledged.update(keys(rows))
                    if number >= 5:
                        some.set()
            except RetriableError:
                pass
            finally:
                sink.close()

        writing = threading.Thread(target=write)
        writing.start()
        assert some.wait(60)
        server.kill()
        writing.join(90)
        assert not writing.is_alive()
        server.start()
        assert acknowledged and acknowledged <= stored(server)
        assert provision(bigquery_client(server.endpoint)) == []
        after = part(20_000)
        sink = StorageSink(server.endpoint)
        sink.write(after)
        assert sink.flush() == []
        sink.close()
        server.stop()
        server.start()
        assert acknowledged | keys(after) <= stored(server)
    finally:
        server.stop()


class RunWithMore(Run, frozen=True, kw_only=True):
    host: Annotated[str | None, col("New.")] = None
    noted_by: Annotated[tuple[str, ...], col("New.")] = ()
    seen_at: Annotated[Micros | None, col("New.")] = None


class Flow:
    """Appends part after part, from 0 on, in a thread of its own."""

    def __init__(self, server: WarehouseServer) -> None:
        self.parts = 0
        self.failures: list[object] = []
        self._endpoint = server.endpoint
        self._enough, self._flowing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        sink = StorageSink(self._endpoint)
        while not self._enough.is_set():
            sink.write(part(self.parts))
            self.failures.extend(sink.flush())
            self.parts += 1
            self._flowing.set()
        sink.close()

    def __enter__(self) -> "Flow":
        self._thread.start()
        assert self._flowing.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def test_queries_answer_and_columns_are_added_while_rows_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WarehouseServer(tmp_path / "data")
    server.start()
    more = BY_ID["ops.runs"]._replace(row=RunWithMore)
    monkeypatch.setitem(BY_ROW, RunWithMore, more)
    client = bigquery_client(server.endpoint)
    provision(client)
    try:
        with Flow(server) as flow:
            sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT run_id) AS runs FROM `ops.runs`"
            before = 0
            for turn in range(60):
                if turn == 30:
                    changed = provision(client, tables=[more])
                    assert changed == ["added to ops.runs: host, noted_by, seen_at"]
                [found] = client.query_and_wait(sql, retry=None, job_retry=None)
                assert found.runs % 50 == 0 and found.runs >= before
                before = found.runs
        assert not flow.failures
        [last] = part(flow.parts)[:1]
        fields = {name: getattr(last, name) for name in last.__struct_fields__}
        sink = StorageSink(server.endpoint)
        sink.write([RunWithMore(**fields, host="here", seen_at=7, noted_by=("a", "b"))])
        assert sink.flush() == []
        sink.close()
        [new] = client.query_and_wait("SELECT * FROM `ops.runs` WHERE host IS NOT NULL")
        assert (new.run_id, new.noted_by, to_us(new.seen_at)) == (last.run_id, ["a", "b"], 7)
        assert len(stored(server)) == flow.parts * 50 + 1
        assert provision(client, tables=[more]) == []
    finally:
        server.stop()


def test_neither_a_row_nor_a_column_is_refused_where_they_meet(tmp_path: Path) -> None:
    server = WarehouseServer(tmp_path / "data")
    server.start()
    client = bigquery_client(server.endpoint)
    provision(client)
    try:
        with Flow(server) as flow:
            for number in range(60):
                sql = f"ALTER TABLE `ops.runs` ADD COLUMN IF NOT EXISTS more_{number} STRING"
                client.query_and_wait(sql, retry=None, job_retry=None)
        assert not flow.failures
        [kept] = client.query_and_wait(
            "SELECT COUNT(*) AS n, COUNTIF(more_59 IS NULL) AS more FROM `ops.runs`"
        )
        assert (kept.n, kept.more) == (flow.parts * 50, flow.parts * 50)
    finally:
        server.stop()


def test_an_append_leaves_no_copy_of_its_table(tmp_path: Path) -> None:
    server = WarehouseServer(tmp_path / "data")
    server.start()
    try:
        provision(bigquery_client(server.endpoint))
        sink = StorageSink(server.endpoint)
        for number in range(5):
            sink.write(part(number))
            assert sink.flush() == []
        sink.close()
        client = bigquery_client(server.endpoint)
        client.query_and_wait("DELETE FROM `ops.runs` WHERE run_id = 'none'")
    finally:
        server.stop()
    [file] = (tmp_path / "data").glob("*.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        sql = "SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name = '_bqemulator_snapshots'"
        assert connection.execute(sql).fetchone() == (0,)


def test_a_view_reads_other_views_and_not_their_text(tmp_path: Path) -> None:
    server = WarehouseServer(tmp_path / "data")
    server.start()
    try:
        client = bigquery_client(server.endpoint)
        client.create_dataset("sales")
        for name, body in {
            "below": "SELECT 1 AS one",
            "above": "SELECT * FROM `sales.below`",
        }.items():
            client.query_and_wait(f"CREATE VIEW `sales.{name}` AS {body}")
        assert [row.one for row in client.query_and_wait("SELECT * FROM `sales.above`")] == [1]
    finally:
        server.stop()
    [file] = (tmp_path / "data").glob("*.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'above'")
        assert '__sales".below' in str(found.fetchone())


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    log = tmp_path / "server.log"
    with pytest.raises((FatalError, FileExistsError)):
        WarehouseServer(tmp_path / "data", log=log).start()
    taken = WarehouseServer(tmp_path / "broken", log=log)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bqemulator.duckdb").write_text("no database")
    with pytest.raises(FatalError, match="does not start"):
        taken.start()
    taken.stop()


def test_in_the_foreground_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    rest, grpc_port = free_port(), free_port()
    (tmp_path / "data").mkdir()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command(tmp_path / "data", rest, grpc_port), cwd=ROOT, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 90
        while not answers(f"http://127.0.0.1:{rest}"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        process.terminate()
        assert process.wait(20) is not None
        assert not answers(f"http://127.0.0.1:{rest}")
    finally:
        process.kill()
        process.wait()
