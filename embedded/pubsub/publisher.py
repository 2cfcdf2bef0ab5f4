"""google.pubsub.v1.Publisher, as far as its client uses it.

Limits: https://cloud.google.com/pubsub/quotas#resource_limits
"""

from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from embedded.pubsub.broker import Broker
from embedded.pubsub.calls import Methods, unary
from embedded.pubsub.store import Publication
from schemas.envelope import (
    MAX_ATTRIBUTE_KEY_BYTES,
    MAX_ATTRIBUTE_VALUE_BYTES,
    MAX_ATTRIBUTES,
    MAX_MESSAGE_BYTES,
    MAX_ORDERING_KEY_BYTES,
)

MAX_MESSAGES_A_CALL = 1_000
MAX_CALL_BYTES = 10 * 1024 * 1024
SERVICE = "google.pubsub.v1.Publisher"


def refusal(message: Any) -> str:
    """Which limit a message breaks; empty where none."""
    if not message.data and not message.attributes:
        return "a message needs data or an attribute"
    if len(message.data) > MAX_MESSAGE_BYTES:
        return f"data of more than {MAX_MESSAGE_BYTES} bytes"
    if len(message.attributes) > MAX_ATTRIBUTES:
        return f"more than {MAX_ATTRIBUTES} attributes"
    if len(message.ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
        return f"an ordering key of more than {MAX_ORDERING_KEY_BYTES} bytes"
    for key, value in message.attributes.items():
        if not key or len(key.encode()) > MAX_ATTRIBUTE_KEY_BYTES:
            return (
                f"an attribute key that is empty or has more than {MAX_ATTRIBUTE_KEY_BYTES} bytes"
            )
        if len(value.encode()) > MAX_ATTRIBUTE_VALUE_BYTES:
            return f"an attribute value of more than {MAX_ATTRIBUTE_VALUE_BYTES} bytes"
    return ""


class Publisher:
    """The service, on a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def methods(self) -> Methods:
        """Method name to its kind, function and request class."""
        return {
            "CreateTopic": unary(self.create_topic, types.Topic),
            "GetTopic": unary(self.get_topic, types.GetTopicRequest),
            "ListTopics": unary(self.list_topics, types.ListTopicsRequest),
            "ListTopicSubscriptions": unary(
                self.list_topic_subscriptions, types.ListTopicSubscriptionsRequest
            ),
            "DeleteTopic": unary(self.delete_topic, types.DeleteTopicRequest),
            "Publish": unary(self.publish, types.PublishRequest),
        }

    def create_topic(self, request: Any, context: grpc.ServicerContext) -> Any:
        """CreateTopic."""
        return self._broker.create_topic(request)

    def get_topic(self, request: Any, context: grpc.ServicerContext) -> Any:
        """GetTopic."""
        return self._broker.topic(request.topic)

    def list_topics(self, request: Any, context: grpc.ServicerContext) -> Any:
        """ListTopics, all on one page."""
        return types.ListTopicsResponse.pb()(topics=self._broker.topics(request.project))

    def list_topic_subscriptions(self, request: Any, context: grpc.ServicerContext) -> Any:
        """ListTopicSubscriptions, all on one page."""
        names = self._broker.subscriptions_of(request.topic)
        return types.ListTopicSubscriptionsResponse.pb()(subscriptions=names)

    def delete_topic(self, request: Any, context: grpc.ServicerContext) -> Any:
        """DeleteTopic."""
        self._broker.delete_topic(request.topic)
        return empty_pb2.Empty()

    def publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Publish: answered when every message is on disk."""
        if not 0 < len(request.messages) <= MAX_MESSAGES_A_CALL:
            raise ValueError(f"a call publishes 1 to {MAX_MESSAGES_A_CALL} messages")
        if request.ByteSize() > MAX_CALL_BYTES:
            raise ValueError(f"a call of more than {MAX_CALL_BYTES} bytes")
        for message in request.messages:
            reason = refusal(message)
            if reason:
                raise ValueError(reason)
        ids = self._broker.publish(
            request.topic,
            [Publication(m.data, dict(m.attributes), m.ordering_key) for m in request.messages],
        )
        return types.PublishResponse.pb()(message_ids=[str(number) for number in ids])
