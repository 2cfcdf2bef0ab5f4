"""An embedded warehouse with all tables and views, and a way to fill its tables with few words."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb_extensions
import msgspec
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from schemas.columns import Table, columns
from schemas.generate import bigquery_fields
from schemas.tables import BY_ID, DATASETS, TABLES
from warehouse.catalogue import provision_views

PROJECT = "view-tests"
STAMP = datetime(2026, 1, 1, tzinfo=UTC)
START_TIMEOUT_S = 60.0
_NONE = (msgspec.NODEFAULT, (), b"")
_AGO = re.compile(r"now - (\d+)s\Z")
_DEFAULTS: dict[str, Any] = {
    "STRING": "",
    "INT64": 1,
    "FLOAT64": 1.0,
    "BOOL": False,
    "BYTES": "",
    "TIMESTAMP": STAMP,
    "DATE": STAMP.date(),
    "JSON": "{}",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def embedded_warehouse(directory: Path) -> Iterator[bigquery.Client]:
    """A client of a fresh warehouse with every table and view; the server ends with the block."""
    duckdb_extensions.import_extension("spatial")
    port = free_port()
    command = [Path(sys.executable).parent / "bqemulator", "start", "--ephemeral"]
    options = {"--rest-port": port, "--grpc-port": free_port(), "--project": PROJECT}
    words = [str(word) for pair in options.items() for word in pair]
    with (directory / "warehouse.log").open("wb") as log:
        server = subprocess.Popen([*command, *words], stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _await_answer(server, f"{address}/bigquery/v2/projects/{PROJECT}/datasets")
            client = bigquery.Client(
                project=PROJECT,
                credentials=AnonymousCredentials(),
                client_options=ClientOptions(api_endpoint=address),
            )
            _provision_tables(client)
            provision_views(client)
            yield client
            client.close()
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_answer(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            requests.get(address, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the embedded warehouse did not start")


def _provision_tables(client: bigquery.Client) -> None:
    for dataset in DATASETS:
        client.create_dataset(dataset, exists_ok=True)
    for table in TABLES:
        fields = [bigquery.SchemaField.from_api_repr(field) for field in bigquery_fields(table)]
        client.create_table(bigquery.Table(f"{PROJECT}.{table.id}", schema=fields))


def fill(client: bigquery.Client, table_id: str, rows: list[Mapping[str, Any]]) -> None:
    """Inserts rows; columns that are left out get a default."""
    complete = [_complete(BY_ID[table_id], row) for row in rows]
    refused = client.insert_rows_json(f"{PROJECT}.{table_id}", complete, retry=None)
    assert not refused, refused


def empty(client: bigquery.Client, table_id: str) -> None:
    client.query(f"TRUNCATE TABLE `{PROJECT}.{table_id}`", retry=None, job_retry=None).result()


def _complete(table: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    known = {column.name: column for column in columns(table.row)}
    assert not given.keys() - known.keys(), f"{table.id} has no {given.keys() - known.keys()}"
    row = {
        name: [] if column.mode == "REPEATED" else _DEFAULTS[column.kind]
        for name, column in known.items()
        if column.mode != "NULLABLE"
    }
    fields = msgspec.structs.fields(table.row)
    row.update({f.name: f.default for f in fields if f.name in row and f.default not in _NONE})
    if "record_key" in given and "source" in known:
        names = ("source", "object_type", "object_id")
        row.update(zip(names, given["record_key"].split(":", 2), strict=False))
    row.update({name: moment(value) for name, value in given.items()})
    if "change_id" in row and "change_id" not in given and "record_key" in given:
        row["change_id"] = f"{given['record_key']}@{row['version_stamp']}"
    return {name: _json(value) for name, value in row.items() if value is not None}


def moment(value: Any) -> Any:
    """`now - 300s` as the time it means."""
    ago = _AGO.match(value) if isinstance(value, str) else None
    return datetime.now(UTC) - timedelta(seconds=int(ago[1])) if ago else value


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
