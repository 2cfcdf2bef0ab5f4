"""What an sObject has: its fields as describe tells them, and how they changed.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.soql import is_name
from schemas.errors import RetriableError, SkippableError

_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
"""Best first: only SystemModstamp moves when the system itself changes a row."""
_LEFT_OUT = frozenset({"address", "location", "base64"})
"""Compound fields say again what their parts say, and Bulk refuses them; files are no records."""
_CONDITION_BYTES = 700
"""Of the longest WHERE and ORDER BY that we send, and of the address, encoded."""
_KEYS = ("Id", "IsDeleted", "MasterRecordId")


class Shape(NamedTuple):
    """An sObject: field to type in `types`, of those that are asked for."""

    name: str
    types: Mapping[str, str]
    stamp: str
    replicated: bool
    """Whether its deletions can be asked for."""

    @property
    def object_type(self) -> str:
        """As changes name it."""
        return self.name.lower()

    @property
    def deletable(self) -> bool:
        """Whether a row can be in the recycle bin: users cannot."""
        return "IsDeleted" in self.types

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields that say which version of which record a row is, and whether it is gone."""
        return (*(one for one in _KEYS if one in self.types), self.stamp)

    def groups(self, uri_bytes: int) -> list[tuple[str, ...]]:
        """All fields in as many queries as their length asks for, each with the keys."""
        room = uri_bytes - _CONDITION_BYTES - _encoded(self.keys)
        groups: list[list[str]] = [[]]
        used = 0
        for field in sorted(self.types):
            if field in self.keys:
                continue
            size = _encoded((field,))
            if used + size > room and groups[-1]:
                groups.append([])
                used = 0
            groups[-1].append(field)
            used += size
        return [(*self.keys, *group) for group in groups]


def _encoded(fields: tuple[str, ...]) -> int:
    return sum(len(quote_plus(f"{field},")) for field in fields)


class Shapes:
    """The shapes of an org's sObjects, described anew every few minutes."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._kept: dict[str, tuple[float, Shape]] = {}

    def get(self, entity: str, *, fresh: bool = False) -> tuple[Shape, int | None]:
        """The shape, and the server's clock at its last answer: before anything that is read with
        this shape. `fresh`: it is known to have changed."""
        now = self._client.monotonic()
        kept = self._kept.get(entity)
        if fresh or kept is None or now - kept[0] >= self._client.settings.describe_every_s:
            kept = self._kept[entity] = (now, shape_of(self._client, entity))
        return kept[1], self._client.server_us


def shape_of(client: SalesforceClient, entity: str) -> Shape:
    """The present shape; SkippableError for an object that has no stamp or may not be queried."""
    described = client.describe(entity).body
    if not isinstance(described, dict) or not isinstance(described.get("fields"), list):
        raise RetriableError(f"salesforce describe: {entity}: no fields in the answer")
    return read_shape(described, entity, client.settings)


def read_shape(described: Mapping[str, Any], entity: str, settings: SalesforceSettings) -> Shape:
    """The shape in an answer of describe."""
    if not described.get("queryable", True):
        raise SkippableError(f"salesforce {entity}: not queryable: grant read access to the object")
    if not all(isinstance(one, dict) and is_name(one.get("name")) for one in described["fields"]):
        raise RetriableError(f"salesforce describe: {entity}: a field without a name")
    hidden = {one.lower() for one in settings.left_out.get(entity, ())}
    types = {
        field["name"]: str(field.get("type", "string"))
        for field in described["fields"]
        if field["name"].lower() not in hidden
        and field.get("type") not in _LEFT_OUT
        and (settings.formulas or not field.get("calculated"))
    }
    stamp = next((one for one in _STAMPS if one in types), None)
    if stamp is None or "Id" not in types:
        raise SkippableError(f"salesforce {entity}: no SystemModstamp: it cannot be followed")
    return Shape(entity, types, stamp, bool(described.get("replicateable")))
