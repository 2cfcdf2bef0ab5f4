"""Copies of what lies in a data directory, each of one moment, also while a stack writes to it.

The order is what makes them one: first how far things are (low-water marks, cursors), then the
tables, then the messages, then the payloads that messages name. So whatever a cursor has passed
stands in the messages, and whatever the tables lack is published after the marks and is read again
when the pipeline seeks back to them.
"""

import contextlib
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from embedded.compacted_file import DATABASE
from embedded.directory import DataDirectory
from embedded.manifest import NAME, Manifest, decode
from schemas.errors import ConfigurationError, FatalError, RetriableError

ARCHIVE = (".tar.gz", ".tgz")
COMPRESSION = 3
"""Of gzip: what it takes grows faster than what it saves."""

BUSY_S = 60.0
"""How long a copy waits for a file that another process keeps to itself."""

_SQLITE = (".db", ".sqlite")
_BESIDE = ("-wal", "-shm", "-journal", ".wal", ".part", ".lock")
"""Endings of files that belong to another one, or to a process."""


def is_archive(path: Path) -> bool:
    """Whether the name is one of an archive."""
    return path.name.endswith(ARCHIVE)


def copy_sqlite(source: Path, target: Path, busy_s: float = BUSY_S) -> None:
    """A copy of one moment by SQLite's own means; RetriableError where another process keeps the
    file to itself. https://www.sqlite.org/backup.html"""
    deadline = time.monotonic() + busy_s

    def check(status: int, remaining: int, total: int) -> None:
        # The backup itself would wait for ever.
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise RetriableError(f"{source.name} is held by another process: do it again later")

    with (
        contextlib.closing(
            sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=busy_s)
        ) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, progress=check)


def copy_progress(directory: DataDirectory, folder: Path) -> None:
    """Low-water marks, cursors, keys and settings: everything but tables, messages, payloads."""
    if directory.marks.exists():
        _copy(directory.marks, folder / directory.marks.relative_to(directory.path))
    later = {directory.warehouse, directory.pubsub, directory.objects}
    for path in sorted(directory.path.iterdir()):
        if path not in {*later, directory.run, directory.logs}:
            _copy_all(path, folder / path.name)


def copy_messages(directory: DataDirectory, folder: Path) -> None:
    """Topics, subscriptions and messages; then the payloads that messages name."""
    for path in (directory.pubsub, directory.objects):
        if path.exists():
            _copy_all(path, folder / path.name)


def copy_tables(directory: DataDirectory, folder: Path) -> None:
    """The warehouse of a stack that does not run."""
    for name in (DATABASE, DATABASE + ".wal"):
        if (directory.warehouse / name).exists():
            _copy(directory.warehouse / name, folder / "warehouse" / name)


def _copy_all(source: Path, target: Path) -> None:
    if source.is_dir():
        for path in sorted(source.iterdir()):
            _copy_all(path, target / path.name)
    elif source.is_file() and not source.name.endswith(_BESIDE) and source.name != "lock":
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if source.suffix in _SQLITE:
        copy_sqlite(source, target)
    else:
        # What was there when the folder was listed may be gone: objects are replaced, never named
        # before they are whole.
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(source, target)


def pack(folder: Path, out: Path) -> None:
    """The folder as what was asked for: moved there, or as an archive, the manifest first."""
    if not is_archive(out):
        folder.rename(out)
        return
    part = out.with_name(out.name + ".packing")
    try:
        with (
            part.open("xb") as file,
            tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive,
        ):
            part.chmod(0o600)
            archive.add(folder / NAME, NAME)
            for path in sorted(folder.iterdir()):
                if path.name != NAME:
                    archive.add(path, path.name)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    shutil.rmtree(folder)


def manifest_of(source: Path) -> Manifest:
    """The manifest of a snapshot; ConfigurationError where there is none, FatalError where it
    cannot be used."""
    if not source.exists():
        raise ConfigurationError(f"{source} does not exist: name what `snapshot` has made")
    if source.is_dir():
        with contextlib.suppress(FileNotFoundError):
            return decode((source / NAME).read_bytes(), source)
        raise ConfigurationError(f"{source} has no {NAME}: name what `snapshot` has made")
    with _archive(source) as archive:
        first = archive.next()
        file = archive.extractfile(first) if first is not None and first.name == NAME else None
        if file is None:
            raise ConfigurationError(f"{source} is no snapshot: its first file is not {NAME}")
        return decode(file.read(), source)


def unpack(source: Path, folder: Path) -> None:
    """All files of a snapshot into a new folder that nobody else may read."""
    folder.mkdir(mode=0o700, parents=True)
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
        folder.chmod(0o700)
        return
    with _archive(source) as archive:
        # Names that lead out of the folder, links and devices are refused.
        archive.extractall(folder, filter="data")


@contextlib.contextmanager
def _archive(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:gz") as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FatalError(
            f"{source} cannot be read ({type(error).__name__}): it was changed or cut off; take "
            "another copy of it"
        ) from error
