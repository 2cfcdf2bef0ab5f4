"""Cursors in a SQLite file: for pollers on one machine, several processes at once."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from connectors.cursors.store import Cursor, CursorMoved, Lease, LeaseTaken, Stored
from schemas.clock import Clock, wall_clock
from schemas.errors import RetriableError

BUSY_S = 10.0
AGAIN_S = 0.01
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS cursors (
         name TEXT PRIMARY KEY, cursor TEXT NOT NULL, generation INTEGER NOT NULL
       ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS leases (
         name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL
       ) WITHOUT ROWID""",
)


class SqliteCursorStore:
    """For threads and processes. Every call raises RetriableError where the file cannot be read or
    written now.

    A connection a thread, kept: the last one that closes a file has SQLite write its journal back,
    which waits for the disk several times.
    """

    def __init__(self, path: Path, clock: Clock = wall_clock, busy_s: float = BUSY_S) -> None:
        self._path = path
        self._clock = clock
        self._busy_s = busy_s
        self._mine = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._transaction() as connection:
            for statement in SCHEMA:
                connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            opened = self._opened()
            opened.execute("BEGIN IMMEDIATE")
            try:
                yield opened
                opened.commit()
            except BaseException:
                opened.rollback()
                raise
        except sqlite3.OperationalError as error:
            # Locked for too long, or a disk that is full: SQLite's words hold no content.
            raise RetriableError(f"cursors: {error}") from None

    def _opened(self) -> sqlite3.Connection:
        opened: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if opened is None:
            opened = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)
            self._journal(opened)
            opened.execute("PRAGMA synchronous=FULL")
            self._mine.connection = opened
        return opened

    def _journal(self, opened: sqlite3.Connection) -> None:
        """Kept in the file; readers of other kinds do not hold up who writes.

        Of two who switch a new file at once, SQLite refuses one without having it wait.
        """
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                opened.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(AGAIN_S)
            else:
                return

    def read(self, name: str) -> Stored:
        """As CursorStore."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT cursor, generation FROM cursors WHERE name = ?", (name,)
            ).fetchone()
        return Stored(msgspec.json.decode(row[0]), row[1]) if row else Stored(None, 0)

    def write(self, name: str, cursor: Cursor, generation: int) -> int:
        """As CursorStore."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT generation FROM cursors WHERE name = ?", (name,)
            ).fetchone()
            if (row[0] if row else 0) != generation:
                raise CursorMoved(f"the cursor of {name} has moved: another poller reads it")
            connection.execute(
                "INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " cursor = excluded.cursor, generation = excluded.generation",
                (name, msgspec.json.encode(cursor).decode(), generation + 1),
            )
        return generation + 1

    def lease(self, name: str, holder: str, ttl_s: float) -> Lease:
        """As CursorStore."""
        now = self._clock()
        until = now + int(ttl_s * 1_000_000)
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT holder, until FROM leases WHERE name = ?", (name,)
            ).fetchone()
            if row and row[0] != holder and row[1] > now:
                raise LeaseTaken(f"{name} is being read by another poller")
            connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " holder = excluded.holder, until = excluded.until",
                (name, holder, until),
            )
        return Lease(name, holder, until)

    def release(self, lease: Lease) -> None:
        """As CursorStore."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM leases WHERE name = ? AND holder = ?", (lease.name, lease.holder)
            )
