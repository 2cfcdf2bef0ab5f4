"""`salesintel candidates`: possible matches for a person to decide on, the likeliest first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from embedded.directory import DataDirectory
from operations.console import console
from operations.known import Known, known
from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord
from transforms.identity.weighed.weights import BIT
from warehouse.query import QueryResult, checked_limit
from warehouse.render import FORMATS

COLUMNS = ("p", "bits", "record", "other", "name", "other_name", "keys", "pairs")


def candidates(
    directory: DataDirectory,
    file: Path | None,
    model: str | None,
    limit: int,
    output: str,
    stream: TextIO,
) -> None:
    """Writes the pairs that speak for being one, are not, and that nobody has decided on."""
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    checked_limit(limit)
    rows = list(to_review(known(directory, file, model)))
    write(QueryResult(columns=COLUMNS, rows=rows[:limit], truncated=len(rows) > limit), stream)
    if output == "table" and rows:
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
    for pair in resolver.candidates():
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
