"""From a sandbox through its real connector to the rows of the tables, and what is latest there."""

from collections.abc import Iterable
from typing import Any, TypeVar

from schemas.change import Change
from schemas.columns import Row
from schemas.identity import IdentityRecord
from schemas.records import Body, Participant, Transcript
from schemas.tables import BY_ROW
from transforms.normalise import normalise
from transforms.settings import Settings

OWN = Settings(own_domains=("alderpeak.example",))
R = TypeVar("R", bound=Row)


class Tables:
    """The rows of changes, in whatever order they came."""

    def __init__(self, changes: Iterable[Change], settings: Settings = OWN) -> None:
        self.rows: list[Row] = []
        self.identities: dict[str, IdentityRecord] = {}
        for change in changes:
            rows, records = normalise(change, settings, change.fetched)
            self.rows += rows
            for record in records:
                known = self.identities.get(record.record_key)
                version = (record.stamp, record.fetched, record.digest)
                if known is None or version >= (known.stamp, known.fetched, known.digest):
                    self.identities[record.record_key] = record

    def latest(self, kind: type[R]) -> list[R]:
        """The newest row of every key, tombstones too."""
        table = BY_ROW[kind]
        newest: dict[tuple[Any, ...], R] = {}
        for row in self.rows:
            if type(row) is not kind:
                continue
            key = tuple(getattr(row, name) for name in table.key)
            known = newest.get(key)
            if known is None or _order(row) >= _order(known):
                newest[key] = row
        return list(newest.values())

    def of(self, kind: type[R], record_key: str) -> list[R]:
        """The newest rows of one record."""
        return [row for row in self.latest(kind) if getattr(row, "record_key", "") == record_key]

    def one(self, kind: type[R], record_key: str) -> R:
        """The one newest row of a record."""
        (row,) = self.of(kind, record_key)
        return row

    def text(self, record_key: str) -> str:
        """What was written or said in one record."""
        bodies, spoken = self.of(Body, record_key), self.of(Transcript, record_key)
        (text,) = (*(one.body for one in bodies), *(one.transcript for one in spoken))
        return text

    def participants(self, record_key: str) -> list[Participant]:
        """The set of a record's newest version."""
        rows = [r for r in self.rows if isinstance(r, Participant) and r.record_key == record_key]
        newest = max(map(_order, rows), default=None)
        return sorted({r for r in rows if _order(r) == newest}, key=lambda one: one.ordinal)


def _order(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in BY_ROW[type(row)].order)
