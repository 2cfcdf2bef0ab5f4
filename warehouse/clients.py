"""Clients of BigQuery, and of what stands in for it on one machine: only the address differs."""

import grpc
import msgspec
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)

MAX_CALL_BYTES = 64 * 1024 * 1024


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A warehouse: the project, and where its two APIs are; None = Google's own."""

    project: str
    rest: str | None = None
    grpc: str | None = None


def bigquery_client(endpoint: Endpoint) -> bigquery.Client:
    """A client of the REST API."""
    if endpoint.rest is None:
        return bigquery.Client(project=endpoint.project)
    return bigquery.Client(
        project=endpoint.project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=endpoint.rest),
    )


def write_client(endpoint: Endpoint) -> BigQueryWriteClient:
    """A client of the Storage Write API."""
    if endpoint.grpc is None:
        return BigQueryWriteClient()
    channel = grpc.insecure_channel(
        endpoint.grpc,
        options=[
            ("grpc.max_send_message_length", MAX_CALL_BYTES),
            ("grpc.max_receive_message_length", MAX_CALL_BYTES),
            # A server that comes back is found within a second, not within two minutes.
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ],
    )
    return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
