"""Runs of other commands, as ops.runs tells of them: who must not meet one waits.

On one machine a lock in the data directory keeps compactions apart.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from google.cloud import bigquery

from schemas.clock import DAY_US, Clock, from_us, wall_clock
from schemas.errors import RetriableError
from schemas.operations import SILENT_S
from warehouse.bounded import rows
from warehouse.catalogue import qualified
from warehouse.compaction import TIMEOUT_S as STATEMENT_S

LOOKS_EVERY_S = 5.0
ASK_TIMEOUT_S = 60.0

_RUNS = """
SELECT run_id, status, noted_at FROM (
  SELECT run_id, status, noted_at,
    ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY status = 'running', noted_at DESC) AS place
  FROM `ops.runs` WHERE command = @command AND noted_date >= @day
) WHERE place = 1
"""


class Watched(NamedTuple):
    """A command whose runs are waited for."""

    command: str
    said: str
    """What is at work, in words."""
    lost_s: float
    """After how long without a word a run is over, and all that it began."""


COMPACTIONS = Watched("compact", "a compaction", STATEMENT_S + SILENT_S)
"""The warehouse ends the last statement that a killed one began by itself."""
CHECKS = Watched("quality", "a check of the rules", SILENT_S)
"""One keeps keys of records that it has read up to an hour before; a killed one keeps nothing."""
REBUILDS = Watched("rebuild", "a rebuild", 6 * SILENT_S)
"""No step of it works while Dataflow hands everything from one to the next, and none says so."""
REPLAYS = Watched("replay", "a replay", SILENT_S)
"""As a rebuild: what it has read before an erasure it writes, or publishes, after that."""
ERASURES = Watched("erase", "an erasure", SILENT_S)


def _nobody(said: str) -> None:
    """Tells nobody."""


class OtherRuns:
    """Asked by who takes rows away. A run is noted before it reads or touches a table."""

    def __init__(
        self,
        client: bigquery.Client,
        watched: Watched,
        clock: Clock = wall_clock,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = _nobody,
    ) -> None:
        self._client, self._watched = client, watched
        self._clock, self._sleep, self._tell = clock, sleep, tell

    def until_none(self) -> frozenset[str]:
        """Returns when none is at work; the runs that there were until now."""
        waits = False
        while self._alive(runs := self._runs()):
            if not waits:
                waits = True
                self._tell(f"{self._watched.said} is at work: waiting for its end")
            self._sleep(LOOKS_EVERY_S)
        return frozenset(run.run_id for run in runs)

    def refuse(self) -> None:
        """RetriableError where one is at work."""
        if self._alive(self._runs()):
            raise RetriableError(f"{self._watched.said} is at work: do it again when it has ended")

    def begun_besides(self, known: frozenset[str]) -> bool:
        """Whether one has begun, and perhaps ended, since `until_none` gave these."""
        return any(run.run_id not in known for run in self._runs())

    def _alive(self, runs: Iterable[Any]) -> bool:
        since = from_us(self._clock() - int(self._watched.lost_s * 1_000_000))
        return any(run.status == "running" and run.noted_at >= since for run in runs)

    def _runs(self) -> list[Any]:
        """The newest row of each run of these days."""
        # A run of yesterday that ends today is not taken for a new one.
        first = from_us((self._clock() // DAY_US - 2) * DAY_US).date()
        parameters = [
            bigquery.ScalarQueryParameter("command", "STRING", self._watched.command),
            bigquery.ScalarQueryParameter("day", "DATE", first),
        ]
        sql = qualified(_RUNS, self._client.project)
        return list(rows(self._client, sql, parameters, timeout_s=ASK_TIMEOUT_S))
