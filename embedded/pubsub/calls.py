"""gRPC methods from plain functions: errors become status codes, faults strike first."""

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

from embedded.pubsub.broker import AlreadyExists, NotFound
from embedded.pubsub.faults import Faults
from embedded.pubsub.writer import StoreClosed


class Method(NamedTuple):
    """A function of a service: `streams` where both sides stream."""

    function: Callable[[Any, grpc.ServicerContext], Any]
    request: Any
    streams: bool = False


Methods = dict[str, Method]


def unary(function: Callable[[Any, grpc.ServicerContext], Any], request: Any) -> Method:
    """A method of one request and one answer; `request` is the client library's class."""
    return Method(function, request.pb())


def streaming(function: Callable[[Any, grpc.ServicerContext], Any], request: Any) -> Method:
    """A method whose requests and answers are streams."""
    return Method(function, request.pb(), streams=True)


def abort(context: grpc.ServicerContext, error: Exception) -> None:
    """Ends a call with the status code of an error."""
    if isinstance(error, NotFound):
        context.abort(grpc.StatusCode.NOT_FOUND, f"not found: {error}")
    if isinstance(error, AlreadyExists):
        context.abort(grpc.StatusCode.ALREADY_EXISTS, f"already exists: {error}")
    if isinstance(error, NotImplementedError):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
    if isinstance(error, ValueError):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    if isinstance(error, sqlite3.Error | StoreClosed):
        # Nothing was kept: the client's retry is right.
        context.abort(grpc.StatusCode.UNAVAILABLE, f"the store failed: {type(error).__name__}")
    raise error


EXPECTED = (NotFound, ValueError, NotImplementedError, sqlite3.Error, StoreClosed)


def service(name: str, methods: Methods, faults: Faults) -> grpc.GenericRpcHandler:
    """The methods as a gRPC service."""
    return grpc.method_handlers_generic_handler(
        name, {key: _rpc(key, method, faults) for key, method in methods.items()}
    )


def _rpc(name: str, method: Method, faults: Faults) -> grpc.RpcMethodHandler:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        faults.before(name, context)
        try:
            return method.function(request, context)
        except EXPECTED as error:
            return abort(context, error)

    def stream(requests: Any, context: grpc.ServicerContext) -> Any:
        faults.before(name, context)
        try:
            yield from method.function(requests, context)
        except EXPECTED as error:
            abort(context, error)

    codec = {
        "request_deserializer": method.request.FromString,
        "response_serializer": lambda answer: answer.SerializeToString(),
    }
    if method.streams:
        return grpc.stream_stream_rpc_method_handler(stream, **codec)
    return grpc.unary_unary_rpc_method_handler(call, **codec)
