"""A small company in a warehouse, with a data directory whose stack says that it runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from provisioned import provisioned
from typer.testing import CliRunner, Result

from connectors.bad_input import BadInput
from connectors.files import ImportOptions, plan, read
from embedded.directory import DataDirectory, Stack
from embedded.warehouse import WarehouseServer
from operations import cli
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from sandbox.company import SMALL, Company, export, generate
from sandbox.company.world import AS_OF_US
from schemas.columns import Row
from schemas.envelope import encode
from schemas.flow import Received
from schemas.identity import IdentityRecord
from schemas.operations import Audit
from transforms.identity.records import stored_record
from transforms.settings import load_settings
from warehouse.clients import bigquery_client
from warehouse.latest import latest
from warehouse.query import run_sql
from warehouse.sink import StorageSink


class Held(NamedTuple):
    """A data directory whose stack says that it runs, of which only the warehouse does."""

    path: Path
    server: WarehouseServer
    company: Company

    def call(self, *arguments: object) -> Result:
        line = [*map(str, arguments), "--data", str(self.path)]
        return CliRunner().invoke(cli.app, line, env={"COLUMNS": "100"}, catch_exceptions=False)

    def links(self) -> dict[str, str]:
        client = bigquery_client(self.server.endpoint)
        found = run_sql(client, "SELECT * FROM `identity.links_latest`", limit=100_000).rows
        client.close()
        return {row["record_key"]: row["entity_id"] for row in found}

    def noted(self) -> Audit:
        """What was noted last."""
        client = bigquery_client(self.server.endpoint)
        newest = max(latest(client, Audit), key=lambda row: row.noted_at)
        client.close()
        return newest


@contextmanager
def small_company(folder: Path) -> Iterator[Held]:
    """The company as the pipeline has left it, and two people who share a mailbox."""
    company = generate(7, SMALL)
    manifest = export(company, folder / "company")
    options = ImportOptions(as_of=AS_OF_US)
    messages = [
        Received(*encode(found), f"m-{number}", AS_OF_US + number)
        for number, found in enumerate(read(plan(list(manifest.imports), options), options))
        if not isinstance(found, BadInput)
    ]
    server = WarehouseServer(provisioned(folder / "warehouse"), log=folder / "warehouse.log")
    endpoint = server.start()
    parts = Parts(load_settings(manifest.settings), StorageSink.opener(endpoint), shards=4)
    run_bounded(partial(iter, messages), parts)
    with running_on(DataDirectory(folder / "data"), server, str(manifest.settings)) as path:
        held = Held(path, server, company)
        write(held, *(stored_record(one, one.version, AS_OF_US) for one in a_mailbox_of_two()))
        yield held
    server.stop()


def a_mailbox_of_two() -> Iterator[IdentityRecord]:
    """Two people and the mailbox that they share: nobody can say who writes."""
    versioned = {"kind": "person", "stamp": AS_OF_US, "fetched": AS_OF_US, "digest": "d"}
    mail = {"emails": ("adler-bright@thistle.example",)}
    for number, (given, family) in enumerate((("Mary", "Adler"), ("John", "Bright"))):
        names = {"given_name": given, "family_name": family}
        yield IdentityRecord(
            record_key=f"hubspot:contact:two-{number}", **names, **mail, **versioned
        )
    yield IdentityRecord(record_key="gmail:address:h-two", **mail, **versioned)


@contextmanager
def running_on(
    directory: DataDirectory, server: WarehouseServer, settings: str = ""
) -> Iterator[Path]:
    """The directory of a stack of which only the warehouse runs."""
    endpoint = server.endpoint
    assert endpoint.rest is not None and endpoint.grpc is not None
    addresses = {"pubsub": "", "rest": endpoint.rest, "grpc": endpoint.grpc, "settings": settings}
    directory.open()
    directory.publish(Stack(pid=os.getpid(), project=endpoint.project, **addresses))
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    try:
        yield directory.path
    finally:
        os.environ.pop("PUBSUB_EMULATOR_HOST", None)
        if before is not None:
            os.environ["PUBSUB_EMULATOR_HOST"] = before
        directory.close()


def write(held: Held, *rows: Row) -> None:
    sink = StorageSink(held.server.endpoint)
    sink.write(rows)
    assert sink.flush() == []
    sink.close()
