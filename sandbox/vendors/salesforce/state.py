"""The org: rows in versions that become visible when their transaction commits."""

import random
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.company.ids import salesforce_id
from sandbox.vendors.salesforce.schema import Entity, entities
from schemas.clock import DAY_US, Clock, from_us

Row = dict[str, Any]
SECOND_US = 1_000_000
MERGED = ("Account", "Contact", "Lead")


class Version(NamedTuple):
    """A row as one transaction left it, and from when on others see it."""

    visible_us: int
    row: Row


class Deletion(NamedTuple):
    """A line of the log that getDeleted reads."""

    stamp_us: int
    record_id: str


@dataclass
class Terms:
    """What the org allows and how it behaves."""

    page_rows: int = 2_000
    body_page_rows: int = 200
    """Of pages with long texts."""
    daily_calls: int = 100_000
    app_calls: int | None = None
    """The limit of our app, where an administrator has set one."""
    token_s: int = 7_200
    deletion_days: int = 15
    open_us: int = 0
    """How far behind the present the log of deletions is settled."""
    slow_rows: int | None = None
    """A query that finds more than these takes too long."""
    most_deletions: int | None = None
    """More in one answer of getDeleted are too many."""
    job_polls: int = 1
    uri_bytes: int = 16_384
    fine_stamps: bool = False
    """Stamps are finer than they are shown."""


@dataclass
class Org:
    """State of one org. The clock is the server's own."""

    clock: Clock
    terms: Terms = field(default_factory=Terms)
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    entities: dict[str, Entity] = field(default_factory=entities)
    rows: dict[str, dict[str, list[Version]]] = field(default_factory=dict)
    deletions: dict[str, list[Deletion]] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    """Until when the log of deletions is purged, by object."""
    numbers: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def table(self, entity: str) -> dict[str, list[Version]]:
        """The versions of an object's rows, by id."""
        return self.rows.setdefault(entity, {})

    def put(self, entity: str, row: Row, visible_us: int | None = None) -> None:
        """Adds a version as it stands."""
        with self.lock:
            seen = self.clock() if visible_us is None else visible_us
            self.table(entity).setdefault(row["Id"], []).append(Version(seen, row))

    def create(self, entity: str, lag_us: int = 0, **fields: Any) -> str:
        """A new row; it shows `lag_us` later, under the stamp of now. Returns its id."""
        number = self.numbers[entity] = self.numbers.get(entity, 5_000_000) + 1
        record_id = salesforce_id(entity, number)
        now = stamped(self.clock(), fine=self.terms.fine_stamps)
        row: Row = {"Id": record_id, "CreatedDate": now}
        if "IsDeleted" in self.entities[entity].types:
            row["IsDeleted"] = False
        row |= {"LastModifiedDate": now, "SystemModstamp": now, **fields}
        self.put(entity, row, self.clock() + lag_us)
        return record_id

    def edit(self, entity: str, record_id: str, lag_us: int = 0, **fields: Any) -> None:
        """Another version of a row."""
        now = stamped(self.clock(), fine=self.terms.fine_stamps)
        row = {**self.newest(entity)[record_id], "LastModifiedDate": now, "SystemModstamp": now}
        self.put(entity, {**row, **fields}, self.clock() + lag_us)

    def delete(self, entity: str, record_id: str) -> None:
        """Into the recycle bin."""
        self.edit(entity, record_id, IsDeleted=True)
        self.deletions.setdefault(entity, []).append(Deletion(self.clock(), record_id))

    def undelete(self, entity: str, record_id: str) -> None:
        """Out of it again."""
        self.edit(entity, record_id, IsDeleted=False, MasterRecordId=None)
        log = self.deletions.get(entity, [])
        self.deletions[entity] = [one for one in log if one.record_id != record_id]

    def merge(self, entity: str, loser: str, winner: str) -> None:
        """Two records become one."""
        assert entity in MERGED
        self.edit(entity, winner)
        self.edit(entity, loser, IsDeleted=True, MasterRecordId=winner)
        self.deletions.setdefault(entity, []).append(Deletion(self.clock(), loser))

    def purge(self, entity: str, record_id: str) -> None:
        """Out of the recycle bin for good: no query shows it any more."""
        if not self.newest(entity)[record_id].get("IsDeleted"):
            self.delete(entity, record_id)
        with self.lock:
            del self.table(entity)[record_id]

    def forget_deletions(self, entity: str) -> None:
        """The log of deletions is purged, as happens to a long one."""
        self.deletions[entity] = []
        self.forgotten[entity] = self.clock()

    def oldest_deletion(self, entity: str) -> int:
        """From when on the log of deletions is whole."""
        oldest = self.clock() - self.terms.deletion_days * DAY_US
        return max(oldest, self.forgotten.get(entity, 0))

    def visible(self, entity: str) -> list[Row]:
        """The rows as a query sees them now."""
        now = self.clock()
        with self.lock:
            found = []
            for versions in self.table(entity).values():
                shown = [one.row for one in versions if one.visible_us <= now]
                if shown:
                    found.append(shown[-1])
            return found

    def newest(self, entity: str) -> dict[str, Row]:
        """Id to row as it will be when every transaction has committed."""
        with self.lock:
            return {key: versions[-1].row for key, versions in self.table(entity).items()}

    def deleted_between(self, entity: str, start: int, end: int) -> list[Deletion]:
        """What the log holds of a time."""
        oldest = self.oldest_deletion(entity)
        log = self.deletions.get(entity, [])
        return [one for one in log if max(start, oldest) <= one.stamp_us < end]

    def add_field(self, entity: str, name: str, kind: str) -> None:
        """An administrator adds a field."""
        self.entities[entity].types[name] = kind

    def remove_field(self, entity: str, name: str) -> None:
        """An administrator removes a field, or hides it from us."""
        del self.entities[entity].types[name]


def stamped(us: int, *, fine: bool = False) -> str:
    """A time as REST writes it: to the second, `+0000`."""
    moment = from_us(us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000 if fine else 0:03d}+0000"
