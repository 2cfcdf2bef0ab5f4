"""Pub/Sub and the warehouse without a pipeline, in a data directory as commands find it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.cloud import bigquery
from provisioned import provisioned
from typer.testing import CliRunner, Result

from embedded.directory import DataDirectory, Stack
from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from embedded.warehouse import WarehouseServer
from operations import cli
from operations.console import warehouse_of
from schemas.clock import wall_clock
from schemas.columns import Row
from warehouse.clients import Endpoint
from warehouse.query import run_sql
from warehouse.sink import StorageSink


class Time:
    """The clock of Pub/Sub, which may be set forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return wall_clock() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += int(seconds * 1_000_000)


class SmallStack:
    """A stack that takes messages and rows; nobody makes the ones of the others."""

    def __init__(self, path: Path) -> None:
        self.time = Time()
        self.directory = DataDirectory(path)
        self.directory.open()
        self.pubsub = PubSubServer(self.directory.pubsub, clock=self.time)
        # One that was restored keeps what it has.
        if not any(self.directory.warehouse.iterdir()):
            provisioned(self.directory.warehouse)
        self.server = WarehouseServer(self.directory.warehouse, log=path / "warehouse.log")

    def start(self) -> None:
        address, endpoint = self.pubsub.start(), self.server.start()
        self.stack = Stack(
            pid=os.getpid(),
            project=endpoint.project,
            pubsub=address,
            rest=endpoint.rest or "",
            grpc=endpoint.grpc or "",
            started=wall_clock(),
        )
        os.environ["PUBSUB_EMULATOR_HOST"] = address
        provision_messaging(endpoint.project)
        self.directory.publish(self.stack)
        self.process("pipeline")

    def stop(self) -> None:
        self.server.stop()
        self.pubsub.stop()
        self.directory.close()

    @property
    def endpoint(self) -> Endpoint:
        return self.server.endpoint

    def process(self, name: str, *, given_up: bool = False) -> None:
        """What the supervisor says of a process."""
        seen = {"pid": 1, "healthy": not given_up, "restarts": 0, "given_up": given_up}
        self.directory.write_health({name: {**seen, "log": "its.log"}})

    def write(self, rows: Sequence[Row]) -> None:
        sink = StorageSink(self.endpoint)
        sink.write(rows)
        assert sink.flush() == []
        sink.close()

    def empty(self, *tables: str) -> None:
        with self.warehouse() as client:
            for table in tables:
                client.query_and_wait(f"TRUNCATE TABLE `{client.project}.{table}`")

    def ask(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with self.warehouse() as client:
            return run_sql(client, sql, values, limit=10_000).rows

    @contextmanager
    def warehouse(self) -> Iterator[bigquery.Client]:
        with warehouse_of(self.directory) as client:
            yield client

    def call(self, *arguments: object) -> Result:
        line = [*map(str, arguments), "--data", str(self.directory.path)]
        return CliRunner().invoke(cli.app, line, catch_exceptions=False)


@contextmanager
def small_stack(path: Path) -> Iterator[SmallStack]:
    """Such a stack, started and stopped; the environment stays as it was."""
    before = os.environ.copy()
    made = SmallStack(path)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        os.environ.clear()
        os.environ.update(before)
