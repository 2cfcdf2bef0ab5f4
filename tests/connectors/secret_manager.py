"""A Secret Manager on this machine, for the real client."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
from google.cloud import secretmanager
from google.cloud.secretmanager_v1 import types
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

METHOD = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"


class Manager(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A stand-in of Secret Manager: values by name, and the error to answer with, if any."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.refuse: grpc.StatusCode | None = None
        self.asked: list[str] = []

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if call.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self.access,
            request_deserializer=types.AccessSecretVersionRequest.deserialize,
            response_serializer=types.AccessSecretVersionResponse.serialize,
        )

    def access(
        self, request: types.AccessSecretVersionRequest, context: grpc.ServicerContext
    ) -> types.AccessSecretVersionResponse:
        self.asked.append(request.name)
        if self.refuse:
            context.abort(self.refuse, "no")
        if request.name not in self.values:
            context.abort(grpc.StatusCode.NOT_FOUND, "none")
        payload = types.SecretPayload(data=self.values[request.name])
        return types.AccessSecretVersionResponse(name=request.name, payload=payload)


Stand = tuple[Manager, secretmanager.SecretManagerServiceClient]


@contextmanager
def secret_manager() -> Iterator[Stand]:
    """The stand-in, and the real client of it."""
    handler = Manager()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    transport = SecretManagerServiceGrpcTransport(channel=channel)
    yield handler, secretmanager.SecretManagerServiceClient(transport=transport)
    channel.close()
    server.stop(None)
