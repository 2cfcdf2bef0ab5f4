"""A HubSpot of contacts and companies that has been read, and the hints of its webhooks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance import Run
from hubspot_harness import HubSpotHarness, Vault, hubspot

from connectors.hubspot.webhook import HubSpotReceiver
from connectors.stream import Page
from connectors.webhooks.receiver import Delivery
from sandbox.vendors.hubspot.webhooks import signed_headers
from schemas.change import Change

URL = "https://hooks.alderpeak.example/webhooks/hubspot"


@contextmanager
def contacts_and_companies() -> Iterator[HubSpotHarness]:
    with hubspot() as harness:
        harness.objects = ("contact", "company")
        harness.configure(webhook_secrets=("env:HUBSPOT_SECRET",))
        yield harness


def begun(harness: HubSpotHarness, tmp_path: Path) -> Run:
    """A run after two rounds, the second of which had nothing to read."""
    run = Run(harness, tmp_path)
    assert run.round().succeeded
    harness.pass_time(90)
    assert run.round().succeeded
    return run


def first_two(harness: HubSpotHarness, path: str = "contacts") -> tuple[str, str]:
    one, two = list(harness.account.live(path))[:2]
    return one.id, two.id


def hints(harness: HubSpotHarness, events: list[dict[str, Any]] | None = None) -> list[bytes]:
    """What the webhook makes of the events that wait, or of these."""
    if events is None:
        events, harness.account.events = harness.account.events, []
    body = json.dumps(events).encode()
    headers = signed_headers("app-secret", "POST", URL, body, harness.account.now())
    lower = {name.lower(): value for name, value in headers.items()}
    receiver = HubSpotReceiver(harness.settings, Vault(), lambda: harness.now[0])
    received = receiver.receive(Delivery("POST", URL, lower, body))
    assert not received.bad
    return [hint.data for hint in received.hints]


def fetched(run: Run, data: list[bytes]) -> Page:
    """Fetches, as after a restart, and publishes."""
    page = run.harness.connector().fetcher().fetch(data)  # type: ignore[attr-defined]
    run.collector.changes += page.changes
    return page


def of(run: Run, record_id: str) -> list[Change]:
    return [change for change in run.collector.changes if change.object_id == record_id]
