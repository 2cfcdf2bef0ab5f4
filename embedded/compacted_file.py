"""The file of the embedded warehouse, written anew: DuckDB leaves deleted rows in freed blocks.

Asked for by a file beside it, and done when the server starts, before anything is opened. A copy
that fails leaves everything as it was.
"""

import logging
from pathlib import Path

import duckdb

REQUEST = "rewrite.requested"
DATABASE = "bqemulator.duckdb"

log = logging.getLogger(__name__)


def request(directory: Path) -> Path:
    """Asks for it; the file that is there until it is done."""
    asked = directory / REQUEST
    asked.touch()
    return asked


def rewrite_if_requested(directory: Path, memory: str = "") -> bool:
    """Copies what lives into a new file that takes the old one's place; whether it did."""
    asked, database = directory / REQUEST, directory / DATABASE
    if not asked.exists() or not database.exists():
        asked.unlink(missing_ok=True)
        return False
    fresh = directory / f"{DATABASE}.fresh"
    _remove(fresh)
    try:
        _copy(database, fresh, memory)
    except duckdb.Error as error:
        _remove(fresh)
        # Its text may quote a value.
        log.error("the warehouse's file is not rewritten: %s", type(error).__name__)
        return False
    fresh.replace(database)
    _remove(fresh)
    asked.unlink()
    return True


def _copy(database: Path, fresh: Path, memory: str) -> None:
    with duckdb.connect() as connection:
        if memory:
            connection.execute("SET memory_limit = ?", [memory])
        connection.execute(f"SET temp_directory = '{_quoted(database.parent)}'")
        # Not read-only: what a killed server has left in the log is taken in.
        connection.execute(f"ATTACH '{_quoted(database)}' AS old")
        connection.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
        connection.execute("COPY FROM DATABASE old TO fresh")
        connection.execute("CHECKPOINT old")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH old")
        connection.execute("DETACH fresh")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
