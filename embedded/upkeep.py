"""The upkeep of a running stack's warehouse: hourly the compaction, daily what has expired.

A thread of the supervisor, which has a client of the warehouse anyhow. What fails is noted in
ops.runs and in the log, and tried again an hour later.
"""

import logging
import threading
from collections.abc import Callable

from google.cloud import bigquery

from embedded.directory import DataDirectory
from embedded.unclaimed import delete_unclaimed
from pipelines.recovery import MARGIN_US, written_until
from schemas.clock import DAY_US, Clock, wall_clock
from schemas.errors import RetriableError
from transforms.settings import Retention
from warehouse.clients import Endpoint
from warehouse.compacting import compact_noted
from warehouse.compaction import SMALL_ROWS
from warehouse.expiring import expire_noted

log = logging.getLogger(__name__)

FIRST_S = 600.0
EVERY_S = 3_600.0
STOP_S = 10.0


def settled(directory: DataDirectory) -> int:
    """The moment (microseconds) before which every row that was made is written.

    A row is made after its message was published; whatever was published before the low-water marks
    is fully written. RetriableError where the pipeline has none.
    """
    written = written_until(directory.marks)
    if not written:
        raise RetriableError("the pipeline has not said how far it is: see `salesintel status`")
    return max(written - MARGIN_US, 1)


def compact_once(
    directory: DataDirectory,
    endpoint: Endpoint,
    small: int = SMALL_ROWS,
    *,
    anew: bool = False,
) -> dict[str, int]:
    """A compaction as a run of its own; rows put into each current table."""
    with directory.upkeep():
        return compact_noted(endpoint, lambda: settled(directory), small, anew=anew)


def expire_once(
    directory: DataDirectory, endpoint: Endpoint, retention: Retention, clock: Clock = wall_clock
) -> dict[str, int]:
    """What has expired, deleted as a run of its own; rows that went, by table, and payloads that no
    row has any more."""

    def payloads(client: bigquery.Client) -> dict[str, int]:
        count = delete_unclaimed(client, directory.objects, clock())
        return {"objects": count} if count else {}

    with directory.upkeep():
        return expire_noted(endpoint, retention, clock, payloads)


class Upkeep:
    """The thread."""

    def __init__(
        self,
        directory: DataDirectory,
        endpoint: Endpoint,
        retention: Retention,
        clock: Clock = wall_clock,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._directory, self._endpoint, self._retention = directory, endpoint, retention
        self._clock = clock
        self._first_s, self._every_s = first_s, every_s
        self._expired_on = -1
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begins; the first time comes after a while."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what it has in hand is given up, and taken up where it was the next time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._stopping.wait(wait_s):
            self.once()
            wait_s = self._every_s

    def once(self) -> None:
        """The compaction; then, the first time of each day (UTC), what has expired."""
        self._tried(lambda: compact_once(self._directory, self._endpoint))
        today = self._clock() // DAY_US
        if today != self._expired_on and self._tried(
            lambda: expire_once(self._directory, self._endpoint, self._retention, self._clock)
        ):
            self._expired_on = today

    def _tried(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except Exception as error:
            if not self._stopping.is_set():
                # The text may quote what stands in a row.
                log.warning("upkeep failed and is tried again: %s", type(error).__name__)
            return False
        return True
