"""What the org says it has: living records, archived activities too."""

from collections.abc import Iterable

from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.shapes import shape_of
from connectors.salesforce.soql import name
from schemas.errors import RetriableError


def counts(client: SalesforceClient, objects: Iterable[str]) -> dict[str, int]:
    """Object type to the number of records that are not deleted."""
    return {entity.lower(): count(client, entity) for entity in objects}


def count(client: SalesforceClient, entity: str) -> int:
    """The same of one sObject; raises what the call does."""
    shape = shape_of(client, entity)
    condition = " WHERE IsDeleted = false" if shape.deletable else ""
    soql = f"SELECT COUNT() FROM {name(entity)}{condition}"  # noqa: S608 (SOQL, names are checked)
    body = client.query(soql).body
    total = body.get("totalSize") if isinstance(body, dict) else None
    if not isinstance(total, int):
        raise RetriableError(f"salesforce query: {entity}: a count without a number")
    return total
