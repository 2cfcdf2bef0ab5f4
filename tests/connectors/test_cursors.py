"""Cursors move by compare-and-set, and one poller at a time reads a stream: in SQLite and GCS."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gcs_server import gcs_bucket

from connectors.cursors import CursorMoved, CursorStore, LeaseTaken
from connectors.cursors.gcs import GcsCursorStore
from connectors.cursors.sqlite import SqliteCursorStore
from schemas.clock import Clock

NAME = "gmail/mailbox/h-1"
Open = Callable[[Clock], CursorStore]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("gcs", marks=pytest.mark.slow)])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Open]:
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("cursors")
        yield lambda clock: SqliteCursorStore(folder / "cursors.db", clock)
        return
    with gcs_bucket() as client:
        yield lambda clock: GcsCursorStore(client, "cursors", "salesintel", clock)


@pytest.fixture
def store(opened: Open, request: pytest.FixtureRequest) -> CursorStore:
    now = iter(range(0, 10**12, 1_000_000))
    return opened(lambda: next(now))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"{NAME}/{abs(hash(request.node.nodeid))}"


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


def test_cursors_outlive_the_process(tmp_path: Path) -> None:
    generation = SqliteCursorStore(tmp_path / "c.db").write("a", {"n": 1}, 0)
    again = SqliteCursorStore(tmp_path / "c.db")
    assert again.read("a") == ({"n": 1}, generation)
