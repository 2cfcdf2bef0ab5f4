"""A person's traces in the files of a data directory: found, byte by byte, and removed.

The tables are the warehouse's business (warehouse/erase.py); here is everything else that lies
there: retained messages, cursors, payloads by claim check, logs.
"""

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from connectors.objects import SCHEME, is_name
from embedded.compacted_file import DATABASE
from embedded.directory import DataDirectory
from schemas.errors import RetriableError
from transforms.traces import Edges, Spot, Trace, Traces

BLOCK_BYTES = 4 * 1024 * 1024
OVERLAP_BYTES = 64 * 1024
"""Of two blocks: what is longer than that and lies across both may be missed."""
BUSY_S = 60.0
ROWS_AT_ONCE = 500
SQLITE = b"SQLite format 3\0"
_CHANGE_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
LOGS = (".log", ".1", ".txt")
INK = b"*"
WAL = "-wal"
"""Ends the name of the file in which a database keeps what is not in its pages yet."""
MESSAGES, PUBLISHED = "messages", "published"
"""Of the Pub/Sub server's file."""


def search(directory: DataDirectory, traces: Traces) -> list[Spot]:
    """Every file of the directory in which the person is found, whatever kind of file it is, by its
    path below the directory.

    Of the warehouse's file the tables are searched elsewhere, value by value, and what lies in its
    blocks besides is gone when it is written anew: here it is read as one text."""
    found = []
    for path in files(directory):
        if path.name.startswith(DATABASE):
            trace = _in_file(path, traces, "words")
        elif path.name.endswith(WAL) and _is_sqlite(_database_of(path)):
            trace = _in_database(_database_of(path), path, traces)
        elif _is_sqlite(path):
            trace = _in_database(path, path, traces)
        else:
            trace = _in_file(path, traces, "texts")
        if trace is not None:
            found.append(Spot(str(path.relative_to(directory.path)), trace))
    return found


def files(directory: DataDirectory) -> Iterator[Path]:
    """Every file of the directory."""
    yield from (path for path in sorted(directory.path.rglob("*")) if path.is_file())


def _database_of(wal: Path) -> Path:
    return wal.with_name(wal.name.removesuffix(WAL))


def _in_database(database: Path, path: Path, traces: Traces) -> Trace | None:
    """In a value of a row; or in the bytes of `path`, a file of its, outside what the person's
    identifiers are only a part of in the rows. In doubt it is the person."""
    with closing(sqlite3.connect(database, timeout=BUSY_S)) as connection:
        in_a_row = _in_rows(connection, traces, "texts")
        if in_a_row is not None:
            return in_a_row
        if _in_file(path, traces, "none") is None:
            return None
        longer = set[str]().union(*map(traces.around, _values(connection)))
    return _in_file(path, traces.but_for(longer), "none")


def _in_rows(database: sqlite3.Connection, traces: Traces, edges: Edges) -> Trace | None:
    found = (traces.find(data, edges) for data in _values(database))
    return next(filter(None, found), None)


def _values(database: sqlite3.Connection) -> Iterator[bytes]:
    """The texts and bytes of every row."""
    for table in _tables(database):
        for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 (its schema)
            yield from _bytes(row)


def _in_file(path: Path, traces: Traces, edges: Edges) -> Trace | None:
    tail = b""
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                trace = traces.find(tail + block, edges)
                if trace is not None:
                    return trace
                tail = block[-OVERLAP_BYTES:]
    except FileNotFoundError:
        pass  # A database's log, or a file that has just been replaced.
    return None


def scrub(
    directory: DataDirectory,
    traces: Traces,
    changes: Collection[str],
    written: int | None = None,
) -> dict[str, int]:
    """Removes the person from every file but the warehouse's: rows, files and spans that went, by
    file. `changes` are ids of theirs.

    Messages published at `written` (microseconds) or later stay: the pipeline has yet to read them,
    and what they say of others would be lost."""
    done: dict[str, int] = {}
    for path in files(directory):
        name = str(path.relative_to(directory.path))
        if path.name.startswith(DATABASE) or not path.exists():
            continue
        if directory.objects in path.parents:
            if _in_file(path, traces, "texts") is not None:
                path.unlink()
                done["objects"] = done.get("objects", 0) + 1
        elif _is_sqlite(path):
            count = scrub_database(path, traces, changes, written)
            if count:
                done[name] = count
        elif path.suffix in LOGS:
            count = _ink(path, traces)
            if count:
                done[name] = count
    return done


def is_foreign(directory: DataDirectory, name: str) -> bool:
    """Whether a file, by its path below the directory, is one that no step writes and `scrub` does
    not change: somebody has put it there, as the demo does with what it imports."""
    path = directory.path / name
    return not (
        path.name.startswith(DATABASE)
        or directory.objects in path.parents
        or path.suffix in LOGS
        or _is_sqlite(_database_of(path))
    )


def drop(directory: DataDirectory, addresses: Collection[str]) -> None:
    """Deletes payloads by claim check, whatever they say; those that are gone already are none."""
    for address in addresses:
        name = address.removeprefix(SCHEME)
        if name != address and is_name(name):
            (directory.objects / name).unlink(missing_ok=True)


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(SQLITE)) == SQLITE
    except FileNotFoundError:
        return False


def _tables(database: sqlite3.Connection) -> list[str]:
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for [name] in database.execute(named).fetchall()]


def scrub_database(
    path: Path, traces: Traces, changes: Collection[str] = (), written: int | None = None
) -> int:
    """Deletes the rows in which the person is found, or whose attributes name a change of theirs;
    nothing of them is left in the file. Others may have the database open meanwhile."""
    ids = frozenset(changes)
    with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete = ON")
        count = sum(
            _scrub_table(database, table, traces, ids, written) for table in _tables(database)
        )
        _checkpoint(database)
        if _in_file(path, traces, "none") is not None:
            # In pages that were freed when nothing was overwritten yet; or a part of somebody
            # else's identifier in a row: here the two look the same.
            database.execute("VACUUM")
            _checkpoint(database)
    return count


def _checkpoint(database: sqlite3.Connection) -> None:
    """Empties the log of pages; RetriableError where a reader holds it."""
    busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RetriableError(
            f"a database is being read for longer than {BUSY_S:g} s, and its log may still hold "
            "what was deleted: erase once more"
        )


def _scrub_table(
    database: sqlite3.Connection,
    table: str,
    traces: Traces,
    changes: frozenset[str],
    written: int | None,
) -> int:
    columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
    names = [column[1] for column in columns]
    is_awaited = written is not None and table == MESSAGES and PUBLISHED in names
    limit = f" WHERE {PUBLISHED} < {written:d}" if is_awaited else ""
    keys = [column[1] for column in columns if column[5]] or ["rowid"]
    named = ", ".join(f'"{key}"' for key in keys)
    theirs = [
        row[: len(keys)]
        for row in database.execute(f'SELECT {named}, * FROM "{table}"{limit}')  # noqa: S608 (its schema)
        if _names(row[len(keys) :], traces, changes)
    ]
    where = " AND ".join(f'"{key}" = ?' for key in keys)
    for start in range(0, len(theirs), ROWS_AT_ONCE):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            f'DELETE FROM "{table}" WHERE {where}',  # noqa: S608 (its schema)
            theirs[start : start + ROWS_AT_ONCE],
        )
        database.execute("COMMIT")
    return len(theirs)


def _names(values: tuple[object, ...], traces: Traces, changes: frozenset[str]) -> bool:
    return any(
        not changes.isdisjoint(one.decode() for one in _CHANGE_ID.findall(data))
        or traces.find(data, "texts") is not None
        for data in _bytes(values)
    )


def _bytes(values: tuple[object, ...]) -> Iterator[bytes]:
    """The texts and bytes among the values of a row."""
    for value in values:
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if isinstance(data, bytes):
            yield data


def _ink(path: Path, traces: Traces) -> int:
    """Overwrites every line that names the person, in place: others write behind it."""
    lines, at = 0, 0
    with path.open("r+b") as stream:
        for line in iter(stream.readline, b""):
            if traces.find(line, "texts") is not None:
                stream.seek(at)
                stream.write(INK * len(line.rstrip(b"\r\n")))
                stream.seek(at + len(line))
                lines += 1
            at += len(line)
    return lines
