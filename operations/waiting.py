"""Waiting until the pipeline has taken everything in: by the account, not by the clock."""

import time
from collections.abc import Callable

from google.cloud import bigquery

from schemas.errors import RetriableError

EVERY_S = 0.5
STILL_S = 180.0
"""The pipeline counts as stuck when nothing has been written for that long."""

ACCOUNTED = """
SELECT COUNT(DISTINCT message_id) AS n FROM (
  SELECT message_id FROM `raw.changes` UNION ALL
  SELECT message_id FROM `raw.duplicates` UNION ALL
  SELECT message_id FROM `ops.dead_letters` WHERE message_id IS NOT NULL
)
"""


def accounted(client: bigquery.Client) -> int:
    """Messages that have ended in raw.changes, raw.duplicates or ops.dead_letters."""
    return int(next(iter(client.query_and_wait(ACCOUNTED))).n)


def until_accounted(
    client: bigquery.Client,
    goal: int,
    progress: Callable[[int], None] = lambda count: None,
    still_s: float = STILL_S,
) -> int:
    """Returns when `goal` messages are accounted for; RetriableError where nothing moves."""
    last, moved = -1, time.monotonic()
    while True:
        count = accounted(client)
        progress(count)
        if count >= goal:
            return count
        if count != last:
            last, moved = count, time.monotonic()
        elif time.monotonic() - moved > still_s:
            raise RetriableError(
                f"{goal - count} of {goal} messages are not accounted for and nothing has been "
                f"written for {still_s:.0f} s: see `salesintel status`"
            )
        time.sleep(EVERY_S)
