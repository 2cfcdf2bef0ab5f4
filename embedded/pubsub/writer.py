"""One thread that writes to SQLite: operations that wait at the same moment share one fsync."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

MOST_TOGETHER = 256
"""Operations that may share a transaction."""


class StoreClosed(RuntimeError):
    """The server is stopping: nothing was kept."""


class Writer:
    """Runs operations in the order they are asked for, each whole or not at all."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._operations: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pubsub writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finishes what was asked for and ends the thread."""
        with self._closing:
            self._closed = True
            self._operations.put(None)
        self._thread.join()

    def do(
        self,
        operation: Callable[[sqlite3.Connection], T],
        committed: Callable[[T], None] = lambda _: None,
    ) -> T:
        """Runs an operation; returns when it is on disk.

        `committed` is called in the writer, so in the order of commits, before this returns. Raises
        what the operation raised, sqlite3.Error where the commit failed, StoreClosed.
        """
        done: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise StoreClosed("the server is stopping")
            self._operations.put((operation, done, committed))
        return done.result()

    def _run(self) -> None:
        database = self._connect()
        ending = False
        while not ending:
            batch = [self._operations.get()]
            while len(batch) < MOST_TOGETHER and batch[-1] is not None:
                try:
                    batch.append(self._operations.get_nowait())
                except queue.Empty:
                    break
            ending = batch[-1] is None
            if ending:
                batch.pop()
            if batch:
                _commit(database, batch)
        database.close()


def _commit(database: sqlite3.Connection, batch: list[Any]) -> None:
    outcomes: list[tuple[Any, BaseException | None]] = []
    try:
        database.execute("BEGIN IMMEDIATE")
        for operation, _, _ in batch:
            database.execute("SAVEPOINT one")
            try:
                outcomes.append((operation(database), None))
            except Exception as error:
                if not database.in_transaction:
                    # SQLite rolls all of it back by itself where the disk is full.
                    raise
                database.execute("ROLLBACK TO one")
                outcomes.append((None, error))
            database.execute("RELEASE one")
        database.execute("COMMIT")
    except Exception as error:
        # A full disk: nobody may believe that anything was kept.
        if database.in_transaction:
            database.execute("ROLLBACK")
        outcomes = [(None, error)] * len(batch)
    for (_, done, committed), (result, failure) in zip(batch, outcomes, strict=True):
        if failure is not None:
            done.set_exception(failure)
            continue
        try:
            committed(result)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)
