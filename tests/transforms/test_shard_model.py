"""State by shard equals a plain model, whatever fails, moves or comes back late."""

import threading
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from transforms.shard import COMPACT_FROM_ENTRIES, IndexCache, ShardedState, read_log


class KeyValues:
    """An index of `key=value` entries in which the greater value wins."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def apply(self, entry: bytes) -> None:
        key, _, value = entry.partition(b"=")
        self.values[key] = max(value, self.values.get(key, b""))

    def entries(self) -> Iterable[bytes]:
        return [key + b"=" + value for key, value in self.values.items()]

    def __len__(self) -> int:
        return len(self.values)


class Cell:
    """A runner's state of one key, with what the bundle in hand has written on top."""

    def __init__(self) -> None:
        self.committed_token: bytes | None = None
        self.committed_log: list[bytes] = []
        self.roll_back()

    def roll_back(self) -> None:
        self.token, self.log = self.committed_token, list(self.committed_log)

    def commit(self) -> None:
        self.committed_token, self.committed_log = self.token, list(self.log)

    class Token:
        def __init__(self, cell: "Cell") -> None:
            self.cell = cell

        def read(self) -> bytes | None:
            return self.cell.token

        def write(self, token: bytes) -> None:
            self.cell.token = token

    class Log:
        def __init__(self, cell: "Cell") -> None:
            self.cell = cell

        def read(self) -> list[bytes]:
            # No runner promises the order of a bag.
            return list(reversed(self.cell.log))

        def add(self, chunk: bytes) -> None:
            self.cell.log.append(chunk)

        def clear(self) -> None:
            self.cell.log = []


class Worker:
    """A process: its cache, and a DoFn's state."""

    def __init__(self) -> None:
        self.cache = IndexCache()
        self.state = ShardedState("test", KeyValues, lambda: self.cache)

    def bundle(self, cell: Cell, entries: list[bytes], fail_at: str = "") -> dict[bytes, bytes]:
        """One bundle of one shard; `fail_at` names the step at which it breaks."""
        self.state.start_bundle()
        shard = self.state.open(0, Cell.Token(cell), Cell.Log(cell))
        if fail_at == "open":
            raise InterruptedError
        for entry in entries:
            shard.append(entry)
        if fail_at == "append":
            raise InterruptedError
        shard.commit(Cell.Log(cell))
        values = dict(shard.index.values)
        if fail_at == "commit":
            raise InterruptedError
        self.state.finish_bundle()
        if fail_at == "finish":
            raise InterruptedError
        return values


entries = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 99)).map(lambda e: b"%d=%02d" % e), max_size=6
)


class ShardMachine(RuleBasedStateMachine):
    """Bundles on two workers, some of which fail; a zombie may finish late."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell()
        self.workers = [Worker(), Worker()]
        self.model = KeyValues()

    @rule(worker=st.integers(0, 1), new=entries)
    def a_bundle_succeeds(self, worker: int, new: list[bytes]) -> None:
        self.cell.roll_back()
        seen = self.workers[worker].bundle(self.cell, new)
        self.cell.commit()
        for entry in new:
            self.model.apply(entry)
        assert seen == self.model.values

    @rule(
        worker=st.integers(0, 1),
        new=entries,
        step=st.sampled_from(["open", "append", "commit", "finish"]),
    )
    def a_bundle_fails(self, worker: int, new: list[bytes], step: str) -> None:
        self.cell.roll_back()
        with pytest.raises(InterruptedError):
            self.workers[worker].bundle(self.cell, new, fail_at=step)
        self.cell.roll_back()

    @rule(worker=st.integers(0, 1), new=entries)
    def a_zombie_finishes_and_is_not_committed(self, worker: int, new: list[bytes]) -> None:
        self.cell.roll_back()
        self.workers[worker].bundle(self.cell, new)
        self.cell.roll_back()

    @precondition(lambda self: self.cell.committed_log)
    @invariant()
    def the_log_alone_gives_the_model(self) -> None:
        index = KeyValues()
        self.cell.roll_back()
        for entry in read_log(Cell.Log(self.cell)):
            index.apply(entry)
        assert index.values == self.model.values


ShardMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestShard = ShardMachine.TestCase


def test_a_log_is_compacted_when_it_is_twice_its_live_size() -> None:
    cell, worker = Cell(), Worker()
    for turn in range(COMPACT_FROM_ENTRIES * 3):
        worker.bundle(cell, [b"%d=%09d" % (turn % 10, turn)])
        cell.commit()
    assert len(list(read_log(Cell.Log(cell)))) < COMPACT_FROM_ENTRIES + 20
    assert len(Worker().bundle(cell, [])) == 10


def test_an_index_is_rebuilt_once_and_then_served_from_memory() -> None:
    cell, worker = Cell(), Worker()
    worker.bundle(cell, [b"a=1"])
    cell.commit()
    cell.committed_log = []  # gone behind its back: an index from memory does not notice
    cell.roll_back()
    assert worker.bundle(cell, []) == {b"a": b"1"}


@given(st.lists(entries, min_size=2, max_size=8))
@settings(max_examples=20, deadline=None)
def test_threads_that_share_a_cache_do_not_share_an_index(batches: list[list[bytes]]) -> None:
    cache = IndexCache()
    cells = [Cell() for _ in batches]
    results: list[dict[bytes, bytes]] = [{} for _ in batches]

    def work(place: int) -> None:
        worker = Worker()
        worker.cache = cache
        for _ in range(3):
            results[place] = worker.bundle(cells[place], batches[place])
            cells[place].commit()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, batch in enumerate(batches):
        model = KeyValues()
        for entry in batch:
            model.apply(entry)
        assert results[place] == model.values
