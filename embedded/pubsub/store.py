"""Messages, subscriptions and acknowledgements on disk: SQLite in WAL mode.

An operation is answered when its transaction is on disk (synchronous = FULL). Acknowledged messages
stay until their retention ends, for seek.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from embedded.pubsub.writer import Writer
from schemas.clock import Clock
from schemas.errors import FatalError

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics
  (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, body BLOB);
CREATE TABLE IF NOT EXISTS subscriptions
  (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, topic INTEGER, body BLOB,
   floor INTEGER, seeks INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS messages
  (id INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER, published INTEGER, ordering TEXT,
   attributes BLOB, data BLOB);
CREATE INDEX IF NOT EXISTS messages_by_topic ON messages (topic, id);
CREATE INDEX IF NOT EXISTS messages_by_published ON messages (published);
CREATE TABLE IF NOT EXISTS acks
  (subscription INTEGER, message INTEGER, PRIMARY KEY (subscription, message)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots
  (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, topic INTEGER, floor INTEGER,
   created INTEGER);
CREATE TABLE IF NOT EXISTS snapshot_acks
  (snapshot INTEGER, message INTEGER, PRIMARY KEY (snapshot, message)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot_labels
  (snapshot INTEGER, key TEXT, value TEXT, PRIMARY KEY (snapshot, key)) WITHOUT ROWID;
"""
VERSION = 1
IDS_A_QUERY = 500
PRUNE_AT_ONCE = 5_000
"""Messages dropped in one transaction: publishers wait for it."""

FRAME_BYTES = 100
"""What ids, times and framing add to a message on the wire, generously."""

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
    """A subscription: `body` is its protobuf, everything up to `floor` is acknowledged.

    `seeks` counts its seeks: an acknowledgement from before a seek must not undo it.
    """

    id: int
    name: str
    topic: int
    body: bytes
    floor: int
    seeks: int


class Store:
    """One file; reads on the caller's thread, writes on one thread of its own."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()
        self._last_published = 0
        with contextlib.closing(self._connect()) as database:
            [version] = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise FatalError(f"{path} is of version {version}, this server's is {VERSION}")
            database.executescript(SCHEMA)
            database.execute(f"PRAGMA user_version = {VERSION}")
            row = database.execute("SELECT MAX(published) FROM messages").fetchone()
            self._last_published = row[0] or 0
        self._writer = Writer(self._connect)

    def close(self) -> None:
        """Finishes what was asked for and stops writing; whoever asks later gets StoreClosed."""
        self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: a message whose time is over is gone.
        database.execute("PRAGMA secure_delete = ON")
        return database

    @property
    def _reader(self) -> sqlite3.Connection:
        database: sqlite3.Connection | None = getattr(self._local, "database", None)
        if database is None:
            database = self._local.database = self._connect()
        return database

    def write(self, operation: Callable[[sqlite3.Connection], None]) -> None:
        """Does it in a transaction; returns when that is on disk."""
        self._writer.do(operation)

    def read(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        return self._reader.execute(sql, tuple(values)).fetchall()

    def create_topic(self, name: str, body: bytes) -> int:
        """Id of the new topic; sqlite3.IntegrityError where the name is taken."""

        def operation(database: sqlite3.Connection) -> int:
            cursor = database.execute("INSERT INTO topics (name, body) VALUES (?, ?)", (name, body))
            return int(cursor.lastrowid or 0)

        return self._writer.do(operation)

    def delete_topic(self, topic: int) -> None:
        """Drops a topic; its messages stay for its subscriptions until their retention ends."""
        self._writer.do(
            lambda database: database.execute("DELETE FROM topics WHERE id = ?", (topic,))
        )

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
            return StoredSubscription(int(cursor.lastrowid or 0), name, topic, body, floor, 0)

        return self._writer.do(operation)

    def update_subscription(self, subscription: int, body: bytes) -> None:
        """Replaces the settings of a subscription."""
        self._writer.do(
            lambda database: database.execute(
                "UPDATE subscriptions SET body = ? WHERE id = ?", (body, subscription)
            )
        )

    def delete_subscription(self, subscription: int) -> None:
        """Drops a subscription and its acknowledgements."""

        def operation(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM subscriptions WHERE id = ?", (subscription,))
            database.execute("DELETE FROM acks WHERE subscription = ?", (subscription,))

        self._writer.do(operation)

    def subscriptions(self) -> list[StoredSubscription]:
        """Every subscription."""
        rows = self._reader.execute("SELECT id, name, topic, body, floor, seeks FROM subscriptions")
        return [StoredSubscription(*row) for row in rows]

    def publish(
        self,
        topic: int,
        messages: Sequence[Publication],
        committed: Callable[[list[int]], None] = lambda _: None,
    ) -> list[int]:
        """Ids of the messages; ids and publish times never fall.

        `committed` has the ids before anyone else, in the order of all publishes.
        """

        def operation(database: sqlite3.Connection) -> list[int]:
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
            return ids

        return self._writer.do(operation, committed)

    def acknowledge(
        self, subscription: int, seeks: int, messages: Iterable[int], floor: int
    ) -> None:
        """Notes acknowledgements; all up to `floor` are acknowledged and need no row.

        Passed over where the subscription was sought after `seeks` seeks.
        """
        rows = [(subscription, message) for message in messages if message > floor]

        def operation(database: sqlite3.Connection) -> None:
            current = database.execute(
                "UPDATE subscriptions SET floor = MAX(floor, ?) WHERE id = ? AND seeks = ?",
                (floor, subscription, seeks),
            ).rowcount
            if not current:
                return
            database.executemany("INSERT OR IGNORE INTO acks VALUES (?, ?)", rows)
            database.execute(
                "DELETE FROM acks WHERE subscription = ? AND message <= ?", (subscription, floor)
            )

        self._writer.do(operation)

    def seek(self, subscription: int, published: int) -> StoredSubscription:
        """Acknowledged is what was published before the moment, and nothing else."""

        def operation(database: sqlite3.Connection) -> StoredSubscription:
            # Ids and publish times rise together, over all topics.
            row = database.execute(
                "SELECT id FROM messages WHERE published < ? "
                "ORDER BY published DESC, id DESC LIMIT 1",
                (published,),
            ).fetchone()
            return _sought(database, subscription, row[0] if row else 0)

        return self._writer.do(operation)

    def seek_snapshot(self, subscription: int, snapshot: int) -> StoredSubscription:
        """Acknowledged is what the snapshot has so, and nothing that came after it."""

        def operation(database: sqlite3.Connection) -> StoredSubscription:
            row = database.execute("SELECT floor FROM snapshots WHERE id = ?", (snapshot,))
            sought = _sought(database, subscription, row.fetchone()[0])
            database.execute(
                "INSERT INTO acks SELECT ?, message FROM snapshot_acks "
                "WHERE snapshot = ? AND message IN (SELECT id FROM messages)",
                (subscription, snapshot),
            )
            return sought

        return self._writer.do(operation)

    def unacknowledged(self, subscription: int, topic: int) -> list[tuple[int, str]]:
        """Id and ordering key of every message that is still to be delivered, oldest first."""
        return self._reader.execute(
            "SELECT id, ordering FROM messages WHERE topic = ? AND id > "
            "(SELECT floor FROM subscriptions WHERE id = ?) AND id NOT IN "
            "(SELECT message FROM acks WHERE subscription = ?) ORDER BY id",
            (topic, subscription, subscription),
        ).fetchall()

    def fetch(self, ids: Sequence[int], most_bytes: int) -> tuple[dict[int, Stored], int]:
        """The messages of these rising ids that are still there, as many as the bytes allow.

        At least one, however large. Also: the last id that was looked for.
        """
        found: dict[int, Stored] = {}
        weight = 0
        for start in range(0, len(ids), IDS_A_QUERY):
            part = ids[start : start + IDS_A_QUERY]
            marks = ",".join("?" * len(part))
            cursor = self._reader.execute(
                "SELECT id, published, ordering, attributes, data FROM messages "  # noqa: S608
                f"WHERE id IN ({marks}) ORDER BY id",
                part,
            )
            with contextlib.closing(cursor):
                for number, published, ordering, attributes, data in cursor:
                    weight += len(data) + len(attributes) + len(ordering) + FRAME_BYTES
                    if found and weight > most_bytes:
                        return found, next(reversed(found))
                    found[number] = Stored(
                        number, published, ordering, _ATTRIBUTES.decode(attributes), data
                    )
        return found, ids[-1]

    def prune(self, published_before: int) -> int:
        """Drops messages whose retention has ended, the oldest first; how many, 0 when done."""

        def operation(database: sqlite3.Connection) -> int:
            ids = database.execute(
                "SELECT id FROM messages WHERE published < ? ORDER BY published, id LIMIT ?",
                (published_before, PRUNE_AT_ONCE),
            ).fetchall()
            if ids:
                newest = ids[-1][0]
                database.execute(
                    "DELETE FROM acks WHERE message <= ? "
                    "AND subscription IN (SELECT id FROM subscriptions)",
                    (newest,),
                )
                database.execute("DELETE FROM messages WHERE id <= ?", (newest,))
            return len(ids)

        return self._writer.do(operation)


def _sought(database: sqlite3.Connection, subscription: int, floor: int) -> StoredSubscription:
    """Everything up to the floor is acknowledged, and nothing else."""
    database.execute(
        "UPDATE subscriptions SET floor = ?, seeks = seeks + 1 WHERE id = ?",
        (floor, subscription),
    )
    database.execute("DELETE FROM acks WHERE subscription = ?", (subscription,))
    return StoredSubscription(
        *database.execute(
            "SELECT id, name, topic, body, floor, seeks FROM subscriptions WHERE id = ?",
            (subscription,),
        ).fetchone()
    )
