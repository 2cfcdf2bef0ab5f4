"""What Resolve is started with: the records it knew and what it had published of them.

Its state is a cache of the tables, those of people's decisions too. A pipeline that starts anew
reads them, says nothing until all of it stands, and then writes only what differs
(transforms/identity).
"""

from collections import defaultdict

from google.cloud import bigquery

from schemas.flow import RowBatch
from schemas.identity import Entity, Link, Override, PairCandidate, PairEvidence, StoredRecord
from schemas.tables import BY_ROW
from warehouse.latest import latest, table_reference

SLICES = "0123456789abcdef"
"""Of all records, by the first digit of a hash of their keys: what one worker holds at a time."""


def read_seeds(
    client: bigquery.Client, dataset_prefix: str = "", within: str = ""
) -> list[RowBatch]:
    """One batch a record: its latest StoredRecord, its Link, the Entity that the Link names, and
    the evidence and candidates of which it is the left end.

    Of all records, or of those `within` one of SLICES.
    """
    # A table's key holds what it is sliced by, so that all versions of a row are in one slice.
    own, left = _within("record_key", within), _within("left_key", within)
    linked = ""
    if within:
        reference = table_reference(client, BY_ROW[Link], dataset_prefix)
        linked = f"entity_id IN (SELECT entity_id FROM {reference} WHERE {own})"  # noqa: S608
    links = {link.record_key: link for link in latest(client, Link, dataset_prefix, own)}
    entities = {one.entity_id: one for one in latest(client, Entity, dataset_prefix, linked)}
    pairs: dict[str, list[PairEvidence | PairCandidate]] = defaultdict(list)
    for one in latest(client, PairEvidence, dataset_prefix, left):
        if not one.is_deleted:
            pairs[one.left_key].append(one)
    for other in latest(client, PairCandidate, dataset_prefix, left):
        if not other.is_deleted:
            pairs[other.left_key].append(other)
    seeds = []
    for stored in latest(client, StoredRecord, dataset_prefix, own):
        link = links.get(stored.record_key)
        entity = entities.get(link.entity_id) if link and link.entity_id else None
        rows = (stored, link, entity, *pairs.get(stored.record_key, ()))
        seeds.append(RowBatch(tuple(row for row in rows if row is not None)))
    return seeds


def _within(column: str, digit: str) -> str:
    return f"STARTS_WITH(TO_HEX(MD5({column})), '{digit}')" if digit else ""


def read_overrides(client: bigquery.Client, dataset_prefix: str = "") -> list[RowBatch]:
    """The newest decision on every pair; one taken back, too, as an older one may come late."""
    return [RowBatch((override,)) for override in latest(client, Override, dataset_prefix)]
