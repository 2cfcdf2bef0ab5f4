"""The embedded Pub/Sub in a process of its own, spoken to by the real client's messages.

Figures: messages of 500 bytes published a second in calls of 100, and pulled and acknowledged a
second in calls of 1,000, each answered from disk.
"""

import subprocess
import sys
import tempfile
import time

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

TOPIC, SUBSCRIPTION = "projects/bench-project/topics/t", "projects/bench-project/subscriptions/s"
CALL = 100
PULL = 1_000
BODY = b"x" * 500
SECONDS = 10.0
BARS = {
    "published_per_s": (">=", 5_000.0),
    "pulled_and_acknowledged_per_s": (">=", 3_000.0),
}


def run(quick: bool = False) -> dict[str, float]:
    """Messages a second: published for half of the time, then pulled and acknowledged."""
    seconds = 1.0 if quick else SECONDS
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "embedded.pubsub", "--directory", directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                address = process.stdout.readline().removeprefix("listening on ").strip()
                return _measure(address, seconds / 2)
            finally:
                process.terminate()


def _measure(address: str, seconds: float) -> dict[str, float]:
    channel = grpc.insecure_channel(
        address, options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)]
    )
    publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    publisher.create_topic(name=TOPIC)
    subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    message = types.PubsubMessage(data=BODY, attributes={"ce-id": "0" * 32, "ce-lane": "live"})
    request = types.PublishRequest(topic=TOPIC, messages=[message] * CALL)
    published, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        publisher.publish(request=request)
        published += CALL
    publish_rate = published / (time.perf_counter() - began)
    pulled, began = 0, time.perf_counter()
    while pulled < published:
        response = subscriber.pull(subscription=SUBSCRIPTION, max_messages=PULL, timeout=30)
        ids = [received.ack_id for received in response._pb.received_messages]
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
        pulled += len(ids)
    return {
        "published_per_s": publish_rate,
        "pulled_and_acknowledged_per_s": pulled / (time.perf_counter() - began),
    }


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{figure:32}{value:>12,.0f}")
