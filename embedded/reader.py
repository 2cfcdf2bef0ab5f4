"""Pulls one subscription in the background and keeps what it pulled leased until it is written.

The local runner asks its sources for more only when nothing is left to do (its executor adds work
from the roots when no bundle is running), and a bundle is done when the sink has every row. So a
message may be acknowledged when the reader is asked again after the message was handed out, and not
before: a crash in between leaves it unacknowledged, and it is delivered again.
"""

import contextlib
import logging
import os
import threading
from collections import deque
from typing import Any, NamedTuple

import grpc
from google.api_core import exceptions as api
from google.api_core.retry import Retry, if_exception_type
from google.cloud import pubsub_v1
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from schemas.clock import Clock

log = logging.getLogger(__name__)

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"

PULL_MESSAGES = 500
"""Messages a pull: enough to spread the cost of a bundle, few enough for a short round."""

OUTSTANDING_MESSAGES = 2_000
"""Pulled and not yet acknowledged; above this the reader stops pulling (back-pressure)."""

PULL_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 30.0
CALL_RETRY = Retry(
    predicate=if_exception_type(api.ServiceUnavailable, api.Aborted, api.Unknown),
    initial=0.1,
    maximum=2.0,
    timeout=CALL_TIMEOUT_S,
)
"""Of acknowledging and extending. What fails in the end is a GoogleAPIError, and is redelivered."""

RETRY_WAIT_S = 0.5
ACKS_A_CALL = 1_000
LEASE_S = 60
EXTEND_EVERY_S = 20.0


class Pulled(NamedTuple):
    """One message, as raw protobuf for speed; `publish_time` in microseconds."""

    ack_id: str
    message_id: str
    data: bytes
    attributes: dict[str, str]
    publish_time: int


def subscriber_client() -> pubsub_v1.SubscriberClient:
    """A client of the embedded server that also takes a message of 10 MB.

    The library's own channel to an emulator keeps gRPC's default of 4 MB.
    """
    host = os.environ.get(EMULATOR_VARIABLE)
    if not host:
        return pubsub_v1.SubscriberClient()
    channel = grpc.insecure_channel(host, options=[("grpc.max_receive_message_length", -1)])
    return pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


class SubscriptionReader:
    """Reads one subscription; `take` hands out, and acknowledges what was handed out before."""

    def __init__(self, subscription: str, arrived: threading.Event, clock: Clock) -> None:
        self._subscription = subscription
        self._arrived = arrived
        self._clock = clock
        self._client = subscriber_client()
        self._lock = threading.Lock()
        self._ready: deque[Pulled] = deque()
        self._handed_out: list[Pulled] = []
        self._room = threading.Event()
        self._stopped = threading.Event()
        self._low_water = 0
        self._pull_began = 0
        self._threads = [
            threading.Thread(target=self._pull, name=f"pull {subscription}", daemon=True),
            threading.Thread(target=self._extend, name=f"extend {subscription}", daemon=True),
        ]

    def start(self) -> None:
        """Starts pulling."""
        self._room.set()
        for thread in self._threads:
            thread.start()

    def ask_to_stop(self) -> None:
        """Pulls no more; `stop` waits for it."""
        self._stopped.set()
        self._room.set()

    def stop(self) -> None:
        """Stops pulling; what is not acknowledged will be delivered again."""
        self.ask_to_stop()
        for thread in self._threads:
            thread.join(timeout=PULL_TIMEOUT_S)
        self._give_back()
        with contextlib.suppress(Exception):
            self._client.close()

    def take(self, limit: int) -> list[Pulled]:
        """At most `limit` messages; what the call before handed out is acknowledged first."""
        done = self._handed_out
        if done:
            self._acknowledge(done)
        with self._lock:
            taken = [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]
            self._handed_out = taken
            waiting = taken or self._ready
            self._low_water = (
                min(message.publish_time for message in waiting) if waiting else self._pull_began
            )
            if len(self._ready) + len(taken) < OUTSTANDING_MESSAGES:
                self._room.set()
        return taken

    @property
    def low_water(self) -> int:
        """Everything published before this moment (microseconds) is fully written."""
        return self._low_water

    def _acknowledge(self, messages: list[Pulled]) -> None:
        for start in range(0, len(messages), ACKS_A_CALL):
            ack_ids = [message.ack_id for message in messages[start : start + ACKS_A_CALL]]
            try:
                self._client.acknowledge(
                    subscription=self._subscription,
                    ack_ids=ack_ids,
                    timeout=CALL_TIMEOUT_S,
                    retry=CALL_RETRY,
                )
            except api.GoogleAPIError as error:
                # They will come again and be found to be duplicates: nothing is lost.
                log.warning(
                    "acknowledge failed (%s): messages will be redelivered", type(error).__name__
                )

    def _give_back(self) -> None:
        """What was pulled and never handed out goes back at once, for whoever reads next."""
        with self._lock:
            ack_ids = [message.ack_id for message in self._ready]
            self._ready.clear()
        for start in range(0, len(ack_ids), ACKS_A_CALL):
            with contextlib.suppress(api.GoogleAPIError):
                self._client.modify_ack_deadline(
                    subscription=self._subscription,
                    ack_ids=ack_ids[start : start + ACKS_A_CALL],
                    ack_deadline_seconds=0,
                    timeout=CALL_TIMEOUT_S,
                    retry=CALL_RETRY,
                )

    def _pull(self) -> None:
        while not self._stopped.is_set():
            self._room.wait()
            began = self._clock()
            try:
                response = self._client.pull(
                    subscription=self._subscription,
                    max_messages=PULL_MESSAGES,
                    timeout=PULL_TIMEOUT_S,
                    retry=None,
                )
            except api.DeadlineExceeded:
                continue
            except (api.GoogleAPICallError, ValueError) as error:
                if self._stopped.is_set():
                    return
                log.warning("pull failed (%s): trying again", type(error).__name__)
                self._stopped.wait(RETRY_WAIT_S)
                continue
            received = [_pulled(entry) for entry in response._pb.received_messages]
            with self._lock:
                self._ready.extend(received)
                if not self._ready and not self._handed_out:
                    self._pull_began = began
                if len(self._ready) + len(self._handed_out) >= OUTSTANDING_MESSAGES:
                    self._room.clear()
            if received:
                self._arrived.set()

    def _extend(self) -> None:
        """Keeps the leases of what waits or is in work, so that an outage repeats nothing."""
        while not self._stopped.wait(EXTEND_EVERY_S):
            with self._lock:
                held = [message.ack_id for message in (*self._ready, *self._handed_out)]
            for start in range(0, len(held), ACKS_A_CALL):
                with contextlib.suppress(api.GoogleAPIError):
                    self._client.modify_ack_deadline(
                        subscription=self._subscription,
                        ack_ids=held[start : start + ACKS_A_CALL],
                        ack_deadline_seconds=LEASE_S,
                        timeout=CALL_TIMEOUT_S,
                        retry=CALL_RETRY,
                    )


def _pulled(entry: Any) -> Pulled:
    message = entry.message
    stamp = message.publish_time
    return Pulled(
        entry.ack_id,
        message.message_id,
        message.data,
        dict(message.attributes),
        stamp.seconds * 1_000_000 + stamp.nanos // 1_000,
    )
