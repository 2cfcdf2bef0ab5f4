"""Publishes changes: fast, bounded, and never reported as published before Pub/Sub has them."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from google.api_core import exceptions, retry
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1 import types

from connectors.objects import ObjectStore
from schemas.change import Change, stable_hash
from schemas.envelope import CLAIM_CHECK_BYTES, MAX_MESSAGE_BYTES, encode, topic_of
from schemas.errors import FatalError, RetriableError

DEADLINE_S = 60.0
"""How long a message is tried, with all retries, before its publish has failed."""
MAX_BATCH_MESSAGES = 500
MAX_BATCH_BYTES = 1_000_000
MAX_BATCH_LATENCY_S = 0.02
LIVE_BATCH_LATENCY_S = 0.005
"""Where somebody waits for a few messages: a vendor's webhook, a cursor after each page."""
MAX_OUTSTANDING_MESSAGES = 10_000
MAX_OUTSTANDING_BYTES = 64 * 1024 * 1024
"""Above either, `publish` waits: a file of any size passes through this much memory."""

RETRIED = (
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)
"""https://cloud.google.com/pubsub/docs/retry-requests"""


class Published(NamedTuple):
    """What a flush has brought home: messages by topic, and how many payloads went by claim check
    since the publisher was made."""

    topics: dict[str, int]
    claim_checked: int

    @property
    def messages(self) -> int:
        """All of them."""
        return sum(self.topics.values())


def publisher_client(
    transport: Any = None,
    deadline_s: float = DEADLINE_S,
    batch_latency_s: float = MAX_BATCH_LATENCY_S,
) -> pubsub_v1.PublisherClient:
    """A client whose batches, flow control and retries suit bulk publishing.

    `transport` is that of an address of one's own (a PublisherGrpcTransport); None: the cloud, or
    PUBSUB_EMULATOR_HOST. `batch_latency_s`: how long a message waits for others at the most.
    """
    options = types.PublisherOptions(
        flow_control=types.PublishFlowControl(
            message_limit=MAX_OUTSTANDING_MESSAGES,
            byte_limit=MAX_OUTSTANDING_BYTES,
            limit_exceeded_behavior=types.LimitExceededBehavior.BLOCK,
        ),
        retry=retry.Retry(
            predicate=retry.if_exception_type(*RETRIED),
            initial=0.1,
            maximum=10.0,
            multiplier=2.0,
            timeout=deadline_s,
        ),
        timeout=min(deadline_s, 30.0),
    )
    batches = types.BatchSettings(
        max_messages=MAX_BATCH_MESSAGES,
        max_bytes=MAX_BATCH_BYTES,
        max_latency=batch_latency_s,
    )
    wanted = {} if transport is None else {"transport": transport}
    return pubsub_v1.PublisherClient(batches, options, **wanted)


class ChangePublisher:
    """Publishes to the topics of one project; for one thread at a time.

    `publish` returns before Pub/Sub has the message; `flush` returns when it has all, or raises. A
    cursor may move only after a flush.
    """

    def __init__(
        self,
        client: pubsub_v1.PublisherClient,
        project: str,
        objects: ObjectStore | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._client = client
        self._project = project
        self._objects = objects
        self._deadline_s = deadline_s
        self._paths: dict[str, str] = {}
        self._sent: Counter[str] = Counter()
        self._acknowledged: Counter[str] = Counter()
        self._failure: BaseException | None = None
        self._failed = 0
        self._open = 0
        self._claim_checked = 0
        self._settled = threading.Condition()

    def publish(self, change: Change) -> None:
        """Sends a change to its source's topic; above `CLAIM_CHECK_BYTES` its payload goes to the
        object store first. RetriableError where an earlier publish has failed."""
        if len(change.payload) > CLAIM_CHECK_BYTES and not change.dataref:
            name = f"payloads/{change.source}/{change.change_id}"
            uri = self._kept(name, change.payload)
            fields = {key: getattr(change, key) for key in change.__struct_fields__}
            change = Change(**{**fields, "dataref": uri})
        data, attributes = encode(change)
        self._send(topic_of(change.source), data, attributes)

    def publish_message(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Sends a message as it is: a replay, a notice, an input that could not be read. Data that
        no message can hold go to the object store, and attribute ce-dataref says where."""
        if len(data) > CLAIM_CHECK_BYTES:
            uri = self._kept(f"payloads/messages/{stable_hash(data)}", data)
            data, attributes = b"", {**attributes, "ce-dataref": uri}
        self._send(topic, data, attributes)

    def flush(self) -> Published:
        """Waits until Pub/Sub has everything; returns what it has got since the last flush.

        RetriableError if anything failed after the client's own retries: what was not acknowledged
        must be published again, and what was may be, for a repeated change is one change.
        """
        with self._settled:
            done = self._settled.wait_for(lambda: self._open == 0, self._deadline_s + 30.0)
            failure, failed = self._failure, self._failed
            open_messages, self._failure, self._failed = self._open, None, 0
            topics, self._acknowledged = dict(self._acknowledged), Counter()
        if not done:
            raise RetriableError(f"{open_messages} messages are not acknowledged in time")
        if failure is not None:
            raise RetriableError(
                f"{failed} messages could not be published: {type(failure).__name__}"
            ) from failure
        return Published(topics, self._claim_checked)

    def _kept(self, name: str, body: bytes) -> str:
        if self._objects is None:
            raise FatalError(
                f"a payload of {len(body)} bytes needs an object store (a message holds "
                f"{MAX_MESSAGE_BYTES}): configure one"
            )
        self._claim_checked += 1
        return self._objects.put(name, body)

    def _send(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        if self._failure is not None:
            # Nothing after the first failure: the flush says what happened.
            self.flush()
        path = self._paths.get(topic)
        if path is None:
            path = self._paths[topic] = f"projects/{self._project}/topics/{topic}"
        future = self._client.publish(path, data, **attributes)
        with self._settled:
            self._open += 1
        future.add_done_callback(lambda done: self._note(topic, done))

    def _note(self, topic: str, done: Any) -> None:
        failure = done.exception()
        with self._settled:
            self._open -= 1
            if failure is None:
                self._acknowledged[topic] += 1
            else:
                self._failed += 1
                self._failure = self._failure or failure
            if self._open == 0:
                self._settled.notify_all()
