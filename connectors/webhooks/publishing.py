"""Publishes what a delivery says, and returns when Pub/Sub has it."""

import threading
from collections.abc import Callable

from connectors.bad_input import bad_input_message
from connectors.publisher import ChangePublisher
from connectors.webhooks.receiver import Received


class Publishing:
    """A publisher a thread: `make` gives one, all over one client. Thread-safe."""

    def __init__(self, make: Callable[[], ChangePublisher]) -> None:
        self._make = make
        self._mine = threading.local()

    def __call__(self, received: Received) -> None:
        """Publishes all of it; RetriableError where any of it has not arrived."""
        publisher: ChangePublisher | None = getattr(self._mine, "publisher", None)
        if publisher is None:
            publisher = self._mine.publisher = self._make()
        for change in received.changes:
            publisher.publish(change)
        for hint in received.hints:
            publisher.publish_message(*hint.message())
        for bad in received.bad:
            publisher.publish_message(*bad_input_message(bad))
        publisher.flush()
