"""Topics and subscriptions of one machine's stack, made by the real clients."""

from google.api_core.exceptions import AlreadyExists
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration

from schemas.topology import PIPELINE_SUBSCRIPTIONS, RETENTION_S, TOPICS

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
        for subscription in PIPELINE_SUBSCRIPTIONS:
            try:
                subscriber.create_subscription(
                    request={
                        "name": f"projects/{project}/subscriptions/{subscription.name}",
                        "topic": f"projects/{project}/topics/{subscription.topic}",
                        "ack_deadline_seconds": subscription.ack_deadline_s,
                        "retain_acked_messages": True,
                        "message_retention_duration": Duration(seconds=RETENTION_S),
                    },
                    timeout=TIMEOUT_S,
                )
                made.append(f"created subscription {subscription.name}")
            except AlreadyExists:
                pass
    return made
