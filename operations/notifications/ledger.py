"""What each channel has been told, so that nothing is told twice and nothing is left out.

Notices come at least once, in any order, and one channel may fail while another takes them: so each
channel has an entry a key of its own, and `decide` is a plain function of it and the notice.
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from schemas.errors import ConfigurationError, RetriableError
from schemas.notice import Notice, State
from schemas.quality import Severity

What = Literal["new", "still", "recovered", "was"]
"""new: it begins, or has become worse. still: it lasts. recovered: it is over. was: it is over
already, and could not be told before."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS told (channel TEXT, key TEXT, entry TEXT NOT NULL,"
    " PRIMARY KEY (channel, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS firing (key TEXT PRIMARY KEY, notice TEXT NOT NULL) WITHOUT ROWID",
)


BUSY_S = 10.0
"""Others have the file for a moment: what copies it, or takes a person out of it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Of one key, what a channel knows. Times in microseconds since the epoch."""

    state: State
    severity: Severity
    happened_at: int
    """Of the newest notice."""
    told_at: int = 0
    """When the newest one that was told had happened; 0: none was."""
    told_through: int = 0
    """Older notices than this have been told, or counted among those that were."""
    repeats: int = 0
    """Counted since it was told."""


class Decision(NamedTuple):
    """What to tell, if anything, how often it was seen besides, and the entry when that is done."""

    what: What | None
    repeats: int
    entry: Entry


def decide(entry: Entry | None, notice: Notice, repeat_us: int) -> Decision:
    """What a channel is told of a notice; what lasts anew after `repeat_us` microseconds."""
    if entry is not None and notice.happened_at <= entry.happened_at:
        return _overtaken(entry, notice)
    newest = Entry(
        state=notice.state,
        severity=notice.severity,
        happened_at=notice.happened_at,
        told_at=notice.happened_at,
        told_through=notice.happened_at,
    )
    lasts = entry is not None and entry.state == "firing"
    if notice.state == "recovered":
        if entry is not None and lasts:
            return Decision("recovered", entry.repeats, newest)
        # Its beginning may still come: then it is told that it was.
        through = entry.told_through if entry is not None else 0
        told_at = entry.told_at if entry is not None else 0
        kept = msgspec.structs.replace(newest, told_at=told_at, told_through=through)
        return Decision(None, 0, kept)
    if entry is None or not lasts or (entry.severity, notice.severity) == ("warning", "error"):
        return Decision("new", 0, newest)
    if notice.happened_at - entry.told_at >= repeat_us:
        return Decision("still", entry.repeats + 1, newest)
    counted = msgspec.structs.replace(newest, told_at=entry.told_at, repeats=entry.repeats + 1)
    return Decision(None, 0, counted)


def _overtaken(entry: Entry, notice: Notice) -> Decision:
    """Of a notice that comes again, or later than a newer one of its key."""
    untold = notice.happened_at > entry.told_through
    if notice.state == "firing" and entry.state == "recovered" and untold:
        through = msgspec.structs.replace(
            entry, told_at=notice.happened_at, told_through=entry.happened_at
        )
        return Decision("was", 0, through)
    return Decision(None, 0, entry)


class Ledger:
    """The entries, and what the watch holds for lasting, in a SQLite file that one process has."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the file: `snapshot` and `erase` have to get at that meanwhile.
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Two who notify would tell everything twice.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConfigurationError(f"{path}: another `salesintel notify` has it") from None
        self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            for statement in _SCHEMA:
                self._connection.execute(statement)
        except sqlite3.OperationalError as error:
            self.close()
            raise ConfigurationError(f"{path} cannot be written: {error}") from None

    def close(self) -> None:
        """Lets another one have it."""
        self._connection.close()
        os.close(self._lock)

    def entry(self, channel: str, key: str) -> Entry | None:
        """What a channel knows of a key."""
        row = self._connection.execute(
            "SELECT entry FROM told WHERE channel = ? AND key = ?", (channel, key)
        ).fetchone()
        return msgspec.json.decode(row[0], type=Entry) if row else None

    def keep(self, channel: str, key: str, entry: Entry) -> None:
        """Notes what a channel knows now; RetriableError where it cannot be written."""
        self._write(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?)",
            [(channel, key, msgspec.json.encode(entry).decode())],
        )

    def firing(self) -> dict[str, Notice]:
        """What was so when it was looked at last, by key."""
        rows = self._connection.execute("SELECT key, notice FROM firing ORDER BY key").fetchall()
        return {key: msgspec.json.decode(text, type=Notice) for key, text in rows}

    def keep_firing(self, before: Mapping[str, Notice], now: Mapping[str, Notice]) -> None:
        """Notes what is so now; RetriableError where it cannot be written."""
        gone = [(key,) for key in before.keys() - now.keys()]
        self._write("DELETE FROM firing WHERE key = ?", gone)
        lasting = [(key, msgspec.json.encode(one).decode()) for key, one in now.items()]
        self._write("INSERT OR REPLACE INTO firing VALUES (?, ?)", lasting)

    def _write(self, sql: str, rows: Sequence[tuple[str, ...]]) -> None:
        try:
            self._connection.executemany(sql, rows)
        except sqlite3.OperationalError as error:
            raise RetriableError(f"notifications.db cannot be written: {error}") from None
