"""The compactions of a project in the cloud, as their runs tell: who must not meet one waits.

On one machine a lock in the data directory holds them apart.
"""

import time
from collections.abc import Callable
from typing import Any

from google.cloud import bigquery

from operations.console import console
from schemas.clock import DAY_US, Clock, from_us, wall_clock
from warehouse.bounded import rows
from warehouse.catalogue import qualified
from warehouse.compaction import TIMEOUT_S as STATEMENT_S

LOOKS_EVERY_S = 5.0
ASK_TIMEOUT_S = 60.0
LOST_S = STATEMENT_S + 300.0
"""A run that has noted nothing for so long is over, killed or not, and so is the last statement
that it began: the warehouse ends that by itself."""

_RUNS = """
SELECT run_id, status, noted_at FROM (
  SELECT run_id, status, noted_at,
    ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY noted_at DESC) AS place
  FROM `ops.runs` WHERE command = 'compact' AND noted_date >= @day
) WHERE place = 1
"""


class Compactions:
    """Asked by who takes rows away. A run is noted before it touches a table."""

    def __init__(
        self,
        client: bigquery.Client,
        clock: Clock = wall_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._clock, self._sleep = client, clock, sleep

    def until_none(self) -> frozenset[str]:
        """Returns when none is at work; the runs that there were until now."""
        waits = False
        while True:
            runs = self._runs()
            alive = from_us(self._clock() - int(LOST_S * 1_000_000))
            if not any(run.status == "running" and run.noted_at >= alive for run in runs):
                return frozenset(run.run_id for run in runs)
            if not waits:
                waits = True
                console.print("a compaction is at work: waiting for its end")
            self._sleep(LOOKS_EVERY_S)

    def begun_besides(self, known: frozenset[str]) -> bool:
        """Whether one has begun, and perhaps ended, since `until_none` gave these."""
        return any(run.run_id not in known for run in self._runs())

    def _runs(self) -> list[Any]:
        """The newest row of each run of these days."""
        # A run of yesterday that ends today is not taken for a new one.
        first = from_us((self._clock() // DAY_US - 2) * DAY_US).date()
        day = bigquery.ScalarQueryParameter("day", "DATE", first)
        sql = qualified(_RUNS, self._client.project)
        return list(rows(self._client, sql, [day], timeout_s=ASK_TIMEOUT_S))
