"""What Resolve is started with: the records it knew and what it had published of them.

Its state is a cache of the tables, those of people's decisions too. A pipeline that starts anew
reads them, says nothing until all of it stands, and then writes only what differs
(transforms/identity).
"""

from collections import defaultdict

from google.cloud import bigquery

from schemas.flow import RowBatch
from schemas.identity import Entity, Link, Override, PairCandidate, PairEvidence, StoredRecord
from warehouse.latest import latest


def read_seeds(client: bigquery.Client, dataset_prefix: str = "") -> list[RowBatch]:
    """One batch a record: its latest StoredRecord, its Link, the Entity that the Link names, and
    the evidence and candidates of which it is the left end."""
    links = {link.record_key: link for link in latest(client, Link, dataset_prefix)}
    entities = {entity.entity_id: entity for entity in latest(client, Entity, dataset_prefix)}
    pairs: dict[str, list[PairEvidence | PairCandidate]] = defaultdict(list)
    for one in latest(client, PairEvidence, dataset_prefix):
        if not one.is_deleted:
            pairs[one.left_key].append(one)
    for other in latest(client, PairCandidate, dataset_prefix):
        if not other.is_deleted:
            pairs[other.left_key].append(other)
    seeds = []
    for stored in latest(client, StoredRecord, dataset_prefix):
        link = links.get(stored.record_key)
        entity = entities.get(link.entity_id) if link and link.entity_id else None
        rows = (stored, link, entity, *pairs.get(stored.record_key, ()))
        seeds.append(RowBatch(tuple(row for row in rows if row is not None)))
    return seeds


def read_overrides(client: bigquery.Client, dataset_prefix: str = "") -> list[RowBatch]:
    """The newest decision on every pair; one taken back, too, as an older one may come late."""
    return [RowBatch((override,)) for override in latest(client, Override, dataset_prefix)]
