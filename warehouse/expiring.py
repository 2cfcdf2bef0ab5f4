"""What has expired, deleted as a run of its own."""

from schemas.clock import Clock, wall_clock
from transforms.settings import Retention
from warehouse.clients import Endpoint, bigquery_client
from warehouse.retention import expire
from warehouse.runs import noted_run


def expire_noted(
    endpoint: Endpoint, retention: Retention, clock: Clock = wall_clock
) -> dict[str, int]:
    """Rows that went, by table. Nothing else may move or take away rows meanwhile; who calls sees
    to it."""
    with noted_run(endpoint, "retention") as run:
        client = bigquery_client(endpoint)
        try:
            gone = expire(client, retention, clock=clock)
        finally:
            client.close()
        run.changes, run.detail = sum(gone.values()), dict(gone)
    return gone
