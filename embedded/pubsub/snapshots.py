"""Snapshots: what a subscription had acknowledged at a moment, to seek back to.

https://cloud.google.com/pubsub/docs/replay-overview
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from embedded.pubsub.broker import AlreadyExists, Broker, NotFound
from embedded.pubsub.calls import Methods, unary
from embedded.pubsub.store import Store, StoredSubscription
from embedded.pubsub.subscribed import RETENTION_S
from schemas.clock import Clock

SnapshotPb = types.Snapshot.pb()
ORPHANS = (
    "DELETE FROM snapshot_acks WHERE snapshot NOT IN (SELECT id FROM snapshots)",
    "DELETE FROM snapshot_labels WHERE snapshot NOT IN (SELECT id FROM snapshots)",
)


class SnapshotStore:
    """Their rows; a snapshot is kept as long as messages are."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self, name: str, subscription: StoredSubscription, labels: Mapping[str, str]
    ) -> None:
        """Keeps what is acknowledged now; sqlite3.IntegrityError where the name is taken."""
        now = self._clock()

        def operation(database: sqlite3.Connection) -> None:
            database.execute(
                "DELETE FROM snapshots WHERE created < ?", (now - RETENTION_S * 1_000_000,)
            )
            cursor = database.execute(
                "INSERT INTO snapshots (name, topic, floor, created) "
                "SELECT ?, topic, floor, ? FROM subscriptions WHERE id = ?",
                (name, now, subscription.id),
            )
            for statement in ORPHANS:
                database.execute(statement)
            database.execute(
                "INSERT INTO snapshot_acks SELECT ?, message FROM acks WHERE subscription = ?",
                (cursor.lastrowid, subscription.id),
            )
            database.executemany(
                "INSERT INTO snapshot_labels VALUES (?, ?, ?)",
                [(cursor.lastrowid, key, value) for key, value in labels.items()],
            )

        self._store.write(operation)

    def found(self, name: str) -> tuple[int, int, int]:
        """Id, topic and time of a snapshot; NotFound."""
        rows = self._store.read("SELECT id, topic, created FROM snapshots WHERE name = ?", (name,))
        if not rows or rows[0][2] < self._clock() - RETENTION_S * 1_000_000:
            raise NotFound(name)
        snapshot, topic, created = rows[0]
        return int(snapshot), int(topic), int(created)

    def labels(self, snapshot: int) -> dict[str, str]:
        """What it was labelled with."""
        statement = "SELECT key, value FROM snapshot_labels WHERE snapshot = ?"
        return {row[0]: row[1] for row in self._store.read(statement, (snapshot,))}

    def names(self) -> list[str]:
        """Of all that there are."""
        return [row[0] for row in self._store.read("SELECT name FROM snapshots ORDER BY name", ())]

    def delete(self, snapshot: int) -> None:
        """Forgets one."""

        def operation(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM snapshots WHERE id = ?", (snapshot,))
            for statement in ORPHANS:
                database.execute(statement)

        self._store.write(operation)


class Snapshots:
    """The methods of google.pubsub.v1.Subscriber that are about snapshots."""

    def __init__(self, broker: Broker, store: Store, clock: Clock) -> None:
        self._broker = broker
        self._snapshots = SnapshotStore(store, clock)

    def methods(self) -> Methods:
        """Method name to its kind, function and request class."""
        return {
            "CreateSnapshot": unary(self.create, types.CreateSnapshotRequest),
            "GetSnapshot": unary(self.get, types.GetSnapshotRequest),
            "ListSnapshots": unary(self.list_all, types.ListSnapshotsRequest),
            "DeleteSnapshot": unary(self.delete, types.DeleteSnapshotRequest),
            "Seek": unary(self.seek, types.SeekRequest),
        }

    def create(self, request: Any, context: Any) -> Any:
        """CreateSnapshot."""
        subscribed = self._broker.subscribed(request.subscription)
        try:
            self._snapshots.create(request.name, subscribed.stored, request.labels)
        except sqlite3.IntegrityError:
            raise AlreadyExists(request.name) from None
        return self._pb(request.name)

    def get(self, request: Any, context: Any) -> Any:
        """GetSnapshot."""
        return self._pb(request.snapshot)

    def list_all(self, request: Any, context: Any) -> Any:
        """ListSnapshots, all on one page."""
        prefix = f"{request.project}/snapshots/"
        found = [self._pb(name) for name in self._snapshots.names() if name.startswith(prefix)]
        return types.ListSnapshotsResponse.pb()(snapshots=found)

    def delete(self, request: Any, context: Any) -> Any:
        """DeleteSnapshot."""
        snapshot, _, _ = self._snapshots.found(request.snapshot)
        self._snapshots.delete(snapshot)
        return empty_pb2.Empty()

    def seek(self, request: Any, context: Any) -> Any:
        """Seek, to a time or to a snapshot of the same topic."""
        if request.HasField("time"):
            moment = request.time
            published = moment.seconds * 1_000_000 + moment.nanos // 1_000
            self._broker.seek(request.subscription, published)
        else:
            snapshot, topic, _ = self._snapshots.found(request.snapshot)
            if topic != self._broker.subscribed(request.subscription).stored.topic:
                raise ValueError("the snapshot is of another topic")
            self._broker.seek_snapshot(request.subscription, snapshot)
        return types.SeekResponse.pb()()

    def _pb(self, name: str) -> Any:
        snapshot, topic, created = self._snapshots.found(name)
        answer = SnapshotPb(
            name=name,
            topic=self._broker.topic_name(topic),
            labels=self._snapshots.labels(snapshot),
        )
        answer.expire_time.seconds = created // 1_000_000 + RETENTION_S
        return answer
