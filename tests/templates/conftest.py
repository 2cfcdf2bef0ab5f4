"""The embedded Pub/Sub that jobs publish to, and the warehouse that they note their runs in;
stand-ins of Google stand in tests/connectors."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from job_runs import PROJECT, Topics

from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from embedded.warehouse import WarehouseServer
from schemas.tables import BY_ID
from warehouse.clients import Endpoint, bigquery_client
from warehouse.provision import provision

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path.insert(0, str(CONNECTORS))


@pytest.fixture
def topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topics]:
    server = PubSubServer(tmp_path / "pubsub")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    provision_messaging(PROJECT)
    with pubsub_v1.SubscriberClient() as subscriber:
        yield Topics(subscriber)
    server.stop()


@pytest.fixture(scope="module")
def noting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A warehouse that has ops.runs."""
    server = WarehouseServer(tmp_path_factory.mktemp("runs") / "data")
    endpoint = server.start()
    with bigquery_client(endpoint) as client:
        provision(client, tables=[BY_ID["ops.runs"]])
    yield endpoint
    server.stop()
