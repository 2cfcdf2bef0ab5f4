"""An embedded warehouse with all tables and views, and a way to fill its tables with few words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from google.cloud import bigquery
from provisioned import provisioned

from embedded.warehouse import PROJECT, WarehouseServer
from schemas.columns import Table, columns
from schemas.tables import BY_ID
from warehouse.clients import Endpoint, bigquery_client

STAMP = datetime(2026, 1, 1, tzinfo=UTC)
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


@contextmanager
def embedded_warehouse(directory: Path) -> Iterator[bigquery.Client]:
    """A client of a fresh warehouse with every table and view; the server ends with the block."""
    with served_warehouse(directory) as (client, _):
        yield client


@contextmanager
def served_warehouse(directory: Path) -> Iterator[tuple[bigquery.Client, Endpoint]]:
    """The same, with its address."""
    provisioned(directory / "warehouse")
    server = WarehouseServer(directory / "warehouse", log=directory / "warehouse.log")
    client = bigquery_client(server.start())
    try:
        yield client, server.endpoint
    finally:
        client.close()
        server.stop()


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
    for name in known.keys() - given.keys():
        row.update(_day_of(name, given, row))
    if "change_id" in row and "change_id" not in given and "record_key" in given:
        row["change_id"] = f"{given['record_key']}@{row['version_stamp']}"
    days = {
        name: value.date()
        for name, value in row.items()
        if known[name].kind == "DATE" and isinstance(value, datetime)
    }
    return {name: _json(value) for name, value in (row | days).items() if value is not None}


def _day_of(name: str, given: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, date]:
    """The day of a partition that is left out: that of its time, where this is given."""
    stem = name.removesuffix("_date")
    times = [row[f"{stem}_{end}"] for end in ("at", "time") if f"{stem}_{end}" in given]
    return {name: times[0].date()} if name.endswith("_date") and times else {}


def moment(value: Any) -> Any:
    """`now - 300s` as the time it means."""
    ago = _AGO.match(value) if isinstance(value, str) else None
    return datetime.now(UTC) - timedelta(seconds=int(ago[1])) if ago else value


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
