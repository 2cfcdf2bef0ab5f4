"""First layer, keyed by record: the newest version wins, and only what is new is passed on."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from schemas.clock import Clock
from schemas.errors import InvalidRow
from schemas.identity import IdentityRecord, StoredRecord
from transforms.erasure import Marks
from transforms.forget import without
from transforms.identity.evidence import Evidence
from transforms.identity.messages import (
    Membership,
    Standing,
    Version,
    is_observed,
    version_of,
)

Stamp = tuple[int, int, str]
"""A version as the tables have it: stamp, fetched, digest."""

_CONTENT = msgspec.msgpack.Encoder()
_RECORD = msgspec.msgpack.Decoder(IdentityRecord)
_ENTRY = msgspec.msgpack.Decoder(tuple[str, bytes, Version, Version, Stamp])
_JSON = msgspec.json.Encoder()
_FROM_JSON = msgspec.json.Decoder(IdentityRecord)


AFTER = "~"
"""Behind a digest: newer than that version, and older than any other of the record."""


class Kept(NamedTuple):
    """What is kept of a record: its content without the version, and three versions."""

    content: bytes
    since: Version
    """The version that brought this content, and that the other layers were told."""
    newest: Version
    """The newest that was seen; what is older is late and changes nothing."""
    row: Stamp
    """The version under which its row stands in identity.records. A sighting with a name may win
    over a younger one without: its row then takes the younger's place, or the table, which knows
    of stamps alone, would keep the nameless one."""


class Outcome(NamedTuple):
    """What a record's new version brings about; all None and empty where nothing changed."""

    row: StoredRecord | None
    memberships: tuple[Membership, ...]
    standing: Standing | None


NOTHING = Outcome(None, (), None)
"""A late or repeated version: not even the state has changed."""
MOVED_ON = Outcome(None, (), None)
"""A newer sighting that says the same: the state has changed, and nobody need be told."""


class Records:
    """State of the record layer; also an index of a sharded state (`apply`, `entries`, `len`)."""

    def __init__(self, evidence: Evidence, clock: Clock) -> None:
        self._evidence = evidence
        self._clock = clock
        self._kept: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def receive(self, record: IdentityRecord, stands: Stamp | None = None) -> Outcome:
        """Takes in a version of a record.

        A newer version that says the same moves the version on and tells no other layer. `stands`
        is the version of the row that a seeded record comes from: it needs no other row.
        """
        version = version_of(record)
        before = self._kept.get(record.record_key)
        if before is not None and version <= before.newest:
            return NOTHING
        content = content_of(record)
        row_version = stands or record.version
        if before is not None:
            if content == before.content:
                return self._moved_on(record, before, version, row_version, stands is not None)
            row_version = max(before.row, row_version)
        self._kept[record.record_key] = Kept(content, version, version, row_version)
        evidence = self._evidence
        keys = evidence.keys(record)
        signature = evidence.signature(record) if keys else None
        memberships = [Membership(key, record.record_key, version, signature) for key in keys]
        if before is not None:
            # What was kept has no version of its own in its content: only its keys matter.
            left = set(evidence.keys(_RECORD.decode(before.content))).difference(keys)
            memberships += (Membership(key, record.record_key, version, None) for key in left)
        standing = Standing(record.record_key, version, evidence.digest(record), len(keys))
        row = None if stands else stored_record(record, row_version, self._clock())
        return Outcome(row, tuple(memberships), standing)

    def forget(self, marks: Marks) -> Iterator[tuple[str, Outcome]]:
        """What follows for each record that must not be known, or not with its number: its key
        stays, as that of one deleted, so that what is late of it changes nothing."""
        for key, kept in list(self._kept.items()):
            record = _RECORD.decode(kept.content)
            left = without(record, marks)
            if record.deleted or left is record:
                continue
            _, stamp, fetched, digest = kept.newest
            left = left or msgspec.structs.replace(record, deleted=True, successor="")
            newer = {"stamp": stamp, "fetched": fetched, "digest": digest + AFTER}
            yield key, self.receive(msgspec.structs.replace(left, **newer))

    def _moved_on(
        self, record: IdentityRecord, before: Kept, version: Version, row: Stamp, stands: bool
    ) -> Outcome:
        """A newer version says the same. The table is told where it is somebody's entry in a
        register, or an older one that says otherwise and comes late would win after a restart;
        addresses and numbers are sighted again with every mail and call, and it is not."""
        if is_observed(record.record_key) or stands:
            self._kept[record.record_key] = before._replace(newest=version)
            return MOVED_ON
        row = max(before.row, row)
        self._kept[record.record_key] = before._replace(newest=version, row=row)
        return Outcome(stored_record(record, row, self._clock()), (), None)

    def entry(self, record_key: str, *, moved_on: bool = False) -> bytes:
        """The log's entry of a record that `receive` has taken in; without the content where the
        outcome was `MOVED_ON`."""
        kept = self._kept[record_key]
        content = b"" if moved_on else kept.content
        return _CONTENT.encode((record_key, content, kept.since, kept.newest, kept.row))

    def newest(self, record_key: str) -> Version | None:
        """The newest version that was seen of a record."""
        kept = self._kept.get(record_key)
        return kept.newest if kept else None

    def apply(self, entry: bytes) -> None:
        """Takes in an entry of the log, silently; entries may come in any order."""
        record_key, content, since, newest, row = _ENTRY.decode(entry)
        before = self._kept.get(record_key)
        if before is not None:
            if since < before.since or not content:
                content = before.content if since <= before.since else content
            newest, row = max(newest, before.newest), max(row, before.row)
            since = max(since, before.since)
        self._kept[record_key] = Kept(content, since, newest, row)

    def entries(self) -> Iterable[bytes]:
        """The live content as entries of the log."""
        return map(self.entry, self._kept)


def content_of(record: IdentityRecord) -> bytes:
    """Everything that a version says, without which version it is. Of a deleted record only that
    it is, and its successor: what was known of it is forgotten."""
    if record.deleted:
        return _CONTENT.encode(
            IdentityRecord(
                record_key=record.record_key,
                kind=record.kind,
                stamp=0,
                fetched=0,
                digest="",
                deleted=True,
                successor=record.successor,
            )
        )
    return _CONTENT.encode(msgspec.structs.replace(record, stamp=0, fetched=0, digest=""))


def stored_record(record: IdentityRecord, row_version: Stamp, written_at: int) -> StoredRecord:
    """The row of identity.records from which the resolver is rebuilt."""
    if record.deleted:
        content = _RECORD.decode(content_of(record))
        record = msgspec.structs.replace(
            content, stamp=record.stamp, fetched=record.fetched, digest=record.digest
        )
    return StoredRecord(
        record_key=record.record_key,
        kind=record.kind,
        version_stamp=row_version[0],
        version_fetched=row_version[1],
        version_digest=row_version[2],
        is_deleted=record.deleted,
        record=_JSON.encode(record).decode(),
        written_at=written_at,
    )


def from_stored(row: StoredRecord) -> IdentityRecord:
    """The record that a row of identity.records holds; InvalidRow where it holds none."""
    try:
        return _FROM_JSON.decode(row.record)
    except msgspec.DecodeError:
        raise InvalidRow(
            f"identity.records: the record of {row.record_key} is unreadable"
        ) from None


def stamp_of(row: StoredRecord) -> Stamp:
    """The version under which a row stands in identity.records."""
    return (row.version_stamp, row.version_fetched, row.version_digest)
