"""One streaming pull: what the client says comes in on one side, messages go out on the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
from google.pubsub_v1 import types

from embedded.pubsub.broker import Broker
from embedded.pubsub.faults import Faults, answer_bytes
from embedded.pubsub.subscribed import Received

MESSAGES_AN_ANSWER = 500
POLL_S = 0.2
ResponsePb = types.StreamingPullResponse.pb()


class Stream:
    """A client's stream: its flow control counts what it holds and has not acknowledged."""

    def __init__(
        self,
        broker: Broker,
        faults: Faults,
        deliverable: Callable[[Sequence[Received]], list[Any]],
    ) -> None:
        self._broker = broker
        self._faults = faults
        self._deliverable = deliverable
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._failure: Exception | None = None
        self._name = ""
        self._deadline_s = 10
        self._most_messages = 0
        self._most_bytes = 0

    def run(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """Answers until the client is gone; after a half-close it still delivers."""
        first = next(requests, None)
        if first is None:
            return
        self._name = first.subscription
        self._broker.subscribed(self._name)
        self._deadline_s = first.stream_ack_deadline_seconds or self._deadline_s
        self._most_messages = first.max_outstanding_messages
        self._most_bytes = first.max_outstanding_bytes
        context.add_callback(self._closed.set)
        self._heed(first)
        listener = threading.Thread(target=self._listen, args=(requests,), daemon=True)
        listener.start()
        while not self._closed.is_set() and context.is_active():
            seen = self._broker.version(self._name)
            messages, size = self._room()
            if messages <= 0 or size <= 0:
                self._broker.wait(self._name, seen, POLL_S)
                continue
            found = self._broker.pull(
                self._name,
                messages,
                POLL_S,
                most_bytes=size,
                deadline_s=self._deadline_s,
                wanted=context.is_active,
            )
            if not found:
                continue
            with self._lock:
                self._held.update({r.ack_id: len(r.stored.data) for r in found})
            yield ResponsePb(received_messages=self._deliverable(found))
        if self._failure is not None:
            raise self._failure

    def _room(self) -> tuple[int, int]:
        """How many messages and bytes the client takes now.

        What it holds is asked of the leases: the client may acknowledge by calls of its own, beside
        the stream.
        """
        with self._lock:
            leased = self._broker.leased(self._name, self._held)
            self._held = {ack_id: self._held[ack_id] for ack_id in leased}
            messages, size = MESSAGES_AN_ANSWER, answer_bytes(self._faults.plan)
            if self._most_messages > 0:
                messages = min(messages, self._most_messages - len(self._held))
            if self._most_bytes > 0:
                size = min(size, self._most_bytes - sum(self._held.values()))
        return messages, size

    def _listen(self, requests: Iterator[Any]) -> None:
        try:
            for request in requests:
                self._heed(request)
        except grpc.RpcError:
            # The client is gone; what it held is delivered again when its lease ends.
            self._closed.set()
        except Exception as error:
            self._failure = error
            self._closed.set()

    def _heed(self, request: Any) -> None:
        if request.stream_ack_deadline_seconds:
            self._deadline_s = request.stream_ack_deadline_seconds
        if request.ack_ids and not self._faults.plan.drop_acknowledgements:
            self._broker.acknowledge(self._name, request.ack_ids)
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise ValueError("as many deadlines as ack ids")
        of_deadline: dict[int, list[str]] = {}
        for ack_id, seconds in zip(
            request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True
        ):
            of_deadline.setdefault(seconds, []).append(ack_id)
        for seconds, ack_ids in of_deadline.items():
            self._broker.modify(self._name, ack_ids, seconds)
