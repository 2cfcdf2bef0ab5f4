"""Messages, subscriptions and acknowledgements on disk: SQLite in WAL mode, one writer thread.

An operation is answered when its transaction is on disk (synchronous = FULL). Operations that wait
at the same moment share one transaction and so one fsync. Acknowledged messages stay until their
retention ends, for seek.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from schemas.clock import Clock

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB);
CREATE TABLE IF NOT EXISTS subscriptions
  (id INTEGER PRIMARY KEY, name TEXT UNIQUE, topic INTEGER, body BLOB, floor INTEGER);
CREATE TABLE IF NOT EXISTS messages
  (id INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER, published INTEGER, ordering TEXT,
   attributes BLOB, data BLOB);
CREATE INDEX IF NOT EXISTS messages_by_topic ON messages (topic, id);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (topic, published);
CREATE TABLE IF NOT EXISTS acks
  (subscription INTEGER, message INTEGER, PRIMARY KEY (subscription, message)) WITHOUT ROWID;
"""
MOST_TOGETHER = 256
"""Operations that may share a transaction."""

IDS_A_QUERY = 500

_PACK = msgspec.msgpack.Encoder()
_ATTRIBUTES = msgspec.msgpack.Decoder(dict[str, str])


class Stored(NamedTuple):
    """A message as it was published; `published` in microseconds."""

    id: int
    published: int
    ordering: str
    attributes: dict[str, str]
    data: bytes


class Publication(NamedTuple):
    """A message that is to be published."""

    data: bytes
    attributes: dict[str, str]
    ordering: str


class StoredSubscription(NamedTuple):
    """A subscription: `body` is its protobuf, everything up to `floor` is acknowledged."""

    id: int
    name: str
    topic: int
    body: bytes
    floor: int


class Store:
    """One file; reads on the caller's thread, writes on one thread of its own."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()
        self._operations: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._last_published = 0
        with self._connect() as database:
            database.executescript(SCHEMA)
            row = database.execute("SELECT MAX(published) FROM messages").fetchone()
            self._last_published = row[0] or 0
        self._writer = threading.Thread(target=self._write, name="pubsub writer", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Finishes what was asked for and stops writing."""
        self._operations.put(None)
        self._writer.join()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        return database

    @property
    def _reader(self) -> sqlite3.Connection:
        database: sqlite3.Connection | None = getattr(self._local, "database", None)
        if database is None:
            database = self._local.database = self._connect()
        return database

    def _do(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Runs an operation in the writer; returns when it is on disk."""
        done: Future[T] = Future()
        self._operations.put((operation, done))
        return done.result()

    def _write(self) -> None:
        database = self._connect()
        while True:
            first = self._operations.get()
            if first is None:
                database.close()
                return
            batch, ending = [first], False
            while len(batch) < MOST_TOGETHER:
                try:
                    operation = self._operations.get_nowait()
                except queue.Empty:
                    break
                if operation is None:
                    ending = True
                    break
                batch.append(operation)
            self._commit(database, batch)
            if ending:
                database.close()
                return

    def _commit(self, database: sqlite3.Connection, batch: list[Any]) -> None:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        database.execute("BEGIN IMMEDIATE")
        for operation, done in batch:
            database.execute("SAVEPOINT one")
            try:
                outcomes.append((done, operation(database), None))
            except Exception as error:
                database.execute("ROLLBACK TO one")
                outcomes.append((done, None, error))
            database.execute("RELEASE one")
        try:
            database.execute("COMMIT")
        except sqlite3.Error as error:
            # A full disk: nobody may believe that anything was kept.
            if database.in_transaction:
                database.execute("ROLLBACK")
            outcomes = [(done, None, error) for done, _, _ in outcomes]
        for done, result, failure in outcomes:
            if failure is not None:
                done.set_exception(failure)
            else:
                done.set_result(result)

    def create_topic(self, name: str, body: bytes) -> int:
        """Id of the new topic; sqlite3.IntegrityError where the name is taken."""

        def operation(database: sqlite3.Connection) -> int:
            cursor = database.execute("INSERT INTO topics (name, body) VALUES (?, ?)", (name, body))
            return int(cursor.lastrowid or 0)

        return self._do(operation)

    def delete_topic(self, topic: int) -> None:
        """Drops a topic and its messages; its subscriptions see nothing more."""
        self._do(lambda database: database.execute("DELETE FROM topics WHERE id = ?", (topic,)))

    def topics(self) -> list[tuple[int, str, bytes]]:
        """Id, name and body of every topic."""
        return self._reader.execute("SELECT id, name, body FROM topics ORDER BY name").fetchall()

    def create_subscription(self, name: str, topic: int, body: bytes) -> StoredSubscription:
        """A subscription that sees what is published from now on."""

        def operation(database: sqlite3.Connection) -> StoredSubscription:
            row = database.execute("SELECT MAX(id) FROM messages").fetchone()
            floor = row[0] or 0
            cursor = database.execute(
                "INSERT INTO subscriptions (name, topic, body, floor) VALUES (?, ?, ?, ?)",
                (name, topic, body, floor),
            )
            return StoredSubscription(int(cursor.lastrowid or 0), name, topic, body, floor)

        return self._do(operation)

    def update_subscription(self, subscription: int, body: bytes) -> None:
        """Replaces the settings of a subscription."""
        self._do(
            lambda database: database.execute(
                "UPDATE subscriptions SET body = ? WHERE id = ?", (body, subscription)
            )
        )

    def delete_subscription(self, subscription: int) -> None:
        """Drops a subscription and its acknowledgements."""

        def operation(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM subscriptions WHERE id = ?", (subscription,))
            database.execute("DELETE FROM acks WHERE subscription = ?", (subscription,))

        self._do(operation)

    def subscriptions(self) -> list[StoredSubscription]:
        """Every subscription."""
        rows = self._reader.execute("SELECT id, name, topic, body, floor FROM subscriptions")
        return [StoredSubscription(*row) for row in rows]

    def publish(self, topic: int, messages: Sequence[Publication]) -> tuple[list[int], int]:
        """Ids of the messages and their publish time; both never fall."""

        def operation(database: sqlite3.Connection) -> tuple[list[int], int]:
            self._last_published = published = max(self._clock(), self._last_published)
            ids = []
            for message in messages:
                cursor = database.execute(
                    "INSERT INTO messages (topic, published, ordering, attributes, data) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (
                        topic,
                        published,
                        message.ordering,
                        _PACK.encode(message.attributes),
                        message.data,
                    ),
                )
                ids.append(int(cursor.lastrowid or 0))
            return ids, published

        return self._do(operation)

    def acknowledge(self, subscription: int, messages: Iterable[int], floor: int) -> None:
        """Notes acknowledgements; all up to `floor` are acknowledged and need no row."""
        rows = [(subscription, message) for message in messages if message > floor]

        def operation(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR IGNORE INTO acks VALUES (?, ?)", rows)
            database.execute(
                "UPDATE subscriptions SET floor = MAX(floor, ?) WHERE id = ?",
                (floor, subscription),
            )
            database.execute(
                "DELETE FROM acks WHERE subscription = ? AND message <= ?", (subscription, floor)
            )

        self._do(operation)

    def seek(self, subscription: int, topic: int, published: int) -> None:
        """Acknowledged is what was published before the moment, and nothing else."""

        def operation(database: sqlite3.Connection) -> None:
            row = database.execute(
                "SELECT MAX(id) FROM messages WHERE topic = ? AND published < ?",
                (topic, published),
            ).fetchone()
            database.execute(
                "UPDATE subscriptions SET floor = ? WHERE id = ?", (row[0] or 0, subscription)
            )
            database.execute("DELETE FROM acks WHERE subscription = ?", (subscription,))

        self._do(operation)

    def unacknowledged(self, subscription: int, topic: int) -> list[tuple[int, str]]:
        """Id and ordering key of every message that is still to be delivered, oldest first."""
        return self._reader.execute(
            "SELECT id, ordering FROM messages WHERE topic = ? AND id > "
            "(SELECT floor FROM subscriptions WHERE id = ?) AND id NOT IN "
            "(SELECT message FROM acks WHERE subscription = ?) ORDER BY id",
            (topic, subscription, subscription),
        ).fetchall()

    def fetch(self, ids: Sequence[int]) -> dict[int, Stored]:
        """The messages of these ids, those that are still there."""
        found = {}
        for start in range(0, len(ids), IDS_A_QUERY):
            part = ids[start : start + IDS_A_QUERY]
            marks = ",".join("?" * len(part))
            rows = self._reader.execute(
                "SELECT id, published, ordering, attributes, data FROM messages "  # noqa: S608
                f"WHERE id IN ({marks})",
                part,
            )
            for number, published, ordering, attributes, data in rows:
                found[number] = Stored(
                    number, published, ordering, _ATTRIBUTES.decode(attributes), data
                )
        return found

    def prune(self, published_before: int) -> int:
        """Drops messages whose retention has ended; returns how many."""

        def operation(database: sqlite3.Connection) -> int:
            row = database.execute(
                "SELECT MAX(id) FROM messages WHERE published < ?", (published_before,)
            ).fetchone()
            newest = row[0] or 0
            database.execute("DELETE FROM acks WHERE message <= ?", (newest,))
            return database.execute("DELETE FROM messages WHERE id <= ?", (newest,)).rowcount

        return self._do(operation)
