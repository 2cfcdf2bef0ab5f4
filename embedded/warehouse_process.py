"""The process of the embedded warehouse: bqemulator 1.4.0, with nine of its faults mended.

* It copies a table whole after every change of it, for `FOR SYSTEM_TIME AS OF`, and drops the
  copies after seven days: time and disk grow with the square of a table's appends. Nothing of ours
  asks for the past of a table, so here a change is announced and not copied.
* Its REST API and its Storage API run in different threads on one DuckDB connection, which is not
  made for that: a query while rows arrive failed, or hung the whole server. Here every thread has
  a cursor of its own on the database.
* Rows that were appended while a column was added to their table were refused, or the column was;
  here the two are apart (appended_rows.py).
* A query that takes for ever let nobody else be answered; here it ends when its time is over
  (statement_limits.py).
* It writes the text of every view, and of the views in it, into each query, parses and translates
  all of it, which took seconds for an empty answer, so that the policies of rows can be put in, and
  who asks. Here a query reads DuckDB's views, which hold the translation already, unless it says as
  which reader it asks.
* It reads appended rows value by value, which took ten times as long as a column at a time does
  (row_columns.py).
* It leaves DuckDB the default of four fifths of the machine's memory; here the environment says
  how much (`MEMORY_VARIABLE`).
* It holds the answer to every query until it ends; here those that are asked for
  (recent_answers.py).
* It parses each statement some twenty times; here once (parsed_once.py).

Views with lists in an order are translated by a rule of ours, too (sorted_lists.py), and where an
erasure asks for it the file is written anew before it is opened (compacted_file.py). The database
can be copied while it runs (warehouse_copy.py).

Nothing else of the project is imported here: the process stays as small as it can be.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import bqemulator.server
import duckdb
import duckdb_extensions
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import jobs
from bqemulator.cli import main as emulator
from bqemulator.domain.events import TableDataChanged
from bqemulator.grpc_api import write_servicer
from bqemulator.jobs import executor
from bqemulator.row_access import CallerIdentity
from bqemulator.sql import inner_query, rules
from bqemulator.sql.rewriter.row_access_filter import rewrite_for_row_access
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager
from fastapi import FastAPI
from sqlglot.dialects.dialect import Dialect

from embedded import appended_rows, parsed_once, statement_limits
from embedded.compacted_file import rewrite_if_requested
from embedded.recent_answers import RecentAnswers
from embedded.row_columns import columns_of_rows
from embedded.sorted_lists import SortedListRule
from embedded.warehouse_copy import add_route

SETTINGS = {
    # The cache of results holds up to 1,024 tables in memory, and a row that arrives while a query
    # runs does not take that query's result out of it.
    "BQEMU_QUERY_CACHE_TTL_SECONDS": "0",
    # Else it asks the network for DuckDB's Avro extension at every start.
    "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
}


MEMORY_VARIABLE = "SALESINTEL_WAREHOUSE_MEMORY"
DIRECTORY_OPTION = "--data-dir="


def _announce(self: SnapshotManager, project_id: str, dataset_id: str, table_id: str) -> None:
    self._events.publish(TableDataChanged(project_id, dataset_id, table_id))


class _Cursors(threading.local):
    """The cursor of each thread, and the connection that it was made from."""

    root: duckdb.DuckDBPyConnection | None = None
    cursor: duckdb.DuckDBPyConnection | None = None


_cursors = _Cursors()
_making = threading.Lock()


def _connection(self: DuckDBEngine) -> duckdb.DuckDBPyConnection:
    root = self._connection
    if root is None:
        raise RuntimeError("the database is not open")
    if _cursors.cursor is None or _cursors.root is not root:
        with _making:
            cursor = root.cursor()
        # A setting of the session, as bqemulator sets it on the connection.
        cursor.execute("SET TimeZone = 'UTC'")
        memory = os.environ.get(MEMORY_VARIABLE)
        if memory:
            cursor.execute("SET memory_limit = ?", [memory])
        _cursors.root, _cursors.cursor = root, cursor
    return _cursors.cursor


def _expanded_for_readers(bq_sql: str, *, caller: CallerIdentity, **others: Any) -> str:
    if not caller.is_authenticated:
        return bq_sql
    return rewrite_for_row_access(bq_sql, caller=caller, **others)


_create_app = bqemulator.server.create_app  # type: ignore[attr-defined]


def _app(context: AppContext) -> FastAPI:
    app = _create_app(context)
    add_route(app, context.engine)
    return app


def mend() -> None:
    """Puts ours in place of what is at fault; stops where bqemulator is no longer what it was."""
    if (
        not hasattr(SnapshotManager, "record_change")
        or not hasattr(inner_query, "rewrite_for_row_access")
        or not hasattr(write_servicer, "proto_rows_to_arrow_table")
        or not hasattr(write_servicer.BigQueryWriteHandler, "_flush_to_target")
        or not hasattr(jobs, "_handle_query_job")
        or not isinstance(DuckDBEngine.__dict__.get("connection"), property)
        or not isinstance(getattr(executor, "_translator", None), SQLTranslator)
        or getattr(executor, "JOB_RESULTS", None) is not getattr(jobs, "JOB_RESULTS", 0)
    ):
        sys.exit("bqemulator has changed: see embedded/warehouse_process.py for what to look for")
    SnapshotManager.record_change = _announce  # type: ignore[method-assign]
    inner_query.rewrite_for_row_access = _expanded_for_readers
    rules.register(SortedListRule)
    # The translator of queries and views was made, with its rules, when its module was imported.
    executor._translator = SQLTranslator()
    Dialect.parse = parsed_once.parse  # type: ignore[method-assign]
    write_servicer.proto_rows_to_arrow_table = columns_of_rows
    write_servicer.BigQueryWriteHandler._flush_to_target = appended_rows.insert  # type: ignore[method-assign]
    DuckDBEngine.execute = statement_limits.limited(appended_rows.execute)  # type: ignore[method-assign]
    DuckDBEngine.fetch_arrow = statement_limits.limited(DuckDBEngine.fetch_arrow)  # type: ignore[method-assign]
    jobs._handle_query_job = statement_limits.handled
    answers = RecentAnswers(executor.JOB_SCHEMAS)
    executor.JOB_RESULTS = jobs.JOB_RESULTS = answers  # type: ignore[attr-defined]
    bqemulator.server.create_app = _app  # type: ignore[attr-defined]
    DuckDBEngine.connection = property(_connection)  # type: ignore[method-assign,assignment]
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def main() -> None:
    """Runs the server in the foreground; the arguments are those of `bqemulator start`."""
    mend()
    folder = next((one for one in sys.argv if one.startswith(DIRECTORY_OPTION)), "")
    if folder:
        place = Path(folder.removeprefix(DIRECTORY_OPTION))
        rewrite_if_requested(place, os.environ.get(MEMORY_VARIABLE, ""))
    # Where bqemulator loads it from; from a wheel, without network.
    duckdb_extensions.import_extension("spatial")
    emulator(["start", *sys.argv[1:]], prog_name="bqemulator")


if __name__ == "__main__":
    main()
