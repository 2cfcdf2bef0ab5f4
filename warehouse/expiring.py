"""What has expired, deleted as a run of its own."""

from collections.abc import Callable, Mapping

from google.cloud import bigquery

from schemas.clock import Clock, wall_clock
from transforms.settings import Retention
from warehouse.clients import Endpoint, bigquery_client
from warehouse.retention import expire
from warehouse.runs import noted_run

Step = Callable[[bigquery.Client], Mapping[str, int]]
"""What else goes, once the rows are gone; how much, by what it is."""


def expire_noted(
    endpoint: Endpoint,
    retention: Retention,
    clock: Clock = wall_clock,
    then: Step | None = None,
) -> dict[str, int]:
    """Rows that went, by table. Nothing else may move or take away rows meanwhile; who calls sees
    to it."""
    with noted_run(endpoint, "retention") as run:
        client = bigquery_client(endpoint)
        try:
            gone = expire(client, retention, clock=clock)
            gone |= then(client) if then and not retention.holds_all else {}
        finally:
            client.close()
        run.changes, run.detail = sum(gone.values()), dict(gone)
    return gone
