"""From hints to changes: the records are read as they are now, and the changes say that.

Hints come late, twice and in any order. What a record is, is asked; only when it went, came back
or was erased is taken from the hint, for nothing else dates that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from connectors.bad_input import BadInput
from connectors.hubspot.client import HubSpot
from connectors.hubspot.events import RecordHint, coalesced
from connectors.hubspot.kinds import KINDS, Kind
from connectors.hubspot.lanes import page
from connectors.hubspot.records import Read, RecordReader, deletion, merge
from connectors.stream import Page
from schemas.change import Change

_DECODE = msgspec.json.Decoder(RecordHint).decode


class Fetcher:
    """Reads what hints name; for one thread."""

    def __init__(self, client: HubSpot, reader: RecordReader) -> None:
        self._client = client
        self._reader = reader

    def fetch(self, hints: Iterable[bytes]) -> Page:
        """The changes of many hints, each record read once. The page's cursor is empty: hints are
        acknowledged when its changes are published. What is no hint is bad."""
        read, read_hints = Read(), []
        for data in hints:
            try:
                hint = _DECODE(data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                hint = None
            if hint is None or hint.object not in KINDS:
                read.bad.append(
                    BadInput("hubspot", "hubspot hint", "no hint of ours", data, "live")
                )
            else:
                read_hints.append(hint)
        by_kind: dict[str, list[RecordHint]] = defaultdict(list)
        for hint in coalesced(read_hints):
            by_kind[hint.object].append(hint)
        notes: Counter[str] = Counter()
        for name, some in by_kind.items():
            read.add(self._fetch(KINDS[name], {hint.id: hint for hint in some}, notes))
        return page(read, {}, **notes)

    def _fetch(self, kind: Kind, hints: dict[str, RecordHint], notes: Counter[str]) -> Read:
        erased = {one: hint for one, hint in hints.items() if hint.private}
        wanted = {one: hint for one, hint in hints.items() if not hint.private}
        # A record that came back keeps its old stamp, and so does one that was put together with
        # another, which may have come back before: the event dates it. Of one that went nothing is
        # dated by that, though it may still be shown: it would outlive its own tombstone.
        floors = {
            one: max(hint.restored and hint.restored + 1, hint.associated) * 1_000
            for one, hint in wanted.items()
        }
        read = self._reader.read(kind, wanted, floors=floors)
        missing, read.missing = read.missing, []
        archived = self._reader.archived(kind, missing) if missing else {}
        fetched = self._client.server_us or 0
        gone: list[Change] = []
        for one, hint in erased.items():
            at = hint.private * 1_000
            gone.append(deletion(kind, one, at, max(at, fetched), privacyDeletion=True))
        for one in missing:
            hint = wanted[one]
            if one in archived or hint.deleted:
                since = archived.get(one, hint.deleted * 1_000)
                gone.append(deletion(kind, one, since, max(since, fetched)))
            else:
                read.missing.append(one)
        for one, hint in wanted.items():
            at = hint.merged * 1_000
            gone += [merge(kind, loser, one, at, max(at, fetched)) for loser in hint.losers]
        read.add(self._reader.keep(gone))
        notes["erased"] += len(erased)
        return read
