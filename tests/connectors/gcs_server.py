"""A Cloud Storage that refuses stale generations as the real one does: fake-gcs-server, in Go."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from embedded.ports import free_port

PACKAGE = "github.com/fsouza/fake-gcs-server@v1.56.1"
ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools"
START_S = 30.0


def server_binary() -> Path:
    """The server, built once into .tools; skips where there is no Go to build it with."""
    found = TOOLS / "fake-gcs-server"
    if found.exists():
        return found
    if shutil.which("go") is None:
        pytest.skip("Go is not here: cursors in Cloud Storage are not tested against a server")
    built = subprocess.run(
        ["go", "install", PACKAGE],
        env={**os.environ, "GOBIN": str(TOOLS)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    if built.returncode:
        pytest.skip(f"fake-gcs-server cannot be built here: {built.stderr[-300:]}")
    return found


@contextmanager
def gcs_bucket(name: str = "cursors") -> Iterator[storage.Client]:
    """A client of a fresh server with one bucket."""
    port = free_port()
    process = subprocess.Popen(
        f"{server_binary()} -scheme http -host 127.0.0.1 -port {port} -backend memory "
        f"-external-url http://127.0.0.1:{port}".split(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        client = storage.Client(
            project="p",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
        )
        client.create_bucket(name)
        yield client
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/storage/v1/b?project=p", timeout=5)
                return
        except OSError:
            assert time.monotonic() < deadline, "fake-gcs-server does not start"
            time.sleep(0.05)
