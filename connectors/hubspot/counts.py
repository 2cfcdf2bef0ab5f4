"""How many records HubSpot says it has, per object: what ours are held against."""

from collections.abc import Iterable, Iterator
from functools import partial

from connectors.hubspot.client import HubSpot
from connectors.hubspot.kinds import KINDS, OWNER
from connectors.hubspot.paging import pages
from connectors.hubspot.settings import HubSpotSettings
from connectors.questions import Question, Tally
from schemas.clock import DAY_US
from schemas.errors import RetriableError

DAY_MS = DAY_US // 1_000


def counts(client: HubSpot, settings: HubSpotSettings) -> dict[str, int]:
    """Object to the number of records that are not archived; owners with the archived ones, as we
    keep them."""
    return {name: count(client, name) for name in settings.objects}


def questions(
    client: HubSpot, settings: HubSpotSettings, days: Iterable[int]
) -> Iterator[Question]:
    """Of each object how many there are in all, then of each day: a search each. Owners have no
    search, and are counted in all alone."""
    asked = tuple(days)
    for name in settings.objects:
        if name == OWNER:
            yield Question(name, "whole list, archived too", partial(_tally, client, name, None))
            continue
        for day in (None, *asked):
            method = "search" if day is None else f"search by {KINDS[name].created}"
            yield Question(name, method, partial(_tally, client, name, day), day)


def _tally(client: HubSpot, name: str, day: int | None) -> Tally:
    return Tally(count(client, name, day))


def count(client: HubSpot, name: str, day: int | None = None) -> int:
    """The same of one object, or of those made on a day (since the epoch, UTC)."""
    if name == OWNER:
        return sum(_owners(client, archived) for archived in (False, True))
    kind, filters = KINDS[name], list[dict[str, str]]()
    if day is not None:
        for operator, ms in (("GTE", day * DAY_MS), ("LT", (day + 1) * DAY_MS)):
            one = {"propertyName": kind.created, "operator": operator, "value": str(ms)}
            filters.append(one)
    total = client.search(kind, filters, kind.stamp, limit=1).body.get("total")
    if not isinstance(total, int):
        raise RetriableError(f"hubspot: a search of {kind.path} without a total")
    return total


def _owners(client: HubSpot, archived: bool) -> int:
    listed = pages("owners", lambda after: client.owners(archived, after))
    return sum(len(page.results) for page in listed)
