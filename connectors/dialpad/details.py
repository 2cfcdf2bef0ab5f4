"""Transcripts and recaps, which come minutes after a call, or never.

Each call that somebody answered is asked for at 2, 10 and 30 minutes after its end, by the server's
clock; what is not there then never was. Few calls a minute are allowed, so they are asked for in
the order of their turn, so many a round. https://developers.dialpad.com/reference/callai_recap
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from connectors.bad_input import BadInput
from connectors.cursors import Cursor
from connectors.dialpad.client import Answer, DialpadClient, NotAllowed, NotFound
from connectors.dialpad.listing import CallList
from connectors.dialpad.records import (
    CallRecord,
    call_stamp,
    detail_change,
    excludes,
    fields_of,
    first_of,
)
from connectors.exclusions import Excluder
from connectors.stream import Page
from schemas.change import Change, Lane
from schemas.errors import ConfigurationError, RetriableError, SalesIntelError, SkippableError

MINUTE_US = 60_000_000
SOON = 2
"""So often a call that Dialpad fails at is asked for again by the next round;"""
POSTPONED_US = 10 * MINUTE_US
"""then after this, after twice as long, and so on;"""
MOST_FAILED = 9
"""and after so many times, which is most of a day, it is a dead letter."""


class _Asked(NamedTuple):
    """A turn: the call, when it ended, and how often it was asked for."""

    call_id: str
    call: dict[str, Any]
    ended: int
    tries: int
    failed: int
    """How often it could not be asked for."""


class DetailStream:
    """One kind of detail: `transcript` or `recap`.

    The cursor: `calls`, that of the list of calls; `waiting`, call id to [when its turn is (us),
    end of the call (us), tries, ids of the calls that it is a leg of, how often Dialpad failed].
    """

    def __init__(
        self,
        name: str,
        kind: str,
        client: DialpadClient,
        calls: CallList,
        excluder: Excluder,
        *,
        after_us: tuple[int, ...],
        per_round: int,
        lane: Lane = "live",
    ) -> None:
        if kind not in ("transcript", "recap"):
            raise ConfigurationError(f"dialpad: no details are called {kind}")
        self._name = name
        self._kind = kind
        self._client = client
        self._calls = calls
        self._excluder = excluder
        self._after = after_us
        self._per_round = per_round
        self._lane = lane

    @property
    def name(self) -> str:
        """As Stream."""
        return self._name

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """As Stream: first who is to be asked for, then those whose turn it is."""
        cursor = cursor or {}
        waiting: dict[str, list[Any]] = dict(cursor.get("waiting") or {})
        listed = cursor.get("calls")
        now = None
        for page in self._calls.pages(listed):
            listed, now = page.cursor, page.read_at
            for record in page.fresh:
                if record.call_id in page.new:
                    self._queue(waiting, record)
            # What cannot be read is the stream of calls' to report.
            yield Page((), {"calls": listed, "waiting": dict(waiting)})
        due = [one for one in waiting if now is None or waiting[one][0] <= now]
        turns = sorted(due, key=lambda one: (waiting[one][4], waiting[one][0], one))
        failure: RetriableError | None = None
        before = False
        for call_id in turns[: self._per_round]:
            _, ended, tries, call, failed = waiting[call_id]
            asked = _Asked(call_id, call, ended, tries, failed)
            try:
                change, bad, note = self._ask(asked, waiting, now)
                before = False
            except RetriableError as error:
                # One call's own trouble stops no other; that of two in a row is not their own.
                if now is None or before:
                    raise
                before = True
                change, bad, note = self._postponed(asked, waiting, now, error)
                failure = failure if bad else error
            yield Page(
                () if change is None else (change,),
                {"calls": listed, "waiting": dict(waiting)},
                bad,
                notes={note: 1},
            )
        if failure is not None:
            raise failure

    def _queue(self, waiting: dict[str, list[Any]], record: CallRecord) -> None:
        fields = record.fields
        ended = call_stamp(fields)
        if ended is None or first_of(fields, "date_connected") is None:
            return
        names = ("call_id", "master_call_id", "entry_point_call_id")
        call = {name: fields[name] for name in names if fields.get(name) is not None}
        probe = detail_change(self._kind, call, b"{}", stamp=ended, read_at=ended, lane=self._lane)
        if not excludes(self._excluder, probe, fields):
            waiting[record.call_id] = [ended + self._after[0], ended, 0, call, 0]

    def _ask(
        self, asked: _Asked, waiting: dict[str, list[Any]], now: int | None
    ) -> tuple[Change | None, tuple[BadInput, ...], str]:
        """The change, or why there is none; the call stays in `waiting` while there may be one."""
        kind, call_id = self._kind, asked.call_id
        try:
            answer = self._get(call_id)
            fields = fields_of(answer.body)
        except NotAllowed:
            raise
        except NotFound:
            fields, answer = {}, Answer(b"", now)
        except SkippableError as error:
            return self._refused(asked, waiting, error)
        if fields and (kind != "transcript" or fields.get("lines")):
            del waiting[call_id]
            change = detail_change(
                kind,
                asked.call,
                answer.body,
                stamp=asked.ended,
                read_at=answer.read_at,
                lane=self._lane,
            )
            return change, (), f"{kind}_found"
        tries = asked.tries + 1
        now = answer.read_at if now is None else now
        later = [asked.ended + one for one in self._after[tries:]]
        turn = next((one for one in later if now is None or one > now), None)
        if turn is None:
            del waiting[call_id]
            return None, (), f"{kind}_never"
        waiting[call_id] = [turn, asked.ended, tries, asked.call, 0]
        return None, (), f"{kind}_not_yet"

    def _postponed(
        self, asked: _Asked, waiting: dict[str, list[Any]], now: int, error: RetriableError
    ) -> tuple[None, tuple[BadInput, ...], str]:
        """Later, with as many tries as before; a dead letter in the end."""
        failed = asked.failed + 1
        if failed > MOST_FAILED:
            return self._refused(asked, waiting, error)
        turn = now + POSTPONED_US * 2 ** (failed - SOON - 1) if failed > SOON else now
        waiting[asked.call_id] = [turn, asked.ended, asked.tries, asked.call, failed]
        return None, (), f"{self._kind}_failed"

    def _refused(
        self, asked: _Asked, waiting: dict[str, list[Any]], error: SalesIntelError
    ) -> tuple[None, tuple[BadInput, ...], str]:
        del waiting[asked.call_id]
        location, data = f"{self._kind} {asked.call_id}", msgspec.json.encode(asked.call)
        bad = BadInput("dialpad", location, str(error), data, self._lane)
        return None, (bad,), f"{self._kind}_refused"

    def _get(self, call_id: str) -> Answer:
        if self._kind == "recap":
            return self._client.recap(call_id)
        return self._client.transcript(call_id)
