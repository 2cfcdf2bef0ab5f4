"""Reads an sObject in the order (stamp, Id), whatever the server does to its pages.

No row is left out where thousands share a stamp, and none is read for ever: every page has a key to
go on from. Within one query the server's own cursor is followed; when it drops it, the next query
starts after the last key.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors.salesforce.client import Answer, SalesforceClient
from connectors.salesforce.records import Record, key_of
from connectors.salesforce.refusals import LocatorGone, TooLarge
from connectors.salesforce.shapes import Shape
from connectors.salesforce.soql import Bounds, Key, select, where
from schemas.clock import DAY_US
from schemas.errors import RetriableError

FIRST_US = 915_148_800_000_000
"""1999-01-01: no org is older."""
LAST_US = 4_102_444_800_000_000
SHORTEST_WINDOW_US = 1_000_000
MOST_RESTARTS = 3


class Batch(NamedTuple):
    """Records that came together, the key to go on from, when the server answered, and whether
    there is nothing more now."""

    records: list[Record]
    last: Key | None
    fetched: int | None
    final: bool
    dropped: int = 0
    """Rows that changed while their other fields were read: their new version is yet to come."""


class Keyset:
    """One reading of an sObject from a key on, to its present end or `before`. `now` is the
    server's clock, where it is known."""

    def __init__(
        self,
        client: SalesforceClient,
        shape: Shape,
        after: Key | None,
        *,
        now: int | None,
        before: int | None = None,
    ) -> None:
        self._client = client
        self._shape = shape
        self._after = after
        self._before = before
        self._groups = shape.groups(client.settings.uri_bytes)
        if before is not None:
            self._newest = before
        else:
            self._newest = LAST_US if now is None else now + DAY_US
        self._window: int | None = None
        self.halved = 0
        """How often less was asked for at once."""
        self.restarted = 0
        """How often the server dropped its cursor."""

    def batches(self) -> Iterator[Batch]:
        """Batch after batch; FieldGone where the shape is no longer true."""
        while True:
            before = self._upper()
            try:
                yield from self._query(Bounds(self._after, None, before))
            except TooLarge:
                self._halve(before)
                continue
            if before is None or before == self._before:
                return
            # A window is through: the next begins where it ends, and may be larger.
            self._after = Key(before)
            assert self._window is not None
            self._window *= 2

    def _upper(self) -> int | None:
        if self._window is None:
            return self._before
        end = self._start() + self._window
        return end if end < self._newest else self._before

    def _start(self) -> int:
        return self._after.stamp if self._after else FIRST_US

    def _halve(self, before: int | None) -> None:
        self._window = ((self._newest if before is None else before) - self._start()) // 2
        self.halved += 1
        if self._window < SHORTEST_WINDOW_US:
            raise TooLarge(
                f"salesforce query: {self._shape.name}: one second of changes is too much to read"
            )

    def _query(self, bounds: Bounds) -> Iterator[Batch]:
        """All of one query, begun again after the last key when the server drops its cursor."""
        restarts = 0
        while True:
            start = self._after
            answer = self._client.query(self._soql(0, bounds))
            try:
                yield from self._pages(answer, bounds)
                return
            except LocatorGone:
                # Without any headway it would be the same again, for ever.
                restarts = restarts + 1 if self._after == start else 0
                self.restarted += 1
                if restarts >= MOST_RESTARTS:
                    raise
                bounds = bounds._replace(after=self._after)

    def _pages(self, answer: Answer, bounds: Bounds) -> Iterator[Batch]:
        while True:
            records, done, next_url = opened(answer, self._shape.name)
            keys = [key for one in records if (key := key_of(self._shape, one)) is not None]
            last = keys[-1] if keys else self._after
            if keys and last == self._after:
                raise RetriableError(
                    f"salesforce query: {self._shape.name}: a page does not lead on"
                )
            whole, dropped = self._completed(records, bounds._replace(after=self._after), last)
            self._after = last
            final = done and bounds.before in (None, self._before)
            yield Batch(whole, last, answer.server_us, final, dropped)
            if done:
                return
            answer = self._client.more(next_url)

    def _completed(
        self, records: list[Record], bounds: Bounds, last: Key | None
    ) -> tuple[list[Record], int]:
        """The records with the fields of the other queries, joined by Id and stamp. One without a
        key has no place there, and stays as it is."""
        if len(self._groups) == 1 or last is None:
            return records, 0
        placeless = [one for one in records if key_of(self._shape, one) is None]
        records = [one for one in records if key_of(self._shape, one) is not None]
        bounds = bounds._replace(upto=last, before=None)
        whole = {(one.get("Id"), one.get(self._shape.stamp)): one for one in records}
        for place in range(1, len(self._groups)):
            found = {}
            for one in self._all(self._soql(place, bounds)):
                version = (one.get("Id"), one.get(self._shape.stamp))
                if version in whole:
                    found[version] = {**whole[version], **one}
            whole = found
        return [*placeless, *whole.values()], len(records) - len(whole)

    def _all(self, soql: str) -> Iterator[Record]:
        answer = self._client.query(soql)
        while True:
            records, done, next_url = opened(answer, self._shape.name)
            yield from records
            if done:
                return
            answer = self._client.more(next_url)

    def _soql(self, group: int, bounds: Bounds) -> str:
        stamp = self._shape.stamp
        order = f" ORDER BY {stamp}, Id"
        return select(self._groups[group], self._shape.name, where(stamp, bounds) + order)


def opened(answer: Answer, name: str) -> tuple[list[Record], bool, str]:
    """Records, whether these were the last, and where the next are."""
    body: Any = answer.body
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise RetriableError(f"salesforce query: {name}: an answer without records")
    done, next_url = body.get("done"), body.get("nextRecordsUrl")
    if done is not True and not isinstance(next_url, str):
        raise RetriableError(f"salesforce query: {name}: an answer that neither ends nor goes on")
    return records, done is True, next_url or ""
