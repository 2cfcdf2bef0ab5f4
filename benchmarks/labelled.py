"""Sets of records with the truth beside them, and how right a resolver was.

They are no part of the project: `SALESINTEL_ER_DATA` names the directory of `<set>.csv[.gz]` files
in the columns of `salesintel resolve`, with one more, truth: equal for the records of one entity.
"""

import csv
import gzip
import os
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

DIRECTORY = "SALESINTEL_ER_DATA"
ATTACKED = 3_000
"""Records of a hub attack that are given one mailbox, and others that are given one number."""

Rows = list[dict[str, str]]


def files() -> dict[str, Path]:
    """The sets that are here, by name; none where the variable is not set."""
    named = os.environ.get(DIRECTORY, "")
    found = sorted(Path(named).glob("*.csv*")) if named else []
    return {path.name.partition(".")[0]: path for path in found}


def read(path: Path) -> Rows:
    """The rows of a set."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def attacked(rows: Rows, seed: int = 1) -> Rows:
    """The rows with a mailbox and a switchboard that thousands of strangers share."""
    chosen = random.Random(seed).sample(range(len(rows)), min(2 * ATTACKED, len(rows)))
    changed = list(rows)
    for at in chosen[: len(chosen) // 2]:
        changed[at] = {**rows[at], "email": "reach.us@sharedmailbox.com"}
    for at in chosen[len(chosen) // 2 :]:
        changed[at] = {**rows[at], "phone": "+12127360000"}
    return changed


def pairwise(truth: Mapping[str, str], found: Mapping[str, str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the pairs that stand in one entity; a record left out of `found`
    stands alone. No pair said and none true is right."""
    said = {key: found.get(key, f"alone:{key}") for key in truth}
    both = _pairs(Counter((truth[key], said[key]) for key in truth).values())
    precision = _share(both, _pairs(Counter(said.values()).values()))
    recall = _share(both, _pairs(Counter(truth.values()).values()))
    return precision, recall, _share(2 * precision * recall, precision + recall)


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float(part == whole == 0)
