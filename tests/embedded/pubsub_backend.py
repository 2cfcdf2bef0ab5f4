"""The Pub/Sub that the conformance tests talk to: ours, or Google's emulator where there is one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

PROJECT = "projects/salesintel-test"
GOOGLE_EMULATOR = "PUBSUB_CONFORMANCE_HOST"


class Clients:
    """The real clients, pointed at an address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.publisher = PublisherClient(
            transport=PublisherGrpcTransport(channel=grpc.insecure_channel(address))
        )
        self.subscriber = pubsub_v1.SubscriberClient(
            transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(address)),
        )

    def close(self) -> None:
        self.publisher.transport.close()
        self.subscriber.transport.close()


@contextmanager
def clients(address: str) -> Iterator[Clients]:
    """Clients that are closed at the end."""
    made = Clients(address)
    try:
        yield made
    finally:
        made.close()


def google_emulator() -> str | None:
    """Address of Google's own emulator, where one runs."""
    return os.environ.get(GOOGLE_EMULATOR)


__all__ = ["PROJECT", "Clients", "clients", "google_emulator"]
