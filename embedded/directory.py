"""The data directory of a stack: what lies where, its format, who holds it, how to reach it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import msgspec

from schemas.errors import ConfigurationError, FatalError, RetriableError

FORMAT = 1
"""Rises when what lies in the directory changes its form; older ones are upgraded, step by step."""

REDACTION_KEY_BYTES = 32

Upgrade = Callable[[Path], None]

UPGRADES: Mapping[int, Upgrade] = MappingProxyType({})
"""From which format: what brings a directory to the next one."""


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a running stack; stack.json in its directory."""

    pid: int
    project: str
    pubsub: str
    """host:port"""
    rest: str
    """http://host:port"""
    grpc: str
    """host:port"""
    settings: str = ""
    """The settings file that it runs with."""
    started: int = 0
    """Microseconds since the epoch."""


class DataDirectory:
    """One stack's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pubsub = path / "pubsub"
        self.warehouse = path / "warehouse"
        self.objects = path / "objects"
        self.logs = path / "logs"
        self.run = path / "run"
        self.marks = path / "run" / "low-water-marks.json"
        self.redaction_key = path / "redaction.key"
        self._format = path / "format.json"
        self._stack = path / "run" / "stack.json"
        self._lock: int | None = None

    def open(self, upgrades: Mapping[int, Upgrade] = UPGRADES, newest: int = FORMAT) -> None:
        """Makes the directory or brings it to the newest format, and takes hold of it.

        FatalError where another stack has it, or where a newer version has written it.
        """
        try:
            # What lies here is personal: for nobody else on this machine.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.pubsub, self.warehouse, self.objects, self.logs, self.run):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{self.path} cannot be used as a data directory: {error.strerror}"
            ) from None
        self._take()
        try:
            self._bring_up_to_date(upgrades, newest)
        except BaseException:
            self.close()
            raise

    def _take(self) -> None:
        try:
            lock = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"{self.path} cannot be used as a data directory: {error.strerror}"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise FatalError(
                f"{self.path} is in use by the stack with process id {holder}: stop that one, or "
                "name another directory with --data"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def _bring_up_to_date(self, upgrades: Mapping[int, Upgrade], newest: int) -> None:
        if not self._format.exists():
            self._write_format(newest)
            return
        try:
            found = json.loads(self._format.read_text("utf-8"))["format"]
        except (ValueError, KeyError, TypeError):
            raise FatalError(f"{self._format} cannot be read: is this a data directory?") from None
        if not isinstance(found, int) or found > newest:
            raise FatalError(
                f"{self.path} has format {found}, this version knows {newest} at most: use the "
                "version that wrote it, or name another directory with --data"
            )
        while found < newest:
            step = upgrades.get(found)
            if step is None:
                raise FatalError(f"{self.path} has format {found}, from which no upgrade leads on")
            step(self.path)
            found += 1
            self._write_format(found)

    def _write_format(self, version: int) -> None:
        _replace(self._format, json.dumps({"format": version}) + "\n")

    def is_one(self) -> bool:
        """Whether there is a data directory, of whatever format."""
        return self._format.exists()

    def make_redaction_key(self) -> bytes:
        """The key of the field policy `hash`, made where there is none yet; hashes under another
        key would not meet those in the tables."""
        try:
            made = os.open(self.redaction_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self.redaction_key.read_bytes()
        with os.fdopen(made, "wb") as out:
            key = os.urandom(REDACTION_KEY_BYTES)
            out.write(key)
        return key

    def publish(self, stack: Stack) -> None:
        """Writes how to reach the stack; other commands find it there."""
        _replace(self._stack, msgspec.json.encode(stack).decode() + "\n")

    def write_health(self, health: Mapping[str, object]) -> None:
        """What the supervisor sees, for `status`."""
        _replace(self.run / "health.json", json.dumps(health) + "\n")

    def read_health(self) -> dict[str, dict[str, object]]:
        """What the supervisor saw last; empty where it saw nothing yet."""
        try:
            found = json.loads((self.run / "health.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @contextmanager
    def upkeep(self) -> Iterator[None]:
        """For what moves or takes away rows: one at a time; RetriableError where one is at it."""
        lock = os.open(self.run / "upkeep.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RetriableError(
                    "a compaction, a rebuild or the like is at work: do it again when that is done"
                ) from None
            yield
        finally:
            os.close(lock)

    def close(self) -> None:
        """Lets go of the directory."""
        if self._lock is not None:
            self._stack.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def stack(self) -> Stack:
        """The running stack; ConfigurationError where none runs."""
        try:
            stack = msgspec.json.decode(self._stack.read_bytes(), type=Stack)
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError, UnicodeDecodeError):
            raise self._none_runs() from None
        except OSError as error:
            raise ConfigurationError(f"{self._stack} cannot be read: {error.strerror}") from None
        try:
            os.kill(stack.pid, 0)
        except ProcessLookupError:
            raise self._none_runs() from None
        except PermissionError:
            pass  # It runs, as another user.
        return stack

    def _none_runs(self) -> ConfigurationError:
        return ConfigurationError(
            f"no stack runs on {self.path}: start one with `salesintel up --data {self.path}`"
        )


def _replace(path: Path, content: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
