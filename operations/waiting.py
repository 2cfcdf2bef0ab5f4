"""Waiting until the pipeline has taken everything in: by the account, not by the clock."""

import logging
import time
from collections.abc import Callable

from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from embedded.directory import DataDirectory
from operations.console import NO_ANSWER, still_running
from pipelines.recovery import written_until
from schemas.errors import RetriableError
from warehouse.bounded import rows

log = logging.getLogger(__name__)

EVERY_S = 0.5
PROBE_EVERY_S = 0.05
STILL_S = 180.0
"""The pipeline counts as stuck when nothing has been written for that long."""

TIMEOUT_S = 60.0
"""Of one count."""

ANSWER = DEFAULT_RETRY.with_timeout(3.0)
"""Whoever waits asks again by himself, and looks in between whether the stack is still there. By
default the client tries for ten minutes."""

ACCOUNTED = """
SELECT COUNT(DISTINCT message_id) AS n FROM (
  SELECT message_id FROM `raw.changes` UNION ALL
  SELECT message_id FROM `raw.duplicates` UNION ALL
  SELECT message_id FROM `ops.dead_letters` WHERE message_id IS NOT NULL
)
"""


def accounted(client: bigquery.Client) -> int:
    """Messages that have ended in raw.changes, raw.duplicates or ops.dead_letters."""
    return int(next(iter(rows(client, ACCOUNTED, timeout_s=TIMEOUT_S, retry=ANSWER))).n)


def _accounted_or(last: int, client: bigquery.Client) -> int:
    try:
        return accounted(client)
    except NO_ANSWER as error:
        log.warning("the warehouse does not answer (%s): asking again", type(error).__name__)
        return last


def until_accounted(
    client: bigquery.Client,
    goal: int,
    progress: Callable[[int], None] = lambda count: None,
    still_s: float = STILL_S,
    directory: DataDirectory | None = None,
) -> int:
    """Returns when `goal` messages are accounted for; RetriableError where nothing moves, and at
    once where the stack on the directory has ended.

    A warehouse that does not answer is waited for: it is restarted, and nothing is lost with it.
    """
    last, moved = 0, time.monotonic()
    while True:
        if directory is not None:
            still_running(directory)
        count = _accounted_or(last, client)
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


def until_written(directory: DataDirectory, moment: int, still_s: float = STILL_S) -> None:
    """Returns when all rows of what was published before `moment` (microseconds) are written.

    Those of the resolver too, which come after the change is accounted for.
    """
    deadline = time.monotonic() + still_s
    while True:
        if written_until(directory.marks) >= moment:
            return
        still_running(directory)
        if time.monotonic() > deadline:
            raise RetriableError(
                f"the pipeline has not caught up within {still_s:.0f} s: see `salesintel status`"
            )
        time.sleep(PROBE_EVERY_S)


def until_queryable(client: bigquery.Client, record_key: str, still_s: float = STILL_S) -> None:
    """Returns when a query finds a row of an interaction."""
    key = [bigquery.ScalarQueryParameter("record_key", "STRING", record_key)]
    sql = "SELECT COUNT(*) AS n FROM `sales.interactions` WHERE record_key = @record_key"
    deadline = time.monotonic() + still_s
    while not next(iter(rows(client, sql, key, timeout_s=TIMEOUT_S, retry=ANSWER))).n:
        if time.monotonic() > deadline:
            raise RetriableError(f"no row within {still_s:.0f} s: see `salesintel status`")
        time.sleep(PROBE_EVERY_S)
