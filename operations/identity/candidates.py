"""`salesintel candidates`: possible matches for a person to decide on, the likeliest first.

Of the warehouse those that the running pipeline has written; of a file, or under a model that is
named, those that the engine finds here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from operations.console import console
from operations.identity.known import NO_RECORDS, Known, known
from operations.identity.noting import looking
from operations.place import Place, warehouse_at
from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord
from transforms.identity.weighed.weights import BIT
from warehouse.query import QueryResult, checked_limit, run_sql
from warehouse.render import FORMATS

PUBLISHED = """
SELECT
  candidate.probability AS p,
  candidate.why,
  candidate.left_key AS record,
  candidate.right_key AS other,
  one.display_name AS name,
  two.display_name AS other_name,
  candidate.pairs
FROM (
  SELECT
    *,
    COUNT(*) OVER (PARTITION BY LEAST(left_entity_id, right_entity_id),
      GREATEST(left_entity_id, right_entity_id)) AS pairs,
    ROW_NUMBER() OVER (PARTITION BY LEAST(left_entity_id, right_entity_id),
      GREATEST(left_entity_id, right_entity_id)
      ORDER BY probability DESC, left_key, right_key) AS place
  FROM `identity.candidates_latest`
) AS candidate
LEFT JOIN `identity.entities_latest` AS one ON one.entity_id = candidate.left_entity_id
LEFT JOIN `identity.entities_latest` AS two ON two.entity_id = candidate.right_entity_id
WHERE candidate.place = 1
ORDER BY p DESC, record, other
"""
"""Of every two entities the likeliest pair; `pairs` says how many there are between them."""
ANY_LINK = "SELECT record_key FROM `identity.links_latest`"

COLUMNS = ("p", "bits", "record", "other", "name", "other_name", "keys", "pairs")


def candidates(
    place: Place,
    file: Path | None,
    model: str | None,
    limit: int,
    output: str,
    stream: TextIO,
) -> None:
    """Writes the pairs that may be one, are not, and that nobody has decided on."""
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    checked_limit(limit)
    with looking(place, file, "candidates", {"limit": limit}) as deed:
        if file is None and model is None:
            with warehouse_at(place) as client:
                found = run_sql(client, PUBLISHED, limit=limit)
                if not (found.rows or run_sql(client, ANY_LINK, limit=1).rows):
                    raise ConfigurationError(NO_RECORDS)
        else:
            asked = known(place, file, model)
            deed.found = asked.audited
            rows = list(to_review(asked))
            found = QueryResult(columns=COLUMNS, rows=rows[:limit], truncated=len(rows) > limit)
        deed.rows_given = len(found.rows)
        write(found, stream)
    if output == "table" and found.rows:
        console.print("  decide: salesintel link RECORD OTHER, or salesintel unlink RECORD OTHER")


def to_review(asked: Known) -> Iterator[dict[str, Any]]:
    """Of every two entities the likeliest pair; `pairs` says how many there are between them.
    Entities that a person has told apart are not asked about again."""
    resolver, records, placed = asked.resolver, asked.by_key, asked.resolver.placed()
    number = resolver.records.number
    decided = {
        frozenset((placed[left].entity_id, placed[right].entity_id))
        for left, right in asked.verdicts
        if left in placed and right in placed
    }
    shown: dict[frozenset[str], dict[str, Any]] = {}
    for pair in (*resolver.candidates(), *resolver.near()):
        left, right = number(pair.left), number(pair.right)
        assert left is not None and right is not None
        between = frozenset((placed[pair.left].entity_id, placed[pair.right].entity_id))
        if between in decided:
            continue
        if between in shown:
            shown[between]["pairs"] += 1
            continue
        shown[between] = {
            "p": pair.confidence,
            "bits": round(pair.bits / BIT, 1),
            "record": pair.left,
            "other": pair.right,
            "name": name_of(records[pair.left]),
            "other_name": name_of(records[pair.right]),
            "keys": sorted(resolver.blocks.shared_keys(left, right)),
            "pairs": 1,
        }
    yield from shown.values()


def name_of(record: IdentityRecord) -> str:
    """What a person knows a record by."""
    named = record.full_name or " ".join(filter(None, (record.given_name, record.family_name)))
    return named or record.organisation or next(iter((*record.emails, *record.phones)), "")
