"""The step that puts messages back onto their topics: what replay and backfill end in."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from connectors.objects import ObjectStore
from connectors.publisher import ChangePublisher, publisher_client
from pipelines.job_run import Done
from pipelines.replay import Message
from schemas.errors import ConfigurationError
from transforms.metrics import MESSAGES_LEFT, MESSAGES_PUBLISHED, counter

log = logging.getLogger(__name__)

ToMessage = Callable[[Any, ObjectStore], Message | None]
"""What is published of an element; None: nothing, and ConfigurationError says why there is none."""


class PublishFn(beam.DoFn):  # type: ignore[misc]
    """Publishes; a bundle is done when Pub/Sub has every message of it.

    A bundle that fails comes again and publishes again: the same changes, which Dedupe knows.
    """

    def __init__(self, project: str, objects: ObjectStore, to_message: ToMessage) -> None:
        self._project = project
        self._objects = objects
        self._to_message = to_message
        self._publisher: ChangePublisher | None = None
        self._without = 0
        self._published = counter(MESSAGES_PUBLISHED)
        self._left = counter(MESSAGES_LEFT)

    def start_bundle(self) -> None:
        """Begins with nothing of a bundle that failed."""
        self._publisher = ChangePublisher(publisher_client(), self._project, self._objects)
        self._without = 0

    def process(self, element: Any) -> None:
        """Publishes the message of an element, or counts what has none."""
        assert self._publisher is not None
        try:
            message = self._to_message(element, self._objects)
        except ConfigurationError as error:
            log.warning("left where it is: %s", error)
            message = None
        if message is None:
            self._left.inc()
            self._without += 1
            return
        self._publisher.publish_message(*message)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Waits until Pub/Sub has all; how many."""
        assert self._publisher is not None
        messages = self._publisher.flush().messages
        self._published.inc(messages)
        done: Done = (messages, self._without, 0)
        yield GlobalWindows.windowed_value(done)
