"""The archived records of an object: listed whole every so often, for nothing else tells of them.

Archiving moves no stamp and takes a record out of the search; the list of the archived cannot be
searched. What is new in it since the last sweep is a deletion, dated by its archivedAt. What is no
longer in it was restored, or is gone for good after 90 days: reading it tells which.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from connectors.cursors import Cursor
from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import Kind
from connectors.hubspot.lanes import page, server_ms
from connectors.hubspot.paging import ListPage, pages
from connectors.hubspot.records import (
    Read,
    RecordReader,
    archived_us,
    deletion,
    merge,
    merged_ids,
)
from connectors.hubspot.settings import HubSpotSettings
from connectors.stream import Page

MOST_KNOWN = 10_000
"""Archived ids that are remembered for the sake of a restore; of more, the newest."""


class ArchivedSweep:
    """Cursor: `known` archived ids with their archivedAt (us), `horizon` up to which others are
    told but not remembered (us), `swept` when the last sweep began (us, the server's clock);
    `after`, `listed` and `began` in the middle of one."""

    def __init__(
        self, client: HubSpot, reader: RecordReader, kind: Kind, settings: HubSpotSettings
    ) -> None:
        self.name = f"hubspot/{kind.name}/archived"
        self._client = client
        self._reader = reader
        self._kind = kind
        self._every_us = int(settings.sweep_every_s * 1_000_000)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: one sweep, where it is time for one."""
        kept: dict[str, Any] = cursor or {"known": {}, "swept": None, "horizon": 0}
        known: dict[str, int] = kept["known"]
        began = kept.get("began")
        if began is None:
            now = self._client.server_us or server_ms(self._client, self._kind) * 1_000
            if kept["swept"] is not None and now - kept["swept"] < self._every_us:
                return
            began = now
        listed: dict[str, int] = dict(kept.get("listed", {}))
        horizon: int = kept["horizon"]
        read, untracked = Read(), 0
        what, list_page = f"archived {self._kind.path}", partial(self._client.archived, self._kind)
        for shown in pages(what, list_page, kept.get("after", "")):
            changes = []
            for record_id, since, losers in _rows(shown, known):
                if since <= horizon:
                    continue
                listed[record_id] = since
                if known.get(record_id) != since:
                    fetched = max(since, shown.server_us)
                    changes.append(deletion(self._kind, record_id, since, fetched))
                    # Nothing else tells of them: the record that they went into is no longer found.
                    changes += [merge(self._kind, one, record_id, since, fetched) for one in losers]
            read = self._reader.keep(changes)
            if shown.after:
                yield page(read, {**kept, "began": began, "listed": listed, "after": shown.after})
        read.add(self._restored(known, listed))
        if len(listed) > MOST_KNOWN:
            untracked = len(listed) - MOST_KNOWN
            in_time = sorted(listed, key=lambda one: listed[one])
            horizon = listed[in_time[untracked - 1]]
            listed = {one: since for one, since in listed.items() if since > horizon}
        kept = {"known": listed, "swept": began, "horizon": horizon}
        yield page(read, kept, untracked=untracked)

    def _restored(self, known: dict[str, int], listed: dict[str, int]) -> Read:
        """What is in the list no more and is there again: dated after it went, for a restore moves
        no stamp either and would lose against its own tombstone."""
        back = [one for one in known if one not in listed]
        floors = {one: known[one] + 1 for one in back}
        read = self._reader.read(self._kind, back, floors=floors)
        read.missing.clear()
        return read


def _rows(shown: ListPage, known: dict[str, int]) -> Iterator[tuple[str, int, list[str]]]:
    """Ids, since when they are archived (where it is not said, since we first saw it), and the ids
    of the records that went into them."""
    for one in shown.results:
        record_id = str(one.get("id") or "") if isinstance(one, dict) else ""
        if record_id.isascii() and record_id.isdigit():
            since = archived_us(one)
            since = known.get(record_id, shown.server_us) if since is None else since
            yield record_id, since, [loser for loser in merged_ids(one) if loser != record_id]
