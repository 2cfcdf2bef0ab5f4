"""How many records Dialpad says it has: what ours are held against."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from connectors.dialpad.client import DialpadClient, Listed
from connectors.dialpad.paging import pages
from connectors.dialpad.records import Fields, fields_of, id_of
from connectors.questions import Question, Tally
from schemas.clock import DAY_US
from schemas.errors import ConfigurationError, InvalidPayload, RetriableError

DAY_MS = DAY_US // 1_000
MOST_BARREN = 20
"""Pages in a row that say nothing new: a page comes twice at times, and an empty one in between."""


def counts(
    client: DialpadClient,
    objects: Iterable[str] = ("call", "user", "contact"),
    *,
    after_ms: int | None = None,
    before_ms: int | None = None,
) -> dict[str, int]:
    """Object to the number of different ids listed; no operation counts, so all pages are read.
    Calls: legs that have ended and started within the window; users: those that are not deleted.
    What the exclusions keep out is counted all the same."""
    lists: dict[str, tuple[str, Callable[[str], Listed]]] = {
        "call": ("call_id", lambda token: client.calls(after_ms, before_ms, token)),
        "user": ("id", client.users),
        "contact": ("id", client.contacts),
    }
    found = {}
    for name in objects:
        if name not in lists:
            raise ConfigurationError(f"dialpad: {name} cannot be counted")
        field, read = lists[name]
        belongs: Mapping[str, Callable[[Fields], bool]] = {
            "call": partial(_started, after_ms, before_ms),
            "user": _lives,
        }
        within = belongs.get(name, _any)
        found[name] = _ids(field, pages(f"{name}s", read), within)
    return found


def questions(
    client: DialpadClient, objects: Iterable[str], days: Iterable[int]
) -> Iterator[Question]:
    """Users and contacts in all, calls of each day by their start: all calls there ever were would
    be thousands of pages a night. Transcripts and recaps are nowhere listed."""
    asked = tuple(days)
    for name in objects:
        if name == "call":
            for day in asked:
                yield Question(name, "list by date_started", partial(_calls, client, day), day)
        elif name in ("user", "contact"):
            yield Question(name, "whole list", partial(_all, client, name))


def _calls(client: DialpadClient, day: int) -> Tally:
    # Both ends of the list's window are open.
    found = counts(client, ("call",), after_ms=day * DAY_MS - 1, before_ms=(day + 1) * DAY_MS)
    return Tally(found["call"])


def _all(client: DialpadClient, name: str) -> Tally:
    return Tally(counts(client, (name,))[name])


def _any(fields: Fields) -> bool:
    return True


def _lives(fields: Fields) -> bool:
    """Users are listed in every state; one that is deleted is a tombstone with us."""
    return fields.get("state") != "deleted"


def _started(after_ms: int | None, before_ms: int | None, fields: Fields) -> bool:
    """Looked at here too: the filter of the list is now and then ignored."""
    try:
        start = int(str(fields.get("date_started")))
    except ValueError:
        return False
    return (after_ms is None or start > after_ms) and (before_ms is None or start < before_ms)


def _ids(field: str, listed: Iterable[Listed], within: Callable[[Fields], bool]) -> int:
    """RetriableError where the list goes round in a ring: the same page under ever new tokens."""
    seen: set[str] = set()
    counted: set[str] = set()
    barren = 0
    for page in listed:
        before = len(seen)
        for raw in page.records:
            try:
                fields = fields_of(raw)
                record_id = id_of(fields.get(field))
            except InvalidPayload:
                continue
            if record_id:
                seen.add(record_id)
                if within(fields):
                    counted.add(record_id)
        barren = 0 if len(seen) > before else barren + 1
        if barren == MOST_BARREN:
            raise RetriableError("dialpad: a list without an end could not be counted")
    return len(counted)
