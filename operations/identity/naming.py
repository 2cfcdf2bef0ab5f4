"""What a person means by the name of a record or an entity: looked up, never guessed."""

from collections.abc import Collection
from typing import Any, NamedTuple

from google.cloud import bigquery

from schemas.errors import ConfigurationError
from warehouse.query import MOST_ROWS, run_sql

MOST_CHOICES = 5
FEWEST_CHARACTERS = 4
"""Of the beginning of a name: a shorter one is nobody's."""

_EXACT = """
SELECT record_key, entity_id, kind
FROM `identity.links_latest`
WHERE record_key = @name OR entity_id = @name
ORDER BY record_key
"""
_BEGINNING = """
SELECT DISTINCT named AS name
FROM (
  SELECT record_key AS named FROM `identity.links_latest`
  UNION DISTINCT
  SELECT entity_id AS named FROM `identity.links_latest`
)
WHERE STARTS_WITH(named, @name)
ORDER BY name
"""
_RETIRED = """
SELECT is_retired, successor_id
FROM `identity.entities`
WHERE entity_id = @name
ORDER BY revision DESC
"""
_LINKS = """
SELECT record_key, entity_id, kind
FROM `identity.links_latest`
WHERE entity_id IN UNNEST(@entities) OR record_key IN UNNEST(@records)
ORDER BY record_key
"""


class Named(NamedTuple):
    """A record, or an entity with all its records."""

    name: str
    kind: str
    entity_id: str
    """Its own, or that which the record belongs to."""
    records: tuple[str, ...]

    @property
    def is_entity(self) -> bool:
        """Whether an entity was named, and not a record."""
        return self.name == self.entity_id


def named(client: bigquery.Client, name: str) -> Named:
    """The record or entity of that name, or the only one whose name begins so.

    ConfigurationError where there is none, more than one, or one that another has taken in.
    """
    found = _rows(client, _EXACT, name=name)
    if not found:
        name = _only(client, name)
        found = _rows(client, _EXACT, name=name)
    first = found[0]
    records = tuple(row["record_key"] for row in found)
    return Named(name, first["kind"], first["entity_id"], records)


def links(
    client: bigquery.Client, entities: Collection[str], records: Collection[str] = ()
) -> dict[str, str]:
    """Record to entity, of these entities and records."""
    found = _rows(client, _LINKS, entities=sorted(entities), records=sorted(records))
    return {row["record_key"]: row["entity_id"] for row in found}


def _only(client: bigquery.Client, beginning: str) -> str:
    retired = _rows(client, _RETIRED, name=beginning)
    if retired and retired[0]["is_retired"]:
        successor = retired[0]["successor_id"]
        went = f"went into {successor}: name that" if successor else "is gone with its records"
        raise ConfigurationError(f"{beginning} {went}")
    if len(beginning) < FEWEST_CHARACTERS:
        raise ConfigurationError(
            f"{beginning!r} is no record or entity, and too short for the beginning of one"
        )
    choices = [row["name"] for row in _rows(client, _BEGINNING, name=beginning)]
    if not choices:
        raise ConfigurationError(
            f"{beginning!r}: there is no such record or entity; `salesintel query "
            "identity.links_latest` shows which there are"
        )
    if len(choices) > 1:
        more = ", …" if len(choices) > MOST_CHOICES else ""
        raise ConfigurationError(
            f"{beginning!r} may be any of {len(choices):,}: "
            f"{', '.join(choices[:MOST_CHOICES])}{more}; name one of them whole"
        )
    return str(choices[0])


def _rows(client: bigquery.Client, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    return run_sql(client, sql, parameters, limit=MOST_ROWS).rows
