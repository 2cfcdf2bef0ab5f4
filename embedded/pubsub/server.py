"""The embedded Pub/Sub: a directory, a port, two services and a switch for faults."""

import contextlib
import fcntl
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgspec

from embedded.pubsub import publisher, snapshots, subscriber
from embedded.pubsub.broker import Broker
from embedded.pubsub.calls import service
from embedded.pubsub.faults import FaultPlan, Faults
from embedded.pubsub.store import Store
from embedded.pubsub.writer import StoreClosed
from schemas.clock import Clock, wall_clock
from schemas.errors import FatalError

CALLS_AT_ONCE = 64
MAX_CALL_BYTES = 64 * 1024 * 1024
PRUNE_EVERY_S = 3_600.0
STOP_GRACE_S = 2.0
FAULTS_SERVICE = "salesintel.embedded.Faults"


class PubSubServer:
    """A Pub/Sub server on 127.0.0.1; what it answered to a publish is on disk."""

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        faults: Faults | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        self.directory = directory
        self.faults = faults or Faults()
        self._port = port
        self._clock = clock
        self._stopped = threading.Event()
        self._server: grpc.Server | None = None
        self._store: Store | None = None
        self._lock_file: int | None = None
        self.address = ""

    def start(self) -> str:
        """`127.0.0.1:port`; FatalError where another server has the directory or the port."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock()
        self._stopped.clear()
        try:
            self._store = Store(self.directory / "messages.sqlite", self._clock)
            broker = Broker(self._store, self._clock)
        except sqlite3.DatabaseError as error:
            self._release()
            raise FatalError(f"{self.directory}: the messages cannot be read: {error}") from error
        except FatalError:
            self._release()
            raise
        server = grpc.server(
            ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="pubsub"),
            options=[
                ("grpc.max_send_message_length", MAX_CALL_BYTES),
                ("grpc.max_receive_message_length", MAX_CALL_BYTES),
                ("grpc.so_reuseport", 0),
            ],
        )
        publishing = publisher.Publisher(broker).methods()
        subscribing = {
            **subscriber.Subscriber(broker, self.faults).methods(),
            **snapshots.Snapshots(broker, self._store, self._clock).methods(),
        }
        server.add_generic_rpc_handlers(
            (
                service(publisher.SERVICE, publishing, self.faults),
                service(subscriber.SERVICE, subscribing, self.faults),
                self._faults_service(),
            )
        )
        try:
            port = server.add_insecure_port(f"127.0.0.1:{self._port}")
        except RuntimeError as error:
            self._release()
            raise FatalError(f"port {self._port} is taken: name another, or 0") from error
        server.start()
        self._server = server
        self._port = port
        self.address = f"127.0.0.1:{port}"
        threading.Thread(target=self._prune, args=(broker,), daemon=True).start()
        return self.address

    def stop(self) -> None:
        """Answers what is under way, closes the file, frees directory and port."""
        self._stopped.set()
        if self._server is not None:
            self._server.stop(STOP_GRACE_S).wait()
            self._server = None
        self._release()

    def _release(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _lock(self) -> None:
        path = self.directory / "lock"
        self._lock_file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_file)
            self._lock_file = None
            raise FatalError(
                f"{self.directory} is in use by another Pub/Sub server: stop it, or name another"
            ) from None

    def _prune(self, broker: Broker) -> None:
        with contextlib.suppress(StoreClosed):
            broker.prune()
            while not self._stopped.wait(PRUNE_EVERY_S):
                broker.prune()

    def _faults_service(self) -> grpc.GenericRpcHandler:
        def set_plan(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                self.faults.set(msgspec.json.decode(body, type=FaultPlan))
            except msgspec.DecodeError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return b"{}"

        method: Any = grpc.unary_unary_rpc_method_handler(set_plan)
        return grpc.method_handlers_generic_handler(FAULTS_SERVICE, {"Set": method})


def set_faults(address: str, plan: FaultPlan, timeout_s: float = 5.0) -> None:
    """Puts a fault plan in force in a server of another process."""
    with grpc.insecure_channel(address) as channel:
        channel.unary_unary(f"/{FAULTS_SERVICE}/Set")(msgspec.json.encode(plan), timeout=timeout_s)
