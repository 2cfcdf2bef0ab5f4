"""Everything of an sObject that was stamped within a time: by Bulk jobs, or by REST where not.

The records are the same changes as those of the live stream, so that where both have read one it
counts once; what changed meanwhile is newer there, and wins.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from connectors.cursors import Cursor
from connectors.exclusions import Excluder
from connectors.salesforce import bulk
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.keyset import Keyset
from connectors.salesforce.polling import MOST_DESCRIBES, read_changes
from connectors.salesforce.records import Record
from connectors.salesforce.refusals import FieldGone
from connectors.salesforce.shapes import Shape, Shapes
from connectors.salesforce.soql import Key, literal
from connectors.schema import drift, drift_notes, packed
from connectors.stream import Page

log = logging.getLogger(__name__)


class Filled(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor."""

    how: Literal["bulk", "rest"] = "bulk"
    job: str = ""
    locator: str = ""
    read: int = 0
    position: tuple[int, str] | None = None
    shape: str = ""
    done: bool = False


class BackfillStream:
    """One sObject, stamped within [since, until), microseconds; since None: from the beginning."""

    def __init__(
        self,
        client: SalesforceClient,
        shapes: Shapes,
        entity: str,
        excluder: Excluder,
        since: int | None,
        until: int,
    ) -> None:
        begin = "start" if since is None else literal(since)
        span = f"{begin}-{literal(until)}".replace(":", "")
        self.name = f"salesforce/backfill/{entity.lower()}/{span}"
        self._client = client
        self._shapes = shapes
        self._entity = entity
        self._excluder = excluder
        self._since = since
        self._until = until

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream."""
        filled = msgspec.convert(cursor or {}, Filled)
        for describes in range(MOST_DESCRIBES):
            if filled.done:
                return
            shape, now = self._shapes.get(self._entity, fresh=describes > 0)
            notes = drift_notes("salesforce", shape.name, drift(filled.shape, shape.types))
            if filled.job and filled.shape != packed(shape.types):
                # The job's columns are those of another time.
                filled.job = filled.locator = ""
                filled.read = 0
            filled.shape = packed(shape.types)
            if filled.how == "bulk":
                try:
                    yield from self._by_bulk(shape, filled, notes)
                    return
                except bulk.BulkFailed as failed:
                    log.warning("salesforce %s: by REST, for %s", self._entity, failed)
                    filled.how = "rest"
                    notes = Counter({"bulk_failed": 1})
            try:
                yield from self._by_rest(shape, now, filled, notes)
                return
            except FieldGone:
                if describes + 1 == MOST_DESCRIBES:
                    raise

    def _by_bulk(self, shape: Shape, filled: Filled, notes: Counter[str]) -> Iterator[Page]:
        if not filled.job:
            filled.job = bulk.start(self._client, shape, self._since, self._until)
            # Kept before we wait: whoever goes on after a crash finds the same job.
            yield Page((), msgspec.to_builtins(filled), notes=notes)
            notes = Counter()
        found = 0
        for looked in bulk.looked_at(self._client, filled.job):
            if looked is None:
                # An empty page: the lease is renewed, and a signal is heard.
                yield Page((), msgspec.to_builtins(filled))
            else:
                found = looked
        job, locator, read = filled.job, filled.locator, filled.read
        for part in bulk.parts(self._client, shape, job, found, locator, read):
            filled.locator, filled.read = part.locator, part.read
            filled.done = not part.locator
            yield self._page(shape, part.records, part.server_us, filled, notes)
            notes = Counter()

    def _by_rest(
        self, shape: Shape, now: int | None, filled: Filled, notes: Counter[str]
    ) -> Iterator[Page]:
        start = None if self._since is None else Key(self._since)
        if filled.position is not None:
            start = Key(*filled.position)
        for batch in Keyset(self._client, shape, start, now=now, before=self._until).batches():
            if batch.last is not None:
                filled.position = (batch.last.stamp, batch.last.id)
            filled.done = batch.final
            yield self._page(shape, batch.records, batch.fetched, filled, notes)
            notes = Counter()

    def _page(
        self,
        shape: Shape,
        records: list[Record],
        fetched: int | None,
        filled: Filled,
        notes: Counter[str],
    ) -> Page:
        changes, bad, excluded = read_changes(shape, records, fetched, "backfill", self._excluder)
        cursor = msgspec.to_builtins(filled)
        return Page(tuple(changes), cursor, tuple(bad), excluded, dict(notes))
