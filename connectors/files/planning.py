"""Which files an import would read, for showing before it reads them."""

import gzip
import io
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from connectors.bad_input import safe_name
from connectors.files.detect import GZIP_MAGIC, WHAT_CAN_BE_READ, kind_of
from connectors.files.entries import (
    MAX_INNER_ZIP_BYTES,
    MAX_NESTING,
    UNREADABLE,
    Archives,
    Entry,
    Limit,
    opened,
    refuse_bomb,
    zip_members,
)
from connectors.files.kinds import EML, FOLDER, ZIP, Kind
from connectors.files.options import ImportOptions
from connectors.files.rows import HEAD_BYTES
from connectors.files.stamps import zone_of
from schemas.errors import ConfigurationError, SkippableError


class Refused(NamedTuple):
    """A file that is left out, and why."""

    name: str
    reason: str


class ImportPlan(NamedTuple):
    """What will be read, in this order, and what will not."""

    entries: tuple[Entry, ...]
    refused: tuple[Refused, ...]

    @property
    def size(self) -> int:
        """Bytes to read in all."""
        return sum(entry.size for entry in self.entries)


def detect(path: Path, options: ImportOptions | None = None) -> Kind:
    """What a file or folder is; SkippableError where it is nothing that can be read."""
    try:
        if path.is_dir():
            return FOLDER
        if not stat.S_ISREG(path.stat().st_mode):
            raise SkippableError("neither a file nor a folder")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            if head.startswith(GZIP_MAGIC):
                refuse_bomb(stream)
        return kind_of(path.name, _unpacked(head), options or ImportOptions())
    except OSError as error:
        raise SkippableError(f"cannot be read: {error.strerror or type(error).__name__}") from None


def plan(paths: Iterable[Path], options: ImportOptions | None = None) -> ImportPlan:
    """The files below `paths`, each once, in a fixed order; what is no input is in `refused`.

    ConfigurationError where nothing is left to read, or an option does not fit a file.
    """
    options = options or ImportOptions()
    options.csv_kind()
    zone_of(options.zone)
    found: list[Entry | Refused] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        name = path.name or str(path)
        for one in _below(path, name, options, seen, top=True):
            named = isinstance(one, Refused) and one.name == name
            found.append(one._replace(name=str(path)) if named else one)
    entries = tuple(one for one in found if isinstance(one, Entry))
    refused = tuple(one for one in found if isinstance(one, Refused))
    if not entries:
        if len(refused) == 1:
            raise ConfigurationError(f"{safe_name(refused[0].name)}: {refused[0].reason}")
        why = "".join(f"\n  {safe_name(one.name)}: {one.reason}" for one in refused[:5])
        raise ConfigurationError(f"nothing to import: wanted are {WHAT_CAN_BE_READ}{why}")
    return ImportPlan(entries, refused)


def _below(
    path: Path, name: str, options: ImportOptions, seen: set[tuple[int, int]], *, top: bool = False
) -> Iterator[Entry | Refused]:
    try:
        if path.is_symlink() and not top and path.is_dir():
            yield Refused(name, "a link to a folder is not followed: name the folder")
            return
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return
        seen.add(identity)
        if stat.S_ISDIR(status.st_mode):
            for inner in sorted(path.iterdir()):
                if inner.name.startswith("."):
                    yield Refused(f"{name}/{inner.name}", "hidden: name it to import it")
                else:
                    yield from _below(inner, f"{name}/{inner.name}", options, seen)
            return
        with _told_of(name):
            kind = detect(path, options)
        if kind == ZIP:
            yield from _zipped(path, name, options)
            return
        with path.open("rb") as stream:
            gzipped = stream.read(2) == GZIP_MAGIC
        modified = status.st_mtime_ns // 1_000
        yield Entry(path, (), name, status.st_size, modified, kind, gzipped)
    except OSError as error:
        yield Refused(name, f"cannot be read: {error.strerror or type(error).__name__}")
    except SkippableError as error:
        yield Refused(name, str(error))


def _zipped(path: Path, name: str, options: ImportOptions) -> Iterator[Entry | Refused]:
    archives = Archives()
    modified = path.stat().st_mtime_ns // 1_000
    try:
        yield from _members(path, (), name, modified, options, archives)
    finally:
        archives.close()


def _members(
    path: Path,
    outer: tuple[int, ...],
    name: str,
    modified: int,
    options: ImportOptions,
    archives: Archives,
) -> Iterator[Entry | Refused]:
    if len(outer) >= MAX_NESTING:
        yield Refused(name, "a zip in a zip in a zip is not read: unpack it first")
        return
    try:
        infos = zip_members(archives.zip_at(path, outer))
    except UNREADABLE as error:
        yield Refused(name, f"a damaged zip ({type(error).__name__}): fetch it again")
        return
    except SkippableError as error:
        yield Refused(name, str(error))
        return
    for place, info in infos:
        inner_name = f"{name}/{info.filename}"
        members = (*outer, place)
        try:
            entry = Entry(path, members, inner_name, info.file_size, modified, EML, False)
            head = b""
            if not info.filename.lower().endswith(".eml") and info.file_size:
                with opened(entry, archives) as stream:
                    head = stream.read(HEAD_BYTES)
            elif info.file_size:
                head = b"."
            with _told_of(inner_name):
                kind = kind_of(info.filename, _unpacked(head), options)
        except SkippableError as error:
            yield Refused(inner_name, str(error))
            continue
        except UNREADABLE as error:
            yield Refused(inner_name, f"damaged ({type(error).__name__})")
            continue
        if kind != ZIP:
            yield entry._replace(kind=kind, gzipped=head.startswith(GZIP_MAGIC))
        elif info.file_size > MAX_INNER_ZIP_BYTES:
            yield Refused(inner_name, "too large for a zip in a zip: unpack it first")
        else:
            yield from _members(path, members, inner_name, modified, options, archives)


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """An option that does not fit a file says which."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{safe_name(name)}: {error}") from None


def _unpacked(head: bytes) -> bytes:
    """The first bytes of what a .gz holds; of anything else the bytes themselves.

    SkippableError where as little as this unpacks to what only a bomb does.
    """
    if not head.startswith(GZIP_MAGIC):
        return head
    unpacked = b""
    limit = Limit(lambda: len(head))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(head)) as stream:
            while more := stream.read1(HEAD_BYTES):
                limit(len(more))
                if len(unpacked) < HEAD_BYTES:
                    unpacked += more
    except UNREADABLE:
        # The head ends where we cut it; what came before that is enough.
        pass
    return unpacked
