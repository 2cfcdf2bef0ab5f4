"""A compaction as a run of its own."""

from collections.abc import Callable

from warehouse.clients import Endpoint, bigquery_client
from warehouse.compaction import SMALL_ROWS, compact
from warehouse.runs import noted_run


def compact_noted(
    endpoint: Endpoint,
    settled: Callable[[], int],
    small: int = SMALL_ROWS,
    *,
    anew: bool = False,
) -> dict[str, int]:
    """Rows put into each current table; `settled` and `anew` as of `compact`. Nothing else may move
    or take away rows meanwhile; who calls sees to it."""
    with noted_run(endpoint, "compact") as run:
        client = bigquery_client(endpoint)
        try:
            put = compact(client, settled(), small=small, anew=anew)
        finally:
            client.close()
        run.changes, run.detail = sum(put.values()), dict(put)
    return put
