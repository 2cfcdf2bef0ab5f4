"""The sandbox sends its events to the service, the poller reads behind: one call in the end."""

import random
from pathlib import Path

from conformance import Run
from dialpad_harness import DialpadHarness, dialpad

from connectors.dialpad.webhook import DialpadReceiver
from connectors.webhooks.receiver import Received
from connectors.webhooks.service import WebhookService
from sandbox.vendors.dialpad.events import deliver, life_of, sms_event
from sandbox.vendors.server import served
from schemas.errors import RetriableError

SECRET = "a secret of thirty-two bytes, at least"


class Topic:
    """Where events are published; every third time it is down."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.tries = 0

    def __call__(self, received: Received) -> None:
        self.tries += 1
        if self.tries % 3 == 0:
            raise RetriableError("Pub/Sub is down")
        self._run.collector.changes += received.changes


def hooks(harness: DialpadHarness, topic: Topic) -> WebhookService:
    harness.vault.values["env:HOOK"] = SECRET
    settings = harness.connector(webhook_secrets=("env:HOOK",))
    assert settings.source == "dialpad"
    receiver = DialpadReceiver(harness.settings, harness.vault, clock=harness.state.clock)
    return WebhookService({"dialpad": receiver}, topic)


def test_trap_46_events_and_polls_in_any_order_end_as_the_source_has_it(tmp_path: Path) -> None:
    with dialpad() as harness:
        harness.objects = ("call",)
        run = Run(harness, tmp_path)
        topic = Topic(run)
        service = hooks(harness, topic)
        run.until_read()
        calls = [harness.state.new_call(length_s=60) for _ in range(4)]
        harness.pass_time(10)
        events = [event for call_id in calls for event in life_of(harness.state, call_id)]
        texts = [sms_event(harness.state, inbound=turn % 2 == 0) for turn in range(3)]
        events += [*events[::2], *texts]
        random.Random(3).shuffle(events)
        with served(service.app) as address:
            for turn, event in enumerate(events):
                assert deliver(f"{address}/webhooks/dialpad", event, SECRET) == 200
                if turn == len(events) // 2:
                    run.until_read()
            assert deliver(f"{address}/webhooks/dialpad", events[0], SECRET[::-1]) == 401
            assert deliver(f"{address}/webhooks/dialpad", events[0]) == 401
        run.until_read()
        found = run.collector.newest()
        for key, record in harness.expected().items():
            assert found.pop(key) == record
        # What is left came by event alone: three afterthoughts a call, and the text messages.
        assert len([key for key in found if key.startswith("dialpad:call_event:")]) == 3 * 4
        assert {key for key in found if key.startswith("dialpad:sms:")} == {
            f"dialpad:sms:{event['id']}" for event in texts
        }
        assert len(found) == 3 * 4 + 3
        counts = service.tally.counts()
        assert counts["dialpad", "repeated"] == 4 * 3
        assert counts["dialpad", "failed"] == topic.tries // 3
        assert counts["dialpad", "refused"] == 2
