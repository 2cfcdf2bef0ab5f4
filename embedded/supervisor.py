"""Starts the stack of one machine in the right order, keeps it running, and stops it cleanly."""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from embedded import warehouse
from embedded.child import LEAN, Child
from embedded.directory import DataDirectory, Stack
from embedded.messaging import provision_messaging
from embedded.ports import free_port, obstacle
from embedded.safe_event import SafeEvent
from embedded.upkeep import Upkeep
from pipelines.checks import checked_settings
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError, FatalError
from transforms.settings import Retention
from warehouse.catalogue import provision_views
from warehouse.clients import Endpoint, bigquery_client
from warehouse.provision import provision

log = logging.getLogger(__name__)

READY_TIMEOUT_S = 120.0
PROBE_EVERY_S = 0.1
WATCH_EVERY_S = 0.5
HEARTBEAT_AGE_S = 60.0
"""The pipeline notes its low-water marks each second; marks older than this mean it hangs."""


class Ports(NamedTuple):
    """Where the servers listen; 0 = a free port."""

    pubsub: int = 0
    rest: int = 0
    grpc: int = 0

    def chosen(self) -> "Ports":
        """Every 0 replaced; ConfigurationError names a port that cannot be had."""
        named = [port for port in self if port]
        for place, port in enumerate(named):
            found = "is named twice" if port in named[:place] else obstacle(port)
            if found:
                raise ConfigurationError(f"port {port} {found}: name another one, or 0")
        return Ports(*(port or _free_but(named) for port in self))


def _free_but(chosen: list[int]) -> int:
    """A free port that is none of the chosen, and is one of them from now on."""
    port = next(port for port in iter(free_port, None) if port not in chosen)
    chosen.append(port)
    return port


FREE_PORTS = Ports()


class StoppedWhileStarting(FatalError):
    """It was asked to stop before it ran."""


def listens(port: int) -> bool:
    """Whether something accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


class Supervisor:
    """The stack on one data directory."""

    def __init__(
        self,
        directory: DataDirectory,
        settings: Path | None = None,
        ports: Ports = FREE_PORTS,
        clock: Clock = wall_clock,
        pipeline: bool = True,
        memory: str = warehouse.MEMORY,
    ) -> None:
        self.directory = directory
        self._settings = settings
        self._wanted = ports
        self._clock = clock
        self._with_pipeline = pipeline
        self._warehouse_environment = warehouse.environment(memory)
        self._stopping = SafeEvent()
        self._failing = False
        self._upkeep: Upkeep | None = None
        self.children: list[Child] = []
        self.stack: Stack | None = None

    def start(self, tell: Callable[[str], None] = lambda line: None) -> Stack:
        """Returns when everything answers; FatalError with the end of a log where it does not."""
        self.directory.open()
        try:
            key = self.directory.make_redaction_key()
            retention = checked_settings(self._settings, key).retention
            return self._start(tell, retention)
        except BaseException:
            self.stop()
            raise

    def _start(self, tell: Callable[[str], None], retention: Retention) -> Stack:
        ports = self._wanted.chosen()
        stack = Stack(
            pid=os.getpid(),
            project=warehouse.PROJECT,
            pubsub=f"127.0.0.1:{ports.pubsub}",
            rest=f"http://127.0.0.1:{ports.rest}",
            grpc=f"127.0.0.1:{ports.grpc}",
            settings=str(self._settings.resolve()) if self._settings else "",
            started=self._clock(),
        )
        os.environ["PUBSUB_EMULATOR_HOST"] = stack.pubsub
        servers = [self._pubsub(ports), self._warehouse(ports, stack)]
        for child in servers:
            tell(f"starting {child.name}")
            self.children.append(child)
            child.start()
        for child in servers:
            self._await(child)
        tell("making topics, tables and views")
        provision_messaging(stack.project)
        endpoint = Endpoint(project=stack.project, rest=stack.rest, grpc=stack.grpc)
        client = bigquery_client(endpoint)
        for line in [*provision(client, retention=retention), *provision_views(client)]:
            log.info(line)
        client.close()
        if self._with_pipeline:
            tell("starting pipeline")
            child = self._pipeline(stack)
            self.children.append(child)
            child.start()
            self._await(child)
            self._upkeep = Upkeep(self.directory, endpoint, retention)
            self._upkeep.start()
        # Before the stack can be found: else `status` would see none, or those of another run.
        self.directory.write_health(self.health())
        self.directory.publish(stack)
        self.stack = stack
        return stack

    def _pubsub(self, ports: Ports) -> Child:
        command = [sys.executable, "-m", "embedded.pubsub"]
        command += ["--directory", str(self.directory.pubsub), "--port", str(ports.pubsub)]
        return self._child("pubsub", command, lambda: listens(ports.pubsub))

    def _warehouse(self, ports: Ports, stack: Stack) -> Child:
        command = warehouse.command(self.directory.warehouse, ports.rest, ports.grpc)
        return self._child(
            "warehouse",
            command,
            lambda: warehouse.answers(stack.rest),
            self._warehouse_environment,
        )

    def _pipeline(self, stack: Stack) -> Child:
        marks = self.directory.marks
        command = [sys.executable, "-m", "embedded.pipeline", f"--project={stack.project}"]
        command += [f"--pubsub={stack.pubsub}", f"--rest={stack.rest}", f"--grpc={stack.grpc}"]
        command += [f"--objects={self.directory.objects}", f"--marks={marks}"]
        command += [f"--redaction-key={self.directory.redaction_key}"]
        command += [f"--settings={stack.settings}"] if stack.settings else []
        # Marks that a killed pipeline has left say nothing of this one.
        child = self._child(
            "pipeline", command, lambda: _written_since(marks, child.started, HEARTBEAT_AGE_S)
        )
        return child

    def _child(
        self,
        name: str,
        command: list[str],
        healthy: Callable[[], bool],
        environment: dict[str, str] | None = None,
    ) -> Child:
        log_path = self.directory.logs / f"{name}.log"
        environment = environment or {**os.environ, **LEAN}
        return Child(name, command, log_path, healthy, environment=environment)

    def _await(self, child: Child) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not child.is_healthy():
            child.watch()
            if child.given_up or time.monotonic() > deadline:
                raise FatalError(
                    f"{child.name} does not start; its log {child.log_path} ends:\n{child.tail()}"
                )
            if self._stopping.wait(PROBE_EVERY_S):
                raise StoppedWhileStarting("stopped while it was starting")

    def run(self) -> None:
        """Watches the children until `ask_to_stop`."""
        while not self._stopping.wait(WATCH_EVERY_S):
            failed = ""
            for step in (*(child.watch for child in self.children), self._note_health):
                try:
                    step()
                except OSError as error:
                    # A disk that is full, as a rule: what runs goes on, and comes back by itself.
                    failed = str(error)
            if failed and not self._failing:
                log.error("the state of the stack cannot be written: %s", failed)
            self._failing = bool(failed)

    def _note_health(self) -> None:
        self.directory.write_health(self.health())

    def health(self) -> dict[str, dict[str, object]]:
        """What each child is doing."""
        return {
            child.name: {
                "pid": child.pid,
                "healthy": child.is_healthy(),
                "restarts": child.restarts,
                "given_up": child.given_up,
                "log": str(child.log_path),
            }
            for child in self.children
        }

    def ask_to_stop(self) -> None:
        """Safe in a signal handler."""
        self._stopping.set()

    def stop(self) -> None:
        """Pipeline first, so that it drains; then the servers; then the directory is free."""
        self._stopping.set()
        if self._upkeep is not None:
            self._upkeep.stop()
            self._upkeep = None
        for child in reversed(self.children):
            child.stop()
        self.children = []
        self.directory.close()


def _written_since(path: Path, moment: float, seconds: float) -> bool:
    """Whether a file was written after a moment, and in the last seconds."""
    try:
        written = path.stat().st_mtime
    except FileNotFoundError:
        return False
    return written > moment and time.time() - written < seconds
