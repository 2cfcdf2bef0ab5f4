"""Small elements for tests of the graph's steps."""

from schemas.change import Change, new_change
from schemas.flow import Arrival, Normalised


def a_change(number: int = 1, *, payload: bytes = b"{}", stamp: int = 1_000) -> Change:
    return new_change("files", "contact", f"c-{number}", payload, stamp=stamp, fetched=stamp)


def an_arrival(number: int = 1, message_id: str | None = None) -> Arrival:
    return Arrival(a_change(number), message_id or f"m-{number}", 5_000_000 + number)


def a_normalised(number: int = 1, message_id: str | None = None) -> Normalised:
    return Normalised(an_arrival(number, message_id), (), ())
