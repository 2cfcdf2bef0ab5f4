"""Of a record the newest of the versions that were seen, in whatever order they came."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.identity import IdentityRecord, StoredRecord
from transforms.identity.messages import Version, version_of
from transforms.identity.records import Stamp, from_stored, stamp_of, stored_record


class Seen(NamedTuple):
    """The newest version of a record, and the version under which its row is to stand.

    That is the highest of all that were seen, or, where a row stands in the table, that under which
    the newest does: so it is the newest there, and no higher than the record layer has it.
    """

    version: Version
    record: IdentityRecord
    row: Stamp

    def stored(self, written_at: int) -> StoredRecord:
        """Its row of identity.records."""
        return stored_record(self.record, self.row, written_at)


class Standing(NamedTuple):
    """The newest row that the table has of a record; one that `is_alone` says what nothing else
    does, for its change is not read: it has expired, was erased, or is of another day."""

    stored: StoredRecord
    is_alone: bool


def seen(record: IdentityRecord) -> Seen:
    """A version, the only one so far."""
    return Seen(version_of(record), record, record.version)


def newer(one: Seen, other: Seen) -> Seen:
    """What is known of a record by both; whichever came first where they are the same version."""
    newest = other if other.version > one.version else one
    return Seen(newest.version, newest.record, max(one.row, other.row))


def held_against(known: Seen, standing: Standing) -> Seen:
    """A record held against the row that the table has of it; InvalidRow where that is
    unreadable."""
    version, record, _ = known
    if standing.is_alone:
        kept = from_stored(standing.stored)
        if version_of(kept) > version:
            version, record = version_of(kept), kept
    return Seen(version, record, max(record.version, stamp_of(standing.stored)))


class Newest:
    """The newest version of each of many records."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def see(self, record: IdentityRecord) -> None:
        """Takes in a version."""
        known = self._seen.get(record.record_key)
        one = seen(record)
        self._seen[record.record_key] = one if known is None else newer(known, one)

    def stands(self, standing: Standing) -> None:
        """Takes in what the table has of a record, if that was seen."""
        key = standing.stored.record_key
        known = self._seen.get(key)
        if known is not None:
            self._seen[key] = held_against(known, standing)

    def records(self) -> Iterator[IdentityRecord]:
        """The newest versions."""
        return (one.record for one in self._seen.values())

    def rows(self, written_at: int) -> Iterator[StoredRecord]:
        """Their rows of identity.records."""
        return (one.stored(written_at) for one in self._seen.values())
