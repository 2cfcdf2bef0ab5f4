"""Cloud Storage for tests: a server of ours, and fake-gcs-server where it has been built."""

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gcs_stand_in import CloudStorage
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from embedded.ports import free_port
from sandbox.vendors.server import served

NAME = "fake-gcs-server"
TOOLS = Path(__file__).resolve().parent.parent.parent / ".tools"
START_S = 30.0


@contextmanager
def stand_in_bucket(server: CloudStorage, name: str = "cursors") -> Iterator[storage.Client]:
    """A client of a server of ours, with one bucket."""
    with served(server.app) as address:
        client = client_of(address)
        client.create_bucket(name)
        yield client


def server_binary() -> str:
    """fake-gcs-server; skips where it is not. Nothing is fetched in the middle of tests."""
    found = shutil.which(NAME, path=str(TOOLS)) or shutil.which(NAME)
    if found is None:
        pytest.skip(
            f"{NAME} is not here (`make tools` builds it, with Go): Cloud Storage is tested against"
            " our own server alone"
        )
    return found


@contextmanager
def gcs_bucket(name: str = "cursors") -> Iterator[storage.Client]:
    """A client of a fresh fake-gcs-server with one bucket."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        f"{server_binary()} -scheme http -host 127.0.0.1 -port {port} -backend memory "
        f"-external-url {address}".split(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        client = client_of(address)
        client.create_bucket(name)
        yield client
    finally:
        process.terminate()
        process.wait()


def client_of(address: str) -> storage.Client:
    """The real client, of a server on this machine."""
    return storage.Client(
        project="p",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": address},
    )


def _await(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/storage/v1/b?project=p", timeout=5)
                return
        except OSError:
            assert time.monotonic() < deadline, f"{NAME} does not start"
            time.sleep(0.05)
