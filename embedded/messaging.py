"""Topics and subscriptions of one machine's stack, made by the real clients."""

from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration

from schemas.topology import (
    DECISIONS_SUBSCRIPTION,
    FETCH_SUBSCRIPTIONS,
    HINT_ATTEMPTS,
    NOTIFY_SUBSCRIPTION,
    PIPELINE_SUBSCRIPTIONS,
    RETENTION_S,
    TOPICS,
    Subscription,
)

TIMEOUT_S = 30.0


def provision_messaging(project: str) -> list[str]:
    """Makes what is missing; returns what it made. PUBSUB_EMULATOR_HOST says where."""
    made = []
    publisher = pubsub_v1.PublisherClient()
    for topic in TOPICS:
        try:
            publisher.create_topic(name=f"projects/{project}/topics/{topic}", timeout=TIMEOUT_S)
            made.append(f"created topic {topic}")
        except AlreadyExists:
            pass
    publisher.transport.close()
    with pubsub_v1.SubscriberClient() as subscriber:
        for subscription in (
            *PIPELINE_SUBSCRIPTIONS,
            DECISIONS_SUBSCRIPTION,
            *FETCH_SUBSCRIPTIONS.values(),
            NOTIFY_SUBSCRIPTION,
        ):
            try:
                subscriber.create_subscription(
                    request=subscription_request(project, subscription), timeout=TIMEOUT_S
                )
                made.append(f"created subscription {subscription.name}")
            except AlreadyExists:
                pass
    return made


def subscription_request(project: str, subscription: Subscription) -> dict[str, Any]:
    """What CreateSubscription is asked for."""
    request: dict[str, Any] = {
        "name": f"projects/{project}/subscriptions/{subscription.name}",
        "topic": f"projects/{project}/topics/{subscription.topic}",
        "ack_deadline_seconds": subscription.ack_deadline_s,
        "retain_acked_messages": True,
        "message_retention_duration": Duration(seconds=RETENTION_S),
    }
    if subscription.given_up_to:
        request["dead_letter_policy"] = {
            "dead_letter_topic": f"projects/{project}/topics/{subscription.given_up_to}",
            "max_delivery_attempts": HINT_ATTEMPTS,
        }
    if subscription.pauses_s:
        least, longest = subscription.pauses_s
        request["retry_policy"] = {
            "minimum_backoff": Duration(seconds=least),
            "maximum_backoff": Duration(seconds=longest),
        }
    return request
