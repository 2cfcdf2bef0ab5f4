"""Cursors move by compare-and-set, and one poller at a time reads a stream: in SQLite and GCS."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from gcs_server import gcs_bucket, stand_in_bucket
from gcs_stand_in import CloudStorage

from connectors.cursors import CursorMoved, CursorStore, LeaseTaken
from connectors.cursors.gcs import GcsCursorStore
from connectors.cursors.sqlite import SqliteCursorStore
from schemas.clock import Clock
from schemas.errors import RetriableError

NAME = "gmail/mailbox/h-1"
Open = Callable[[Clock], CursorStore]
ROOT = Path(__file__).resolve().parent.parent.parent
MOVER = """
import sys
from pathlib import Path
from connectors.cursors import CursorMoved
from connectors.cursors.sqlite import SqliteCursorStore

print("ready", flush=True)
sys.stdin.readline()
store, moved, lost = SqliteCursorStore(Path(sys.argv[1])), 0, 0
while moved < int(sys.argv[2]):
    cursor, generation = store.read("shared")
    try:
        store.write("shared", {"n": (cursor["n"] if cursor else 0) + 1}, generation)
        moved += 1
    except CursorMoved:
        lost += 1
print(lost)
"""
"""A process of its own: reads the cursor, adds one and writes it, so many times."""


@pytest.fixture(
    scope="module",
    params=["sqlite", "gcs", pytest.param("fake-gcs-server", marks=pytest.mark.slow)],
)
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Open]:
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("cursors")
        yield lambda clock: SqliteCursorStore(folder / "cursors.db", clock)
        return
    bucket = stand_in_bucket(CloudStorage()) if request.param == "gcs" else gcs_bucket()
    with bucket as client:
        yield lambda clock: GcsCursorStore(client, "cursors", "salesintel", clock)


@pytest.fixture
def store(opened: Open, request: pytest.FixtureRequest) -> CursorStore:
    now = iter(range(0, 10**12, 1_000_000))
    return opened(lambda: next(now))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"{NAME}/{request.node.name}"


def test_a_stream_never_read_has_no_cursor(store: CursorStore, name: str) -> None:
    assert store.read(name) == (None, 0)


def test_a_cursor_moves_from_the_generation_that_was_read(store: CursorStore, name: str) -> None:
    first = store.write(name, {"history": "1"}, 0)
    second = store.write(name, {"history": "2"}, first)
    assert store.read(name) == ({"history": "2"}, second)


def test_a_cursor_that_somebody_moved_stays_where_they_put_it(
    store: CursorStore, name: str
) -> None:
    first = store.write(name, {"n": 1}, 0)
    store.write(name, {"n": 2}, first)
    for stale in (0, first):
        with pytest.raises(CursorMoved):
            store.write(name, {"n": 9}, stale)
    assert store.read(name).cursor == {"n": 2}


def test_of_many_who_move_it_at_once_one_wins(store: CursorStore, name: str) -> None:
    def move(number: int) -> bool:
        try:
            store.write(name, {"n": number}, 0)
        except CursorMoved:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(move, range(16))) == 1


def test_a_lease_is_held_by_one_until_it_is_given_back(store: CursorStore, name: str) -> None:
    mine = store.lease(name, "me", 3_600)
    with pytest.raises(LeaseTaken):
        store.lease(name, "you", 3_600)
    mine = store.lease(name, "me", 3_600)
    store.release(mine)
    yours = store.lease(name, "you", 3_600)
    store.release(mine)
    with pytest.raises(LeaseTaken):
        store.lease(name, "me", 3_600)
    store.release(yours)
    store.release(yours)


def test_a_lease_that_ran_out_goes_to_who_asks(opened: Open, name: str) -> None:
    now = [0]
    store = opened(lambda: now[0])
    store.lease(name, "dead", 60)
    now[0] = 61_000_000
    assert store.lease(name, "alive", 60).holder == "alive"


def test_of_many_who_want_the_lease_at_once_one_has_it(opened: Open, name: str) -> None:
    store = opened(lambda: 0)

    def leased(number: int) -> bool:
        try:
            store.lease(name, f"poller {number}", 60)
        except LeaseTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(leased, range(16))) == 1


def test_a_lease_that_somebody_else_has_by_now_is_not_given_back(opened: Open, name: str) -> None:
    now = [0]
    store = opened(lambda: now[0])
    old = store.lease(name, "slow", 60)
    now[0] = 61_000_000
    store.lease(name, "next", 60)
    store.release(old)
    with pytest.raises(LeaseTaken):
        store.lease(name, "third", 60)


def test_a_move_whose_answer_is_lost_is_there_and_the_page_is_read_again() -> None:
    server = CloudStorage()
    with stand_in_bucket(server) as client:
        store = GcsCursorStore(client, "cursors", "", lambda: 0)
        first = store.write(NAME, {"n": 1}, 0)
        server.lost = 1
        with pytest.raises(CursorMoved):
            store.write(NAME, {"n": 2}, first)
        assert (server.answers[503], server.answers[412]) == (1, 1)
        cursor, generation = store.read(NAME)
        assert cursor == {"n": 2}
        store.write(NAME, {"n": 3}, generation)


def test_a_lease_that_another_takes_between_reading_and_writing_it_is_theirs() -> None:
    """Whoever loses the race yields, at the taking and at the giving back."""
    server = CloudStorage()
    with stand_in_bucket(server) as client:

        class Racing(GcsCursorStore):
            def _get(self, path: str) -> tuple[dict[str, object] | None, int]:
                found = super()._get(path)
                client.bucket("cursors").blob(path).upload_from_string(
                    '{"holder": "other", "until": 1}'
                )
                return found

        store = Racing(client, "cursors", "", lambda: 5)
        with pytest.raises(LeaseTaken):
            store.lease(NAME, "me", 60)
        mine = GcsCursorStore(client, "cursors", "", lambda: 5).lease(NAME, "me", 60)
        store.release(mine)
        assert b"other" in server.blobs[f"leases/{NAME}.json"].body


def test_processes_that_move_one_cursor_at_once_lose_no_move(tmp_path: Path) -> None:
    path, times = tmp_path / "cursors.db", 60
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MOVER, str(path), str(times)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(output.strip().isdigit() for output in outputs)
    assert SqliteCursorStore(path).read("shared") == ({"n": 2 * times}, 2 * times)


def test_whoever_finds_the_file_busy_waits_and_a_reader_of_another_kind_does_not(
    tmp_path: Path,
) -> None:
    store = SqliteCursorStore(tmp_path / "c.db")
    generation = store.write("a", {"n": 1}, 0)
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as busy:
        assert busy.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        busy.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            moving = pool.submit(store.write, "a", {"n": 2}, generation)
            with closing(sqlite3.connect(tmp_path / "c.db")) as reader:
                assert reader.execute("SELECT cursor FROM cursors").fetchone() == ('{"n":1}',)
            busy.execute("COMMIT")
            assert moving.result() == generation + 1


def test_a_file_that_stays_busy_is_tried_again_later_and_nothing_has_moved(
    tmp_path: Path,
) -> None:
    store = SqliteCursorStore(tmp_path / "c.db", busy_s=0.05)
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetriableError, match="locked"):
            store.write("a", {"n": 1}, 0)
    assert store.read("a") == (None, 0)


def test_cursors_outlive_the_process(tmp_path: Path) -> None:
    generation = SqliteCursorStore(tmp_path / "c.db").write("a", {"n": 1}, 0)
    again = SqliteCursorStore(tmp_path / "c.db")
    assert again.read("a") == ({"n": 1}, generation)
