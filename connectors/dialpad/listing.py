"""Reads the list of calls: newest first, by their start, and only those that have ended.

So a long call turns up late and far down: every pass goes back by the overlap, what was published
is remembered by its digest, and a pass ends at the end of the list or with a page of which all is
too old, never at the first call that is. https://developers.dialpad.com/reference/calllist
"""

from collections.abc import Iterator
from typing import NamedTuple

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from connectors.dialpad.client import DialpadClient, Listed
from connectors.dialpad.records import CallRecord, call_record, digest_of
from schemas.change import Lane, stable_hash
from schemas.clock import MAX_US
from schemas.errors import InvalidPayload, RetriableError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SILENT = 10
"""Pages in a row that tell nothing new and are passed over, for the cursor holds all that is
remembered: whoever is stopped within them reads them again."""
Recent = dict[str, list[int | str]]
"""Call id to its start (ms) and the digest of what it said."""


class Window(NamedTuple):
    """Starts of the calls of a backfill: after and before, in milliseconds."""

    after_ms: int | None
    before_ms: int | None


class CallsPage(NamedTuple):
    """`fresh`: calls that are new or say something new; `new`: ids of those never seen."""

    fresh: tuple[CallRecord, ...]
    new: frozenset[str]
    bad: tuple[BadInput, ...]
    cursor: Cursor
    read_at: int | None


class CallList:
    """The list, live or within a window of a backfill.

    The cursor: `top`, the newest start seen by the last whole pass; `recent`, what is remembered;
    and while a pass is under way `pass`: whence it goes down to and where it is. A page token is
    never kept: it may have run out by the time it is wanted.
    """

    def __init__(
        self,
        client: DialpadClient,
        *,
        overlap_ms: int,
        remembered: int,
        first_ms: int | None = None,
        window: Window | None = None,
    ) -> None:
        self._client = client
        self._overlap = overlap_ms
        self._most = remembered
        self._first = first_ms
        self._window = window
        self._lane: Lane = "live" if window is None else "backfill"

    def pages(self, cursor: Cursor | None) -> Iterator[CallsPage]:
        """A pass; after what was left of one that broke off, a whole one, for new calls stand above
        where that one went on."""
        cursor = cursor or {}
        rest = "pass" in cursor and self._window is None
        for page in self._pass(cursor):
            yield page
            cursor = page.cursor
        if rest:
            yield from self._pass(cursor)

    def _pass(self, cursor: Cursor) -> Iterator[CallsPage]:
        if cursor.get("done"):
            return
        recent: Recent = dict(cursor.get("recent") or {})
        top: int | None = cursor.get("top")
        under_way = cursor.get("pass") or self._begin(top)
        after, before, seen = under_way["after"], under_way["before"], under_way["top"]
        token, tokens, silent = "", set[str](), 0
        while True:
            listed = self._client.calls(after, before, token)
            if after is None and top is None and self._first is not None and listed.read_at:
                after = listed.read_at // 1_000 - self._first
            records, failed = self._read(listed)
            # A start that the server's own clock has not come to would hide all that is before it.
            latest = MAX_US if listed.read_at is None else listed.read_at // 1_000
            starts = [min(one.started, latest) for one in records if one.started is not None]
            seen = max(starts, default=seen) if seen is None else max([seen, *starts])
            bad = self._unseen(failed, recent, seen)
            wanted = [one for one in records if not _older(one, after)]
            fresh, new = self._fresh(wanted, recent, seen)
            all_old = bool(records) and not wanted and not failed
            done = not listed.token or all_old
            floor = after if after is not None and not done else (seen or 0) - self._overlap
            recent = self._pruned(recent, floor)
            if done:
                kept: Cursor = self._end(seen, recent)
            else:
                before = _down_to(starts, before)
                kept = {"top": top, "recent": recent}
                kept["pass"] = {"after": after, "before": before, "top": seen}
            silent = 0 if fresh or bad or done or silent == SILENT else silent + 1
            if not silent:
                yield CallsPage(fresh, new, bad, kept, listed.read_at)
            if done:
                return
            if listed.token in tokens:
                raise RetriableError("dialpad: the list of calls goes round in a circle")
            token = listed.token
            tokens.add(token)

    def _begin(self, top: int | None) -> Cursor:
        if self._window is not None:
            return {"after": self._window.after_ms, "before": self._window.before_ms, "top": None}
        return {"after": None if top is None else top - self._overlap, "before": None, "top": top}

    def _end(self, seen: int | None, recent: Recent) -> Cursor:
        if self._window is not None:
            return {"done": True}
        return {"top": seen, "recent": recent}

    def _read(self, listed: Listed) -> tuple[list[CallRecord], list[BadInput]]:
        records, bad = [], []
        for raw in listed.records:
            try:
                record = call_record(raw)
                if record.started is None and listed.read_at is None:
                    raise InvalidPayload("neither the call nor the answer says when it was")
                records.append(record)
            except InvalidPayload as error:
                bad.append(BadInput("dialpad", "list of calls", str(error), raw, self._lane))
        return records, bad

    def _unseen(
        self, failed: list[BadInput], recent: Recent, seen: int | None
    ) -> tuple[BadInput, ...]:
        """Listed again at every poll, what cannot be read is published once."""
        keys = {f"bad:{stable_hash(one.data)[:12]}": one for one in failed}
        bad = tuple(one for key, one in keys.items() if key not in recent)
        recent.update({key: [seen or 0, ""] for key in keys})
        return bad

    def _fresh(
        self, records: list[CallRecord], recent: Recent, seen: int | None
    ) -> tuple[tuple[CallRecord, ...], frozenset[str]]:
        fresh, new = [], set()
        for one in records:
            digest = digest_of(one.fields)
            known = recent.get(one.call_id)
            if known is not None and known[1] == digest:
                continue
            if known is None:
                new.add(one.call_id)
            fresh.append(one)
            recent[one.call_id] = [(seen or 0) if one.started is None else one.started, digest]
        return tuple(fresh), frozenset(new)

    def _pruned(self, recent: Recent, floor: int) -> Recent:
        if self._window is not None:
            return {}
        kept = {name: one for name, one in recent.items() if int(one[0]) >= floor}
        if len(kept) > self._most:
            newest = sorted(kept, key=lambda name: int(kept[name][0]))[-self._most :]
            kept = {name: kept[name] for name in newest}
        return kept


def _down_to(starts: list[int], before: int | None) -> int | None:
    """Whence a broken pass goes on: the whole page again, for its order may be rough; and below it
    where that would be no step."""
    if not starts:
        return before
    down = max(starts) + 1
    return down if before is None or down < before else min(starts) + 1


def _older(record: CallRecord, after: int | None) -> bool:
    return after is not None and record.started is not None and record.started < after
