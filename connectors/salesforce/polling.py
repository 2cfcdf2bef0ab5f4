"""Follows an sObject: everything since the last round, and the last ten minutes once more.

A row appears with the stamp of its write when its transaction commits, which may be minutes later
and behind rows that are already read. So a round reads up to the present, but the next one begins
`overlap_s` before this one began; what it finds again unchanged is not published again.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from connectors.exclusions import Excluder
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.keyset import Batch, Keyset
from connectors.salesforce.records import Record, change_of, is_excluded
from connectors.salesforce.refusals import FieldGone
from connectors.salesforce.remembered import Remembered
from connectors.salesforce.shapes import Shape, Shapes
from connectors.salesforce.soql import Key
from connectors.schema import drift, drift_notes, packed, schema_changes
from connectors.stream import Page
from schemas.change import Change, Lane

MOST_DESCRIBES = 3


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor; times in microseconds, all of the server's clock."""

    floor: int | None = None
    """Everything stamped before is read for good."""
    began: int | None = None
    """When the round in hand began; None between rounds."""
    position: tuple[int, str] | None = None
    """Last key of the round in hand."""
    newest: int | None = None
    """Newest stamp of the round in hand."""
    shape: str = ""
    seen: dict[str, tuple[int, str]] = {}


def read_changes(
    shape: Shape,
    records: list[Record],
    fetched: int | None,
    lane: Lane,
    excluder: Excluder,
) -> tuple[list[Change], list[BadInput], int]:
    """Changes, bad inputs, and how many are excluded: together as many as there are records."""
    changes: list[Change] = []
    bad: list[BadInput] = []
    excluded = 0
    for record in records:
        one = change_of(shape, record, fetched, lane)
        if isinstance(one, BadInput):
            bad.append(one)
        elif is_excluded(excluder, one, record):
            excluded += 1
        else:
            changes.append(one)
    return changes, bad, excluded


class ObjectStream:
    """The changes of one sObject."""

    def __init__(
        self, client: SalesforceClient, shapes: Shapes, entity: str, excluder: Excluder
    ) -> None:
        self.name = f"salesforce/{entity.lower()}"
        self._client = client
        self._shapes = shapes
        self._entity = entity
        self._excluder = excluder
        self._overlap_us = client.settings.overlap_s * 1_000_000

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream."""
        progress = msgspec.convert(cursor or {}, Progress)
        seen = Remembered(progress.seen, self._client.settings.remembered)
        notes: Counter[str] = Counter()
        told: list[Change] = []
        for describes in range(MOST_DESCRIBES):
            shape, now = self._shapes.get(self._entity, fresh=describes > 0)
            drifts = drift(progress.shape, shape.types)
            notes += drift_notes("salesforce", shape.name, drifts)
            told += schema_changes("salesforce", shape.name, drifts, now or progress.floor or 0)
            progress.shape = packed(shape.types)
            if progress.began is None:
                progress.began = now
            try:
                for page in self._round(shape, now, progress, seen, notes):
                    yield page._replace(changes=(*told, *page.changes))
                    told.clear()
                return
            except FieldGone:
                # Gone between describe and query: what is left is read with what is there now.
                if describes + 1 == MOST_DESCRIBES:
                    raise

    def _round(
        self,
        shape: Shape,
        now: int | None,
        progress: Progress,
        seen: Remembered,
        notes: Counter[str],
    ) -> Iterator[Page]:
        if progress.position is not None:
            start: Key | None = Key(*progress.position)
        else:
            start = None if progress.floor is None else Key(progress.floor)
        reading = Keyset(self._client, shape, start, now=now)
        for batch in reading.batches():
            if batch.final:
                notes["windows_halved"] += reading.halved
                notes["locators_lost"] += reading.restarted
            yield self._page(shape, batch, progress, seen, notes)
            notes.clear()

    def _page(
        self,
        shape: Shape,
        batch: Batch,
        progress: Progress,
        seen: Remembered,
        notes: Counter[str],
    ) -> Page:
        changes, bad, excluded = read_changes(
            shape, batch.records, batch.fetched, "live", self._excluder
        )
        fresh = [one for one in changes if seen.is_new(one)]
        notes = notes + Counter(again=len(changes) - len(fresh), changed_meanwhile=batch.dropped)
        if batch.last is not None:
            progress.position = (batch.last.stamp, batch.last.id)
            if batch.last.id:
                # Without an id it is the end of a window, which may lie ahead of all rows.
                progress.newest = max(progress.newest or batch.last.stamp, batch.last.stamp)
        floor = self._floor(progress)
        seen.keep(changes, progress.floor or 0 if floor is None else floor)
        if batch.final:
            progress.floor = floor
            progress.began = progress.position = progress.newest = None
        progress.seen = {one: (stamp, token) for one, (stamp, token) in seen.packed().items()}
        return Page(tuple(fresh), msgspec.to_builtins(progress), tuple(bad), excluded, notes)

    def _floor(self, progress: Progress) -> int | None:
        """Where the next round is to begin. By the server's clock when this one began; where it
        tells none, by the newest stamp, which then stands still while nothing changes."""
        began = progress.began if progress.began is not None else progress.newest
        if began is None:
            return progress.floor
        return max(began - self._overlap_us, progress.floor or began - self._overlap_us)
