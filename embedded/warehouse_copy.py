"""A copy of the warehouse's database while it runs: one more route of bqemulator's REST API.

DuckDB lets one process at a time open a database that is written to, so only the server itself can
copy it. The copy is of one moment over all tables. It has a name of its own beside the database, so
that nobody can have a file written anywhere else.

Like the process that it belongs to, this imports nothing of the project.
"""

import threading
from pathlib import Path
from typing import Any

from fastapi import FastAPI

ROUTE = "/salesintel/copy"
COPY = "copy.duckdb"
_ALIAS = "salesintel_copy"


def add_route(app: FastAPI, engine: Any) -> None:
    """The route: POST makes the copy, in a thread of its own, and answers with its name."""
    copying = threading.Lock()
    # What a copy left that was broken off has people in it.
    _remove(_place(engine.connection)[1])

    @app.post(ROUTE)
    def copy() -> dict[str, str]:
        with copying:
            copy_of(engine.connection)
        return {"file": COPY}


def copy_of(connection: Any) -> None:
    """Copies the connection's database into a file beside it."""
    name, target = _place(connection)
    _remove(target)
    quoted = str(target).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS {_ALIAS}")
    try:
        connection.execute(f'COPY FROM DATABASE "{name}" TO {_ALIAS}')
        connection.execute(f"CHECKPOINT {_ALIAS}")
    finally:
        connection.execute(f"DETACH {_ALIAS}")


def _place(connection: Any) -> tuple[str, Path]:
    """Name of the database, and where its copy goes."""
    [(name, path)] = connection.execute(
        "SELECT database_name, path FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchall()
    return name, Path(path).with_name(COPY)


def _remove(target: Path) -> None:
    for left in (target, target.with_name(COPY + ".wal")):
        left.unlink(missing_ok=True)
