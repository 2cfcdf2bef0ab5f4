"""The two lanes of an object: real time, which may miss, and an hour behind, which does not.

The search index lags by seconds to many minutes and out of order, so that whoever reads up to now
loses what turns up behind him. The real-time lane looks a little behind itself and forgets what it
has read already; the delayed lane reads everything once more when the index has settled. What both
read is one change.
"""

from collections.abc import Iterator
from typing import Any

from connectors.cursors import Cursor
from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import Kind
from connectors.hubspot.records import Read, RecordReader
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.windows import FIRST_MS, Found, Position, search
from connectors.stream import Page
from schemas.change import Lane

MOST_SEEN = 2_000
"""Stamps that the real-time lane remembers; with more (a batch job) it leaves them to the other."""


class RealtimeLane:
    """Cursor: `newest` stamp read (ms), `floor` below which nothing is read again, `seen` ids with
    their stamps; `at` and `drained` in the middle of a run."""

    def __init__(
        self, client: HubSpot, reader: RecordReader, kind: Kind, settings: HubSpotSettings
    ) -> None:
        self.name = f"hubspot/{kind.name}"
        self._client = client
        self._reader = reader
        self._kind = kind
        self._overlap_ms = int(settings.overlap_s * 1_000)
        self._delay_ms = int(settings.delay_s * 1_000)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream. At first only what is newer than the delayed lane reads."""
        if cursor is None:
            now = server_ms(self._client, self._kind)
            cursor = {"newest": 0, "floor": max(FIRST_MS, now - self._delay_ms), "seen": {}}
        newest, floor, seen = cursor["newest"], cursor["floor"], dict(cursor["seen"])
        at = cursor.get("at", max(floor, newest - self._overlap_ms))
        for found in search(self._client, self._kind, Position(at, cursor.get("drained"))):
            # A stray's stamp is newer than where the search stands: it must not move the cursor.
            new = {one: ms for one, ms in found.stamps.items() if seen.get(one) != ms}
            seen.update(new)
            newest = max(newest, found.position.ms if found.ended else found.position.ms - 1)
            kept: dict[str, Any] = {"newest": newest, "floor": floor, "seen": seen}
            if not found.ended:
                kept |= {"at": found.position.ms, "drained": found.position.drained}
            seen = kept["seen"] = {
                one: ms for one, ms in seen.items() if ms >= newest - self._overlap_ms
            }
            if len(seen) > MOST_SEEN:
                seen = kept["seen"] = {}
                # Of a millisecond that is being drained, `drained` says how far.
                beyond = found.ended or found.position.drained is not None
                floor = kept["floor"] = found.position.ms + beyond
            if new or kept != cursor:
                read = self._reader.read(self._kind, new)
                yield page(read, kept, strays=found.strays)


class DelayedLane:
    """Reads a window of stamps in the order of time. Cursor: `at` (ms) and `drained`."""

    def __init__(
        self, client: HubSpot, reader: RecordReader, kind: Kind, settings: HubSpotSettings
    ) -> None:
        self.name = f"hubspot/{kind.name}/delayed"
        self._client = client
        self._reader = reader
        self._kind = kind
        self._delay_ms = int(settings.delay_s * 1_000)
        self._every_ms = int(settings.delayed_every_s * 1_000)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: everything up to an hour ago, by the server's clock."""
        cursor = cursor or {"at": FIRST_MS, "drained": None}
        known = self._client.server_us
        now = server_ms(self._client, self._kind) if known is None else known // 1_000
        until = now - self._delay_ms
        if until - cursor["at"] < self._every_ms:
            return
        start = Position(cursor["at"], cursor["drained"])
        for found in search(self._client, self._kind, start, until):
            yield _window_page(self._reader, self._kind, found, until)


class BackfillLane:
    """Reads what was changed within a time, once. Cursor: as DelayedLane, and `until` (ms)."""

    def __init__(
        self,
        client: HubSpot,
        reader: RecordReader,
        kind: Kind,
        since_ms: int | None,
        until_ms: int | None,
    ) -> None:
        self.name = f"hubspot/{kind.name}/backfill/{since_ms or 0}-{until_ms or 0}"
        self._client = client
        self._reader = reader
        self._kind = kind
        self._since_ms = max(FIRST_MS, since_ms or 0)
        self._until_ms = until_ms

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream; nothing once it is through. Without an end up to the present, by the server's
        clock, as it was at the beginning."""
        if cursor is None:
            until = self._until_ms or server_ms(self._client, self._kind)
            cursor = {"at": self._since_ms, "drained": None, "until": until}
        until = cursor["until"]
        if cursor["at"] >= until:
            return
        start = Position(cursor["at"], cursor["drained"])
        for found in search(self._client, self._kind, start, until):
            read = _window_page(self._reader, self._kind, found, until, "backfill")
            yield read._replace(cursor={**read.cursor, "until": until})


def _window_page(
    reader: RecordReader, kind: Kind, found: Found, until_ms: int, lane: Lane = "live"
) -> Page:
    at = Position(until_ms) if found.ended else found.position
    read = reader.read(kind, found.stamps, lane)
    return page(read, {"at": at.ms, "drained": at.drained}, strays=found.strays)


def server_ms(client: HubSpot, kind: Kind) -> int:
    """The server's clock, by a call that costs next to nothing."""
    return client.search(kind, [], kind.stamp, limit=1).server_us // 1_000


def page(read: Read, cursor: Cursor, **notes: int) -> Page:
    """What was read, as a page."""
    noted = {**notes, "missing": len(read.missing)}
    return Page(
        changes=tuple(read.changes),
        cursor=cursor,
        bad=tuple(read.bad),
        excluded=read.excluded,
        notes={name: count for name, count in noted.items() if count},
    )
