"""Rows that are appended to a table of the embedded warehouse while its columns are changed.

DuckDB undoes both an insertion and an ALTER TABLE of one table that meet: whichever comes to its
commit second fails, and at worst each does. bqemulator runs the ones in the threads of its Storage
API and the others in that of its REST API, each under a lock of its own. Here there is one lock
for the two. Other statements do not take it: they and ALTER TABLE wait for each other already, and
they and insertions do not disturb each other.

An append also read the table's entry in the catalogue and wrote it back with a new count of rows,
and with the columns that it had read, whatever had been added meanwhile. Nothing of ours asks the
catalogue for a count of rows, so here an append leaves it alone.
"""

import re
import threading
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
from bqemulator.grpc_api.write_servicer import BigQueryWriteHandler
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.storage.sql_identifiers import quoted_table_ref

_ALTER = re.compile(r"\s*ALTER\s", re.IGNORECASE)
_apart = threading.Lock()
_execute = DuckDBEngine.execute


def execute(
    self: DuckDBEngine, sql: str, parameters: list[Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """In place of DuckDBEngine.execute: a change of columns waits for the append that runs."""
    if not _ALTER.match(sql):
        return _execute(self, sql, parameters)
    with _apart:
        return _execute(self, sql, parameters)


def insert(self: BigQueryWriteHandler, stream: Any, rows: pa.Table) -> None:
    """In place of BigQueryWriteHandler._flush_to_target: the rows are on disk when it returns."""
    table = (stream.project_id, stream.dataset_id, stream.table_id)
    name = f"__appended_{uuid4().hex}"
    with _apart:
        connection = self._ctx.engine.connection
        connection.register(name, rows)
        try:
            # By name: the table may have had a column more since the append's rows were read.
            connection.execute(
                f"INSERT INTO {quoted_table_ref(*table)} BY NAME SELECT * FROM {name}"  # noqa: S608
            )
        finally:
            connection.unregister(name)
    self._ctx.snapshots.record_change(*table)
