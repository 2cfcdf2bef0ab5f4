"""The embedded Pub/Sub that jobs publish to; stand-ins of Google stand in tests/connectors."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from job_runs import PROJECT, Topics

from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer

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
