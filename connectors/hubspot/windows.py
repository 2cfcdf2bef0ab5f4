"""Ids of changed records by search: by keyset alone, so that no query ever goes deep.

A query gives 10,000 results at the most, an offset skips records when one before it moves to the
end, and thousands of rows may share one millisecond (a batch job of HubSpot's stamps them all
alike). So every query starts anew from a stamp that was reached, finds the end of the page before
it once more, and drops what it has told; and a millisecond that fills a page alone is drained in
the order of ids.

Results are in the order of the index, and show the stamps that records have by now. One that was
edited since stands where it was and shows a stamp of the present: it does not say how far a page
has come.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors.hubspot.client import Answer, HubSpot
from connectors.hubspot.kinds import Kind
from connectors.hubspot.paging import after_of
from schemas.clock import parse_rfc3339
from schemas.errors import RetriableError

FIRST_MS = 1_000
"""HubSpot answers 500 to a search from the epoch itself."""
OVERLAP = 20
"""Results at the end of a page, of which the oldest says how far it came: one of them at least is
shown as the index has it."""
DEEPEST = 9_800
"""No offset above this is asked for; 10,000 is refused.
https://developers.hubspot.com/docs/api-reference/search/guide#limitations"""


class Position(NamedTuple):
    """`ms`: everything before it is read. `drained`: of that millisecond itself, ids up to this
    one are read; None: none."""

    ms: int
    drained: int | None = None


class Found(NamedTuple):
    """Ids with the stamps that the search shows, and where to go on once they are read."""

    stamps: dict[str, int]
    position: Position
    ended: bool
    server_us: int
    strays: int
    """Results outside of the window: the index was behind what it showed."""


def search(
    client: HubSpot, kind: Kind, start: Position, until_ms: int | None = None
) -> Iterator[Found]:
    """Pages of ids from a position to the end, or to `until_ms`, which is not in."""
    position, after = start, "0"
    told: dict[str, int] = {}
    while True:
        if position.drained is not None:
            found = _drain(client, kind, position, until_ms)
            yield found._replace(stamps=_untold(found.stamps, told))
            if found.ended:
                return
            position = found.position
            continue
        answer = client.search(kind, _window(kind, position.ms, until_ms), kind.stamp, after)
        stamps = _stamps(kind, answer)
        inside = [
            ms
            for ms in stamps.values()
            if ms >= position.ms and (until_ms is None or ms < until_ms)
        ]
        strays = len(stamps) - len(inside)
        deeper = _after(answer)
        if not deeper:
            end = Position(max(inside, default=position.ms))
            yield Found(_untold(stamps, told), end, True, answer.server_us, strays)
            return
        if not inside:
            # All of a page is newer than the index thinks: look behind it, within the limit.
            if not int(after) < int(deeper) <= DEEPEST:
                raise RetriableError(f"hubspot: the search index of {kind.path} is far behind")
            yield Found(_untold(stamps, told), position, False, answer.server_us, strays)
            after = deeper
            continue
        after, reached = "0", min(inside[-OVERLAP:])
        if reached == position.ms:
            position = Position(reached, 0)
            continue
        position = Position(reached)
        yield Found(_untold(stamps, told), position, False, answer.server_us, strays)
        told = {one: ms for one, ms in (told | stamps).items() if ms >= reached}


def _untold(stamps: dict[str, int], told: dict[str, int]) -> dict[str, int]:
    return {one: ms for one, ms in stamps.items() if told.get(one) != ms}


def _drain(client: HubSpot, kind: Kind, position: Position, until_ms: int | None) -> Found:
    filters = [
        {"propertyName": kind.stamp, "operator": "EQ", "value": str(position.ms)},
        {"propertyName": "hs_object_id", "operator": "GT", "value": str(position.drained)},
    ]
    answer = client.search(kind, filters, "hs_object_id")
    stamps = _stamps(kind, answer)
    ids = [int(one) for one in stamps]
    more = bool(_after(answer)) and bool(ids)
    if more and max(ids) <= (position.drained or 0):
        raise RetriableError(f"hubspot: a search of {kind.path} goes round in a circle")
    after = Position(position.ms, max(ids)) if more else Position(position.ms + 1)
    ended = not more and until_ms is not None and after.ms >= until_ms
    return Found(stamps, after, ended, answer.server_us, 0)


def _window(kind: Kind, ms: int, until_ms: int | None) -> list[dict[str, str]]:
    start = max(FIRST_MS, ms)
    filters = [{"propertyName": kind.stamp, "operator": "GTE", "value": str(start)}]
    if until_ms is not None:
        filters.append({"propertyName": kind.stamp, "operator": "LT", "value": str(until_ms)})
    return filters


def _after(answer: Answer) -> str:
    after = after_of(answer.body)
    if after and not (after.isascii() and after.isdigit()):
        # No end: whoever took it for one would pass over all that follows.
        raise RetriableError("hubspot: a search answer that goes on at no offset")
    return after


def _stamps(kind: Kind, answer: Answer) -> dict[str, int]:
    results = answer.body.get("results")
    if not isinstance(results, list):
        raise RetriableError("hubspot: a search answer without results")
    found: dict[str, int] = {}
    for one in results:
        record_id = str(one.get("id") or "") if isinstance(one, dict) else ""
        if record_id.isascii() and record_id.isdigit():
            found[record_id] = stamp_ms(one.get("properties"), kind.stamp)
    return found


def stamp_ms(properties: Any, name: str) -> int:
    """Milliseconds of a stamp that is ISO 8601 or a count of milliseconds; 0 where it is none."""
    value = properties.get(name) if isinstance(properties, dict) else None
    try:
        text = str(value)
        return int(text) if text.isdigit() else parse_rfc3339(text) // 1_000
    except ValueError:
        return 0
