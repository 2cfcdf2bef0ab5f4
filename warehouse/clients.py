"""Clients of BigQuery, and of what stands in for it on one machine: only the address differs."""

from typing import Any

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
TIMEOUT_S = 120.0
"""Of one request to the REST API where the caller names no time."""

CALLER_HEADER = "X-Bqemu-Caller"
"""By which the embedded warehouse is told who asks."""

RETRY_S = 30.0
"""How long a request is tried again; by default the client tries for ten minutes."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A warehouse: the project, and where its two APIs are; None = Google's own."""

    project: str
    rest: str | None = None
    grpc: str | None = None
    reader: str | None = None
    """Of the embedded warehouse: whom it takes for the one who asks, as SESSION_USER() has it.
    Google's own knows that by itself."""


class BoundedClient(bigquery.Client):  # type: ignore[misc]
    """A client whose requests all end: the embedded warehouse answers 500 to what it cannot do,
    and the client would send that again for ten minutes; without a time it would wait for ever.
    """

    embedded = False
    """Whether it is the embedded warehouse that answers."""

    def _call_api(self, retry: Any, *args: Any, **request: Any) -> Any:
        # The one place that every request of the client passes through.
        if retry is not None and (retry.timeout is None or retry.timeout > RETRY_S):
            retry = retry.with_timeout(RETRY_S)
        request["timeout"] = request.get("timeout") or TIMEOUT_S
        return super()._call_api(retry, *args, **request)


def bigquery_client(endpoint: Endpoint) -> bigquery.Client:
    """A client of the REST API; every request of it ends within about TIMEOUT_S + RETRY_S."""
    if endpoint.rest is None:
        return BoundedClient(project=endpoint.project)
    client = BoundedClient(
        project=endpoint.project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=endpoint.rest),
    )
    client.embedded = True
    if endpoint.reader is not None:
        client._connection.extra_headers = {CALLER_HEADER: f"user:{endpoint.reader}"}
    return client


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
