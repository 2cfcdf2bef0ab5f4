"""Every request of the clients ends: a server that fails or is silent holds nobody up."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.api_core.exceptions import GoogleAPICallError, RetryError
from requests.exceptions import Timeout

from warehouse import clients
from warehouse.clients import Endpoint, bigquery_client

released = threading.Event()


class Failing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "silent" in self.path:
            released.wait(10)
        self.send_response(500)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def failing() -> Iterator[Endpoint]:
    released.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Endpoint(project="p", rest=f"http://127.0.0.1:{server.server_port}", grpc="")
    released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_always_fails_is_given_up(
    failing: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "RETRY_S", 0.5)
    began = time.monotonic()
    with pytest.raises((GoogleAPICallError, RetryError)):
        bigquery_client(failing).get_table("p.d.t")
    assert time.monotonic() - began < 8


def test_a_silent_server_is_given_up(failing: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "RETRY_S", 0.1)
    monkeypatch.setattr(clients, "TIMEOUT_S", 0.2)
    began = time.monotonic()
    with pytest.raises((RetryError, Timeout)):
        bigquery_client(failing).get_table("p.d.silent")
    assert time.monotonic() - began < 8
