"""What Resolve is started with: the records it knew and what it had published of them.

Its state is a cache of the tables, those of people's decisions too. A pipeline that starts anew
reads them, says nothing until all of it stands, and then writes only what differs
(transforms/identity).
"""

from google.cloud import bigquery

from schemas.flow import RowBatch
from schemas.identity import Entity, Link, Override, StoredRecord
from warehouse.latest import latest


def read_seeds(client: bigquery.Client, dataset_prefix: str = "") -> list[RowBatch]:
    """One batch a record: its latest StoredRecord, its Link, and the Entity that the Link names."""
    links = {link.record_key: link for link in latest(client, Link, dataset_prefix)}
    entities = {entity.entity_id: entity for entity in latest(client, Entity, dataset_prefix)}
    seeds = []
    for stored in latest(client, StoredRecord, dataset_prefix):
        link = links.get(stored.record_key)
        entity = entities.get(link.entity_id) if link and link.entity_id else None
        seeds.append(RowBatch(tuple(row for row in (stored, link, entity) if row is not None)))
    return seeds


def read_overrides(client: bigquery.Client, dataset_prefix: str = "") -> list[RowBatch]:
    """The newest decision on every pair; one taken back, too, as an older one may come late."""
    return [RowBatch((override,)) for override in latest(client, Override, dataset_prefix)]
