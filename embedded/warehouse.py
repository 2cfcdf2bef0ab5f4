"""The embedded warehouse: bqemulator, an implementation of BigQuery's APIs on DuckDB.

Started as a child process with a data directory; its data is on disk when an append is answered.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import requests

from embedded.child import LEAN
from embedded.compacted_file import DATABASE
from embedded.ports import free_port
from embedded.warehouse_copy import COPY, ROUTE
from schemas.errors import ConfigurationError, FatalError, RetriableError
from warehouse.clients import Endpoint

PROJECT = "salesintel-local"
ROOT = Path(__file__).parent.parent
"""Where `python -m embedded…` finds the packages."""

START_TIMEOUT_S = 90.0
STOP_GRACE_S = 15.0
PROBE_EVERY_S = 0.1
PROBE_TIMEOUT_S = 2.0
COPY_TIMEOUT_S = 3_600.0


MEMORY = "500MB"
"""What DuckDB may hold by itself. By default it takes four fifths of the machine: a checkpoint of
raw.changes, whose payloads have some kilobytes, was seen to take 4 GB while rows streamed in."""

_MEMORY = re.compile(r"[1-9]\d*(?:MB|GB)\Z")


def environment(memory: str = MEMORY) -> dict[str, str]:
    """The environment of the server; ConfigurationError where `memory` is no amount of memory."""
    if not _MEMORY.match(memory):
        raise ConfigurationError(f"{memory!r} is no amount of memory: write 500MB, or 4GB")
    return {**os.environ, **LEAN, "SALESINTEL_WAREHOUSE_MEMORY": memory}


def command(directory: Path, rest_port: int, grpc_port: int, project: str = PROJECT) -> list[str]:
    """The command line of the server."""
    return [
        sys.executable,
        "-m",
        "embedded.warehouse_process",
        "--persistent",
        f"--data-dir={directory}",
        f"--rest-port={rest_port}",
        f"--grpc-port={grpc_port}",
        f"--project={project}",
        "--log-level=warning",
    ]


def answers(rest: str, project: str = PROJECT) -> bool:
    """Whether the server answers."""
    url = f"{rest}/bigquery/v2/projects/{project}/datasets"
    try:
        return requests.get(url, timeout=PROBE_TIMEOUT_S).status_code == 200
    except requests.RequestException:
        return False


def copy_database(rest: str, directory: Path, target: Path) -> None:
    """Moves a copy of the running server's database into the folder `target`.

    RetriableError where the server does not make it.
    """
    try:
        answer = requests.post(f"{rest}{ROUTE}", timeout=COPY_TIMEOUT_S)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise RetriableError(
            f"the warehouse makes no copy ({type(error).__name__}): its log says why; see that the "
            "disk has room for another of its database"
        ) from error
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.move(directory / COPY, target / DATABASE)


class WarehouseServer:
    """The server as a child process on 127.0.0.1; ports stay the same over restarts."""

    def __init__(
        self, directory: Path, rest_port: int = 0, grpc_port: int = 0, log: Path | None = None
    ) -> None:
        self.directory = directory
        self._rest_port = rest_port or free_port()
        self._grpc_port = grpc_port or free_port()
        self._log_path = log or directory.with_suffix(".log")
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where clients find it."""
        return Endpoint(
            project=PROJECT,
            rest=f"http://127.0.0.1:{self._rest_port}",
            grpc=f"127.0.0.1:{self._grpc_port}",
        )

    def start(self) -> Endpoint:
        """Returns when it answers; FatalError with the end of its log where it does not."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._log = self._log_path.open("ab")
        self._process = subprocess.Popen(
            command(self.directory.absolute(), self._rest_port, self._grpc_port),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=ROOT,
            env=environment(),
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.endpoint.rest or ""):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self._log_path.read_text("utf-8", "replace")[-800:]
                raise FatalError(f"the embedded warehouse does not start:\n{tail}")
            time.sleep(PROBE_EVERY_S)
        return self.endpoint

    def cpu_seconds(self) -> float:
        """What the process has used of the processors, user and system (proc(5), stat); 0 where it
        does not run."""
        if self._process is None:
            return 0.0
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("ascii", "replace")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """The most memory that the process has held (proc(5), status); 0 where it does not run."""
        if self._process is None:
            return 0.0
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1_000

    def stop(self) -> None:
        """Ends the process: politely, then not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
