"""Time as the warehouse has it, for who compares it with what other machines have written there."""

import time
from collections.abc import Callable

from google.cloud import bigquery

from schemas.clock import to_us
from warehouse.bounded import rows

TIMEOUT_S = 60.0


class WarehouseClock:
    """A clock that is asked once, when it is first read, and counted on from there: that of a
    terminal may be wrong by half an hour, or be set meanwhile."""

    def __init__(
        self, client: bigquery.Client, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._monotonic = client, monotonic
        self._at_zero: int | None = None

    def __call__(self) -> int:
        """The present, in microseconds since the epoch."""
        if self._at_zero is None:
            [row] = rows(self._client, "SELECT CURRENT_TIMESTAMP() AS now", timeout_s=TIMEOUT_S)
            # As if the answer had taken no time: nothing seems older than it is, or waited for.
            self._at_zero = to_us(row["now"]) - _us(self._monotonic())
        return self._at_zero + _us(self._monotonic())


def _us(seconds: float) -> int:
    return int(seconds * 1_000_000)
