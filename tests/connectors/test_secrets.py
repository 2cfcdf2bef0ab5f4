"""Secrets come by reference, from the real Secret Manager client; nobody sees one by accident."""

from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.cloud import secretmanager
from google.cloud.secretmanager_v1 import types
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from connectors.secrets import KEPT_S, Secret, SecretStore
from schemas.errors import ConfigurationError, RetriableError

NAME = "projects/p/secrets/hubspot/versions/latest"
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


@pytest.fixture
def manager() -> Iterator[tuple[Manager, secretmanager.SecretManagerServiceClient]]:
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


Stand = tuple[Manager, secretmanager.SecretManagerServiceClient]


def test_a_secret_is_read_once_and_kept_for_a_while(manager: Stand) -> None:
    handler, client = manager
    handler.values[NAME] = b"first\n"
    now = [0.0]
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: now[0])
    assert [store.get(NAME).reveal() for _ in range(3)] == ["first"] * 3
    assert handler.asked == [NAME]
    handler.values[NAME] = b"second"
    now[0] = KEPT_S + 1
    assert store.get(NAME).reveal() == "second"


def test_a_refused_secret_is_read_anew_at_once(manager: Stand) -> None:
    handler, client = manager
    handler.values[NAME] = b"old"
    store = SecretStore(lambda: client, cloud=True)
    assert store.get(NAME).reveal() == "old"
    handler.values[NAME] = b"new"
    assert store.renew(NAME).reveal() == "new"
    assert store.get(NAME).reveal_bytes() == b"new"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (grpc.StatusCode.NOT_FOUND, "no such secret"),
        (grpc.StatusCode.FAILED_PRECONDITION, "disabled"),
        (grpc.StatusCode.PERMISSION_DENIED, "secretAccessor"),
        (grpc.StatusCode.UNAUTHENTICATED, "secretAccessor"),
    ],
)
def test_a_refusal_says_what_to_do(manager: Stand, status: grpc.StatusCode, words: str) -> None:
    handler, client = manager
    handler.refuse = status
    with pytest.raises(ConfigurationError, match=words):
        SecretStore(lambda: client, cloud=True).get(NAME)


def test_a_manager_that_does_not_answer_is_no_missing_secret(manager: Stand) -> None:
    handler, client = manager
    handler.refuse = grpc.StatusCode.INTERNAL
    with pytest.raises(RetriableError, match="does not answer"):
        SecretStore(lambda: client, cloud=True).get(NAME)


def test_on_one_machine_a_secret_may_stand_in_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = SecretStore(cloud=False)
    monkeypatch.setenv("TOKEN_OF_A_TEST", "t0ken")
    assert store.get("env:TOKEN_OF_A_TEST").reveal() == "t0ken"
    (tmp_path / "secret").write_text("from a file\r\n")
    assert store.get(f"file:{tmp_path / 'secret'}").reveal() == "from a file"
    with pytest.raises(ConfigurationError, match="NO_SUCH_VARIABLE is not set"):
        store.get("env:NO_SUCH_VARIABLE")
    with pytest.raises(ConfigurationError, match="No such file"):
        store.get(f"file:{tmp_path / 'none'}")


@pytest.mark.parametrize("reference", ["env:TOKEN", "file:/etc/passwd"])
def test_in_the_cloud_only_the_manager_is_asked(reference: str) -> None:
    with pytest.raises(ConfigurationError, match="put this one into Secret Manager"):
        SecretStore(cloud=True).get(reference)


@pytest.mark.parametrize("value", ["pat-na1-looks-like-a-value", "", "projects/p/secrets/s"])
def test_a_value_where_a_reference_belongs_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SecretStore(cloud=False).get(value)
    assert not value or value not in str(refused.value) or value.startswith("projects")


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(b"hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"
