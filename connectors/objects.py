"""Where payloads lie that are too large for a message: a folder here, a bucket in the cloud."""

import os
import re
from pathlib import Path
from typing import Protocol

from schemas.errors import FatalError, RetriableError

_NAME = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*\Z")
SCHEME = "folder:"


def is_name(name: str) -> bool:
    """Whether this names an object below a store, and nothing outside of it."""
    return _NAME.match(name) is not None and ".." not in name.split("/")


class ObjectStore(Protocol):
    """Bytes under names."""

    def put(self, name: str, body: bytes) -> str:
        """Keeps the bytes and returns their address; a name always stands for the same bytes."""
        ...

    def get(self, uri: str) -> bytes:
        """The bytes at an address; LookupError where there are none."""
        ...


class FolderStore:
    """Objects as files below one folder; an address never leads out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, body: bytes) -> str:
        """Written whole or not at all: a crash leaves no half of an object."""
        if not is_name(name):
            raise FatalError(f"{name!r} is no name of an object")
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + f".{os.getpid()}.part")
        with part.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        return SCHEME + name

    def get(self, uri: str) -> bytes:
        """The bytes; LookupError for an address that is none of ours, or empty; RetriableError
        where the folder cannot be read now."""
        name = uri.removeprefix(SCHEME)
        if name == uri or not is_name(name):
            raise LookupError(uri)
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise LookupError(uri) from None
        except OSError as error:
            raise RetriableError(f"objects cannot be read: {error.strerror}") from error
