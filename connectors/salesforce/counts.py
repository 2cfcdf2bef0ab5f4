"""What the org says it has: living records, archived activities too."""

from collections.abc import Iterable, Iterator
from functools import partial

from connectors.questions import Question, Tally
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.shapes import shape_of
from connectors.salesforce.soql import literal, name
from schemas.clock import DAY_US
from schemas.errors import RetriableError


def counts(client: SalesforceClient, objects: Iterable[str]) -> dict[str, int]:
    """Object type to the number of records that are not deleted."""
    return {entity.lower(): count(client, entity) for entity in objects}


def questions(
    client: SalesforceClient, objects: Iterable[str], days: Iterable[int]
) -> Iterator[Question]:
    """Of each sObject how many there are in all, then of each day; a call each."""
    asked = tuple(days)
    for entity in objects:
        for day in (None, *asked):
            method = "COUNT()" if day is None else "COUNT() by CreatedDate"
            ask = partial(_tally, client, entity, day)
            yield Question(entity.lower(), method, ask, day)


def _tally(client: SalesforceClient, entity: str, day: int | None) -> Tally:
    return Tally(count(client, entity, day))


def count(client: SalesforceClient, entity: str, day: int | None = None) -> int:
    """The same of one sObject, or of those made on a day (since the epoch, UTC); raises what the
    call does."""
    conditions = []
    if shape_of(client, entity).deletable:
        conditions.append("IsDeleted = false")
    if day is not None:
        conditions.append(f"CreatedDate >= {literal(day * DAY_US)}")
        conditions.append(f"CreatedDate < {literal((day + 1) * DAY_US)}")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    soql = f"SELECT COUNT() FROM {name(entity)}{where}"  # noqa: S608 (SOQL, names are checked)
    body = client.query(soql).body
    total = body.get("totalSize") if isinstance(body, dict) else None
    if not isinstance(total, int):
        raise RetriableError(f"salesforce query: {entity}: a count without a number")
    return total
