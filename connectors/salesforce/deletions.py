"""Records that are gone for good, which no query shows: asked for, and once a day looked for.

`queryAll` shows what lies in the recycle bin; after about 15 days, or when somebody empties it, the
row is nowhere. `getDeleted` names ids that were deleted, for about 15 days too, and less when there
are many; whoever was away for longer compares all ids.
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
"""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.cursors import Cursor
from connectors.exclusions import Excluder
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.fetch import chunks, records_by_id
from connectors.salesforce.reconcile import Known, OutOfSight, reconciliation
from connectors.salesforce.records import gone
from connectors.salesforce.refusals import OutOfRange, TooLarge
from connectors.salesforce.shapes import Shape, Shapes
from connectors.salesforce.soql import literal, parse_stamp
from connectors.stream import Page
from schemas.change import Change
from schemas.errors import RetriableError
from schemas.salesforce_id import to18

log = logging.getLogger(__name__)
MINUTE_US = 60_000_000
"""The resource leaves seconds out of account: both ends are whole minutes, and not the same."""
DOUBTED_US = 3_600_000_000
"""After a comparison that was not believed, before the next."""


class Covered(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor; times in microseconds, all of the server's clock."""

    until: int | None = None
    """Deletions before are known."""
    compared: int | None = None
    """When all ids were last compared."""
    gap: bool = False
    """Deletions may be missing that only a comparison finds."""
    doubted: int | None = None
    """When the last comparison found so much out of sight that it was not believed."""


class DeletedStream:
    """Deletions of one sObject. `compare`: all ids are compared, whether that is due or
    not, once there was a round of polling."""

    def __init__(
        self,
        client: SalesforceClient,
        shapes: Shapes,
        entity: str,
        excluder: Excluder,
        known: Known | None,
        *,
        compare: bool = False,
    ) -> None:
        self.name = f"salesforce/{entity.lower()}/deleted"
        self._client = client
        self._shapes = shapes
        self._entity = entity
        self._excluder = excluder
        self._known = known
        self._compare = compare

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream."""
        covered = msgspec.convert(cursor or {}, Covered)
        shape, now = self._shapes.get(self._entity)
        if not shape.deletable:
            return
        if now is None:
            raise RetriableError(f"salesforce {self._entity}: an answer without a Date")
        wanted = self._compare and covered.until is not None
        if covered.until is None:
            # What was gone before the first round was never read.
            covered.until = now - self._client.settings.overlap_s * 1_000_000
            covered.until -= covered.until % MINUTE_US
            covered.compared = now
            yield Page((), msgspec.to_builtins(covered))
        due_us = max(MINUTE_US, self._client.settings.deleted_every_s * 1_000_000)
        if shape.replicated and now - covered.until >= due_us:
            yield from self._asked(shape, covered, now)
        yield from self._compared(shape, covered, now, wanted)

    def _asked(self, shape: Shape, covered: Covered, now: int) -> Iterator[Page]:
        """What getDeleted names, in as many windows as it takes."""
        assert covered.until is not None
        last = now - now % MINUTE_US
        window = last - covered.until
        while last - covered.until >= MINUTE_US:
            end = min(last, covered.until + window)
            try:
                answer = self._client.deleted(shape.name, literal(covered.until), literal(end))
            except TooLarge:
                window = (end - covered.until) // 2
                window -= window % MINUTE_US
                if window:
                    continue
                yield self._gap(covered, now, "too many at once")
                return
            except OutOfRange:
                yield self._gap(covered, now, "we were away for too long")
                return
            deletions = Deletions(answer.body, shape.name)
            notes: Counter[str] = Counter()
            if deletions.earliest > covered.until and not covered.gap:
                covered.gap = True
                notes["deletions_unknown"] += 1
                log.warning("salesforce %s: deletions are no longer all known", shape.name)
            changes = tuple(self._purged(shape, deletions.stamps, notes))
            # What is later may lie in transactions that are still open: asked again next time.
            latest = deletions.latest - deletions.latest % MINUTE_US
            covered.until = max(covered.until, min(latest, end))
            yield Page(changes, msgspec.to_builtins(covered), notes=notes)
            if latest < end:
                return

    def _gap(self, covered: Covered, now: int, why: str) -> Page:
        covered.gap = True
        covered.until = now - now % MINUTE_US
        log.warning("salesforce %s: deletions are not all known: %s", self._entity, why)
        return Page((), msgspec.to_builtins(covered), notes={"deletions_unknown": 1})

    def _purged(
        self, shape: Shape, stamps: dict[str, int], notes: Counter[str]
    ) -> Iterator[Change]:
        """Of the ids named those that no query shows: others are in the recycle bin, where the
        object's own stream meets them with all they say, or were put back."""
        for chunk in chunks(sorted(stamps)):
            found, _ = records_by_id(self._client, shape, ("Id",), chunk)
            there = {one.get("Id") for one in found}
            for record_id in chunk:
                if record_id in there:
                    continue
                # As if it had been read when it was deleted: what was read of it in the recycle
                # bin has the same stamp and stays the newest, for it may name a successor.
                change = gone(shape, record_id, stamps[record_id], None)
                if self._excluder.record(change):
                    notes["excluded_deletions"] += 1
                else:
                    notes["purged"] += 1
                    yield change

    def _compared(self, shape: Shape, covered: Covered, now: int, wanted: bool) -> Iterator[Page]:
        every = self._client.settings.reconcile_every_s * 1_000_000
        due = wanted or covered.compared is None or now - covered.compared >= every
        if self._known is None or not (covered.gap or due):
            return
        if covered.doubted is not None and now - covered.doubted < DOUBTED_US:
            raise OutOfSight(
                f"salesforce {shape.name}: records were out of sight at once, and are looked for "
                "again within the hour"
            )
        cursor = msgspec.to_builtins(covered)
        try:
            for page in reconciliation(self._client, shape, self._known, self._excluder):
                yield page._replace(cursor=cursor)
        except OutOfSight:
            # To read all ids at every round would soon have spent the day's calls.
            covered.doubted = now
            yield Page((), msgspec.to_builtins(covered))
            raise
        covered.compared, covered.gap, covered.doubted = now, False, None
        yield Page((), msgspec.to_builtins(covered), notes={"compared": 1})


class Deletions:
    """An answer of getDeleted: id to when, and the time it speaks for; RetriableError where it is
    none."""

    def __init__(self, body: Any, name: str) -> None:
        told = body if isinstance(body, dict) else {}
        earliest = parse_stamp(told.get("earliestDateAvailable"))
        latest = parse_stamp(told.get("latestDateCovered"))
        records = told.get("deletedRecords")
        if earliest is None or latest is None or not isinstance(records, list):
            raise RetriableError(f"salesforce deleted: {name}: an answer that covers no time")
        self.earliest = earliest
        self.latest = latest
        self.stamps: dict[str, int] = {}
        for one in records:
            stamp = parse_stamp(one.get("deletedDate")) if isinstance(one, dict) else None
            if stamp is None:
                raise RetriableError(f"salesforce deleted: {name}: a deletion without its time")
            record_id = to18(one.get("id"))
            if record_id is None:
                raise RetriableError(f"salesforce deleted: {name}: a deletion without its id")
            self.stamps[record_id] = stamp
