"""The sink: rows a second into the embedded warehouse, which runs in a process of its own.

A bundle is what some hundred mails bring: their raw changes, interactions, participants and what
identity says of them. The shares of the processors tell who limits: 1.0 is one core all the time.
"""

import json
import resource
import tempfile
import time
from pathlib import Path

from embedded.warehouse import WarehouseServer
from schemas.columns import Row, columns
from schemas.tables import BY_ID
from warehouse.clients import bigquery_client
from warehouse.protobuf import encode
from warehouse.provision import provision
from warehouse.sink import StorageSink

SECONDS = 10.0
CHANGES_A_BUNDLE = 500
MIX = {
    "raw.changes": 1,
    "sales.interactions": 1,
    "sales.participants": 3,
    "identity.records": 1,
    "identity.links": 1,
}
"""Rows of each table that one change brings."""

ROWS_OF_500_CHANGES = 500.0 * sum(MIX.values())
"""What the sink is given where the pipeline takes in what it has to, 500 changes a second."""

BARS = {
    "rows_per_s": (">=", ROWS_OF_500_CHANGES),
    "last_quarter_rows_per_s": (">=", ROWS_OF_500_CHANGES),
}

_VALUES = {
    "INT64": 7,
    "FLOAT64": 0.5,
    "BOOL": True,
    "BYTES": b"x" * 500,
    "TIMESTAMP": 1_767_225_600_000_000,
    "DATE": 20_454,
    "JSON": json.dumps({"custom": "value"}),
}


def _row(table_id: str, key: str) -> Row:
    table = BY_ID[table_id]
    values = {}
    for column in columns(table.row):
        value = _VALUES.get(column.kind, f"{column.name} {key}")
        values[column.name] = (value,) if column.mode == "REPEATED" else value
    return table.row(**values)


def bundle(number: int) -> list[Row]:
    """The rows of one bundle; no two bundles share a key."""
    return [
        _row(table_id, f"{number}-{change}-{copy}")
        for change in range(CHANGES_A_BUNDLE)
        for table_id, copies in MIX.items()
        for copy in range(copies)
    ]


def _encode_us(rows: list[Row]) -> float:
    began = time.perf_counter()
    for row in rows:
        encode(row)
    return (time.perf_counter() - began) / len(rows) * 1e6


def run(quick: bool = False) -> dict[str, float]:
    """Rows a second over the whole time and over its last quarter, and what they cost."""
    seconds = 2.0 if quick else SECONDS
    bundles = [bundle(number) for number in range(4)]
    figures = {"encode_us_a_row": min(_encode_us(rows) for rows in bundles)}
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "warehouse"
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        server = WarehouseServer(data)
        server.start()
        try:
            provision(bigquery_client(server.endpoint))
            sink = StorageSink(server.endpoint)
            written, late, began, busy = 0, 0, time.perf_counter(), time.process_time()
            while (passed := time.perf_counter() - began) < seconds:
                rows = bundles[written // len(bundles[0]) % len(bundles)]
                sink.write(rows)
                if refused := sink.flush():
                    raise AssertionError(refused[0].error)
                written += len(rows)
                # By when it was written: the last bundle always counts.
                late += len(rows) if time.perf_counter() - began >= seconds * 0.75 else 0
            passed = time.perf_counter() - began
            busy = time.process_time() - busy
            sink.close()
        finally:
            server.stop()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        disk = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    cpu = used.ru_utime + used.ru_stime - children.ru_utime - children.ru_stime
    return figures | {
        "rows": float(written),
        "rows_per_s": written / passed,
        "last_quarter_rows_per_s": late / (passed - seconds * 0.75),
        "client_cores": busy / passed,
        "server_cores_with_start": cpu / passed,
        "disk_bytes_a_row": disk / written,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
