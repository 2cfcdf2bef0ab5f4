"""Payloads by claim check that nothing refers to any more: they go with the rows that had them."""

from collections.abc import Iterator
from pathlib import Path

from google.cloud import bigquery

from connectors.objects import SCHEME
from schemas.clock import DAY_US
from schemas.retention import SHORTEST_DAYS
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.catalogue import qualified

TIMEOUT_S = 600.0
_CLAIMED = """
SELECT dataref AS address FROM `raw.changes` WHERE dataref IS NOT NULL
UNION DISTINCT
SELECT payload_uri FROM `ops.dead_letters` WHERE payload_uri IS NOT NULL
"""


def delete_unclaimed(client: bigquery.Client, objects: Path, now: int) -> int:
    """Deletes the files below a folder of objects that no row names; how many went.

    Those of the last days stay: a message that is retained, or on its way, may name them.
    """
    old = list(_older_than(objects, now - (SHORTEST_DAYS + 1) * DAY_US))
    if not old:
        return 0
    asked = rows(
        client,
        qualified(_CLAIMED, client.project),
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
    )
    claimed = {objects / row.address.removeprefix(SCHEME) for row in asked}
    unclaimed = [path for path in old if path not in claimed]
    for path in unclaimed:
        path.unlink(missing_ok=True)
    return len(unclaimed)


def _older_than(folder: Path, moment: int) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_mtime_ns // 1_000 < moment:
            yield path
