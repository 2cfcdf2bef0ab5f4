"""google.pubsub.v1.Subscriber, as far as its client and Beam use it."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from embedded.pubsub.broker import LONG_POLL_S, Broker
from embedded.pubsub.calls import Methods, streaming, unary
from embedded.pubsub.faults import Faults, answer_bytes
from embedded.pubsub.streaming import Stream
from embedded.pubsub.subscribed import MAX_ACK_DEADLINE_S, Received

SERVICE = "google.pubsub.v1.Subscriber"
ReceivedPb = types.ReceivedMessage.pb()


def received_pb(received: Received) -> Any:
    """A delivered message as the client reads it."""
    stored = received.stored
    pb = ReceivedPb(ack_id=received.ack_id, delivery_attempt=received.attempt)
    message = pb.message
    message.data = stored.data
    message.message_id = str(stored.id)
    message.ordering_key = stored.ordering
    message.attributes.update(stored.attributes)
    message.publish_time.seconds, micros = divmod(stored.published, 1_000_000)
    message.publish_time.nanos = micros * 1_000
    return pb


class Subscriber:
    """The service, on a broker."""

    def __init__(self, broker: Broker, faults: Faults) -> None:
        self._broker = broker
        self._faults = faults

    def methods(self) -> Methods:
        """Method name to its kind, function and request class."""
        return {
            "CreateSubscription": unary(self.create, types.Subscription),
            "GetSubscription": unary(self.get, types.GetSubscriptionRequest),
            "UpdateSubscription": unary(self.update, types.UpdateSubscriptionRequest),
            "ListSubscriptions": unary(self.list_all, types.ListSubscriptionsRequest),
            "DeleteSubscription": unary(self.delete, types.DeleteSubscriptionRequest),
            "Pull": unary(self.pull, types.PullRequest),
            "StreamingPull": streaming(self.streaming_pull, types.StreamingPullRequest),
            "Acknowledge": unary(self.acknowledge, types.AcknowledgeRequest),
            "ModifyAckDeadline": unary(self.modify, types.ModifyAckDeadlineRequest),
        }

    def create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """CreateSubscription."""
        return self._broker.create_subscription(request)

    def get(self, request: Any, context: grpc.ServicerContext) -> Any:
        """GetSubscription."""
        return self._broker.subscribed(request.subscription).pb

    def update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """UpdateSubscription."""
        return self._broker.update_subscription(request.subscription, request.update_mask.paths)

    def list_all(self, request: Any, context: grpc.ServicerContext) -> Any:
        """ListSubscriptions, all on one page."""
        found = self._broker.subscriptions(request.project)
        return types.ListSubscriptionsResponse.pb()(subscriptions=found)

    def delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """DeleteSubscription."""
        self._broker.delete_subscription(request.subscription)
        return empty_pb2.Empty()

    def pull(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Pull: waits up to a second for a first message, unless told to return at once."""
        if request.max_messages <= 0:
            raise ValueError("max_messages must be above 0")
        wait_s = 0.0 if request.return_immediately else LONG_POLL_S
        found = self._broker.pull(
            request.subscription,
            request.max_messages,
            wait_s,
            most_bytes=answer_bytes(self._faults.plan),
            wanted=context.is_active,
        )
        return types.PullResponse.pb()(received_messages=self.deliverable(found))

    def deliverable(self, found: Sequence[Received]) -> list[Any]:
        """The messages as protobufs, twice where the faults say so."""
        messages = [received_pb(received) for received in found]
        return messages + messages if self._faults.plan.duplicates else messages

    def streaming_pull(
        self, requests: Iterator[Any], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        """StreamingPull."""
        yield from Stream(self._broker, self._faults, self.deliverable).run(requests, context)

    def acknowledge(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Acknowledge: on disk when it is answered."""
        if not self._faults.plan.drop_acknowledgements:
            self._broker.acknowledge(request.subscription, request.ack_ids)
        return empty_pb2.Empty()

    def modify(self, request: Any, context: grpc.ServicerContext) -> Any:
        """ModifyAckDeadline; 0 s is a nack."""
        if not 0 <= request.ack_deadline_seconds <= MAX_ACK_DEADLINE_S:
            raise ValueError(f"an ack deadline is 0 to {MAX_ACK_DEADLINE_S} s")
        self._broker.modify(request.subscription, request.ack_ids, request.ack_deadline_seconds)
        return empty_pb2.Empty()
