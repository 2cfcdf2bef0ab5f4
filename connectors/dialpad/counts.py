"""How many records Dialpad says it has: what ours are held against."""

from collections.abc import Callable, Iterable

from connectors.dialpad.client import DialpadClient, Listed
from connectors.dialpad.paging import pages
from connectors.dialpad.records import fields_of, id_of
from schemas.errors import ConfigurationError, InvalidPayload


def counts(
    client: DialpadClient,
    objects: Iterable[str] = ("call", "user", "contact"),
    *,
    after_ms: int | None = None,
    before_ms: int | None = None,
) -> dict[str, int]:
    """Object to the number of different ids listed; no operation counts, so all pages are read.
    Calls: legs that have ended and started within the window. What the exclusions keep out is
    counted all the same."""
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
        found[name] = _ids(field, pages(f"{name}s", read))
    return found


def _ids(field: str, listed: Iterable[Listed]) -> int:
    ids: set[str] = set()
    for page in listed:
        for raw in page.records:
            try:
                ids.add(id_of(fields_of(raw).get(field)))
            except InvalidPayload:
                continue
    return len(ids - {""})
