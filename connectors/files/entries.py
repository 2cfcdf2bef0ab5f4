"""What there is to read: files, and entries of zips, opened as streams.

Nothing is ever unpacked to disk, so no name in a zip can lead anywhere; a name that would is a
sign of an attack, and its zip is refused whole.
"""

import gzip
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from connectors.bad_input import file_id
from connectors.files.kinds import Kind
from schemas.errors import SkippableError

MAX_ZIP_ENTRIES = 200_000
MAX_UNPACKED_BYTES = 50 * 1024**3
"""Of one zip, or one .gz, in all."""
MAX_RATIO = 200
"""Unpacked to packed; text and mail come to 20 or so, a bomb to a thousand."""
RATIO_FLOOR_BYTES = 1024 * 1024
"""Below this a ratio says nothing."""
MAX_NESTING = 2
"""A zip in a zip is read, a zip in that is not."""
MAX_INNER_ZIP_BYTES = 256 * 1024 * 1024
"""A zip in a zip is held in memory."""

UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What reading a damaged, locked or vanished file may raise."""


class Entry(NamedTuple):
    """One thing to read: a file, or an entry inside a zip: `members` are its places in the zip's
    list, one for every zip around it (two entries may have one name).

    `name` is for people, below what was named on the command line; `size` in bytes as they are
    read (packed, of a .gz); `modified` in microseconds since the epoch.
    """

    path: Path
    members: tuple[int, ...]
    name: str
    size: int
    modified: int
    kind: Kind
    gzipped: bool

    @property
    def file_id(self) -> str:
        """What letters about it name."""
        return file_id(self.kind.source or "files", self.name)


class _Read1(Protocol):
    def read1(self, size: int = ..., /) -> bytes: ...


class Counted(io.RawIOBase):
    """A stream that tells how many bytes were read of it, as they are read.

    It asks for what one step gives: many steps in one go lose what came before an error.
    """

    def __init__(self, inner: _Read1, tell: Callable[[int], None]) -> None:
        self._inner = inner
        self._tell = tell

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Reads, and tells."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        found = self._inner.read1(len(view))
        view[: len(found)] = found
        self._tell(len(found))
        return len(found)


class Salvaged(io.RawIOBase):
    """A stream that ends where it cannot be read further; `damage` then says why."""

    def __init__(self, inner: _Read1) -> None:
        self._inner = inner
        self.damage = ""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Reads; nothing after a damage."""
        if self.damage:
            return 0
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            found = self._inner.read1(len(view))
        except UNREADABLE as error:
            self.damage = damage(error)
            return 0
        view[: len(found)] = found
        return len(found)


def damage(error: Exception) -> str:
    """What to say of a file that cannot be read any further."""
    return f"damaged or unreadable ({type(error).__name__}): the rest is missing"


class Archives:
    """Zips kept open as long as entries of the same one are read."""

    def __init__(self) -> None:
        self._open: tuple[tuple[Path, tuple[int, ...]], zipfile.ZipFile] | None = None
        self._stack = ExitStack()

    def zip_at(self, path: Path, members: tuple[int, ...]) -> zipfile.ZipFile:
        """The zip at a path, or at `members` inside it."""
        place = (path, members)
        if self._open and self._open[0] == place:
            return self._open[1]
        self.close()
        archive = self._stack.enter_context(zipfile.ZipFile(path))
        for member in members:
            inner = io.BytesIO(archive.read(archive.infolist()[member]))
            archive = self._stack.enter_context(zipfile.ZipFile(inner))
        self._open = (place, archive)
        return archive

    def close(self) -> None:
        """Closes what is open."""
        self._open = None
        self._stack.close()


@contextmanager
def opened(
    entry: Entry, archives: Archives, tell: Callable[[int], None] = lambda count: None
) -> Iterator[io.BufferedReader]:
    """The entry as a stream of what it holds, unpacked; `tell` is given the bytes as read."""
    with ExitStack() as stack:
        if entry.members:
            archive = archives.zip_at(entry.path, entry.members[:-1])
            info = archive.infolist()[entry.members[-1]]
            raw: _Read1 = stack.enter_context(archive.open(info))  # type: ignore[assignment]
        else:
            raw = stack.enter_context(entry.path.open("rb"))
        read = 0

        def count(found: int) -> None:
            nonlocal read
            read += found
            tell(found)

        stream: io.BufferedReader = io.BufferedReader(Counted(raw, count), 1 << 18)
        if entry.gzipped:
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=stream))
            stream = io.BufferedReader(Counted(unpacked, Limit(lambda: read)), 1 << 16)
        yield stream


class Limit:
    """Counts what comes out of a .gz and refuses a bomb."""

    def __init__(self, packed: Callable[[], int]) -> None:
        self._packed = packed
        self._out = 0

    def __call__(self, found: int) -> None:
        """So many bytes more came out."""
        self._out += found
        too_dense = self._out > max(RATIO_FLOOR_BYTES, MAX_RATIO * self._packed())
        if too_dense or self._out > MAX_UNPACKED_BYTES:
            raise SkippableError("refused: unpacks to far more than it holds (a zip bomb)")


def refuse_bomb(packed: BinaryIO) -> None:
    """SkippableError where a .gz says at its end that it is a bomb, and unpacks to one indeed: the
    end of one that was cut off says anything."""
    size = packed.seek(0, io.SEEK_END)
    packed.seek(max(0, size - 4))
    if int.from_bytes(packed.read(4), "little") <= max(RATIO_FLOOR_BYTES, MAX_RATIO * size):
        return
    packed.seek(0)
    limit = Limit(lambda: size)
    with suppress(*UNREADABLE), gzip.GzipFile(fileobj=packed) as stream:
        while found := stream.read1(1 << 18):
            limit(len(found))


def zip_members(archive: zipfile.ZipFile) -> list[tuple[int, zipfile.ZipInfo]]:
    """The files of a zip with their places, in its order; SkippableError where it breaks a
    limit or a name would lead out of it."""
    infos = archive.infolist()
    if len(infos) > MAX_ZIP_ENTRIES:
        raise SkippableError(f"refused: more than {MAX_ZIP_ENTRIES} entries; split it")
    unpacked = 0
    files = []
    for place, info in enumerate(infos):
        if leads_out(info.filename):
            raise SkippableError(f"refused: the name of entry {place} would lead out of the zip")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise SkippableError(f"refused: entry {place} is a symbolic link")
        if info.is_dir():
            continue
        if info.flag_bits & 1:
            raise SkippableError("locked with a password: unpack it and import the folder")
        unpacked += info.file_size
        dense = info.file_size > max(RATIO_FLOOR_BYTES, MAX_RATIO * info.compress_size)
        if dense or unpacked > MAX_UNPACKED_BYTES:
            raise SkippableError("refused: unpacks to far more than it holds (a zip bomb)")
        files.append((place, info))
    return files


def leads_out(name: str) -> bool:
    """Whether a name in a zip is absolute or climbs."""
    parts = re.split(r"[/\\]", name)
    return ".." in parts or name.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", name))
