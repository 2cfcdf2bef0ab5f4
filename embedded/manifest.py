"""A snapshot of a data directory: which files it has, what its tables hold, when it was taken.

The manifest is read before anything else of a snapshot, and everything is checked against it.
"""

import hashlib
from pathlib import Path

import msgspec

from embedded.directory import FORMAT
from schemas.errors import FatalError
from schemas.version import VERSION
from warehouse.digests import Checksum

NAME = "manifest.json"
SNAPSHOT_FORMAT = 1
"""Rises when a snapshot is laid out in another way."""

CHUNK_BYTES = 1 << 20


class FileSum(msgspec.Struct, frozen=True):
    """A file's size and SHA-256."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds."""

    format: int = SNAPSHOT_FORMAT
    data_format: int = FORMAT
    version: str = VERSION
    """Of the code that took it."""
    taken_at: int
    """Microseconds: everything that was published before is in it."""
    source: str
    """The data directory that it was taken of."""
    while_running: bool
    settled: bool = True
    """Whether the tables have all rows of what was published before `taken_at`."""
    tables: dict[str, Checksum]
    erased_until: int = 0
    """When the newest erasure was asked for that it knows of; 0: it knows none."""
    files: dict[str, FileSum]


def file_sum(path: Path) -> FileSum:
    """Size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return FileSum(size, digest.hexdigest())


def sums_of(folder: Path) -> dict[str, FileSum]:
    """Every file below a folder but the manifest, by its path from there."""
    return {
        path.relative_to(folder).as_posix(): file_sum(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }


def decode(text: bytes, where: Path) -> Manifest:
    """The manifest; FatalError where it is none, or of a newer version."""
    try:
        known = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        formats = [msgspec.json.decode(known[n], type=int) for n in ("format", "data_format")]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        raise FatalError(f"{where} has no manifest that can be read: is it a snapshot?") from None
    for found, newest in zip(formats, (SNAPSHOT_FORMAT, FORMAT), strict=True):
        if found > newest:
            raise FatalError(
                f"{where} has format {found}, this version knows {newest} at most: use the version "
                "that took it"
            )
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise FatalError(f"the manifest of {where} cannot be read: {error}") from None


def check_files(folder: Path, manifest: Manifest) -> None:
    """FatalError names the files that are not as the manifest has them."""
    found = sums_of(folder)
    wrong = sorted(
        name
        for name in found.keys() | manifest.files.keys()
        if found.get(name) != manifest.files.get(name)
    )
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise FatalError(
            f"the snapshot is not as its manifest has it: {shown}. It was changed or cut off: "
            "take another copy of it"
        )
