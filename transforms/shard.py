"""State kept by shard: a log in Beam's state, and its index in process memory.

Per-key state costs a request a key on portable runners. Here a key is a shard of many ids, its
state a random token and an append-only log, and the index over the log lives in this process. The
index is trusted only while the stored token is the one that this process wrote with its last
committed bundle:

* the first touch of a shard in a bundle reads the token and takes the index out of the cache; under
  another token, or none, the index is rebuilt from the log. A new random token is written;
* index and log change together;
* `finish_bundle` puts the index back under the new token.

A bundle that fails has taken its index out and never puts it back. A bundle that finishes here but
is not committed leaves an index under a token that is not the stored one. A zombie likewise. So a
wrong index is never used, whatever fails when.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from apache_beam.coders import BytesCoder
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

from transforms.metrics import INDEX_REBUILDS, counter

TOKEN = ReadModifyWriteStateSpec("token", BytesCoder())
LOG = BagStateSpec("log", BytesCoder())

TOKEN_BYTES = 16
CHUNK_ENTRIES = 1_000
COMPACT_FROM_ENTRIES = 1_000
"""Below this many entries a log is not worth compacting."""


class Index(Protocol):
    """What is made of a log: the state that a step works on."""

    def apply(self, entry: bytes) -> None:
        """Takes one entry in; the same entry again changes nothing."""
        ...

    def entries(self) -> Iterable[bytes]:
        """Entries that make this index anew: what a compacted log holds."""
        ...

    def __len__(self) -> int:
        """Number of entries that `entries` gives."""
        ...


I = TypeVar("I", bound=Index)  # noqa: E741 (I for Index)

_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[bytes])


def pack_chunk(entries: list[bytes]) -> bytes:
    """One element of a log: several entries."""
    return _PACK.encode(entries)


def read_log(log: Any) -> Iterable[bytes]:
    """All entries of a log; their order is not kept by every runner and means nothing."""
    for chunk in log.read():
        yield from _UNPACK.decode(chunk)


class _Cached(NamedTuple):
    token: bytes
    index: Any
    logged: int


class IndexCache:
    """Indexes of committed bundles, by state and key. One a process; it is never pickled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._indexes: dict[tuple[str, Any], _Cached] = {}

    def take(self, name: str, key: Any) -> _Cached | None:
        """Takes an index out: whoever fails with it has nothing to leave behind."""
        with self._lock:
            return self._indexes.pop((name, key), None)

    def put(self, name: str, key: Any, token: bytes, index: Any, logged: int) -> None:
        """Puts an index back under the token that its bundle wrote."""
        with self._lock:
            self._indexes[name, key] = _Cached(token, index, logged)


PROCESS_CACHE = IndexCache()


class OpenShard(Generic[I]):
    """A shard within one bundle."""

    def __init__(self, index: I, token: bytes, logged: int) -> None:
        self.index = index
        self.token = token
        self.logged = logged
        self._pending: list[bytes] = []

    def append(self, entry: bytes) -> None:
        """Changes the index; `commit` writes the entry to the log."""
        self.index.apply(entry)
        self._pending.append(entry)

    def commit(self, log: Any) -> None:
        """Writes what was appended to the log, as one chunk, and compacts the log if need be."""
        if not self._pending:
            return
        log.add(pack_chunk(self._pending))
        self.logged += len(self._pending)
        self._pending = []
        if self.logged >= COMPACT_FROM_ENTRIES and self.logged > 2 * len(self.index):
            self.compact(log)

    def compact(self, log: Any) -> None:
        """Writes the log anew: what is no more in the index is no more in the state."""
        entries = list(self.index.entries())
        log.clear()
        for start in range(0, len(entries), CHUNK_ENTRIES):
            log.add(pack_chunk(entries[start : start + CHUNK_ENTRIES]))
        self.logged = len(entries)


class ShardedState(Generic[I]):
    """The shards that a DoFn has open; one instance a DoFn, pickled with it."""

    def __init__(
        self, name: str, new_index: Callable[[], I], cache: Callable[[], IndexCache] | None = None
    ) -> None:
        # Two pipelines in one process must not push each other out of the cache.
        self._name = f"{name}/{os.urandom(8).hex()}"
        self._new_index = new_index
        self._cache = cache or process_cache
        self._open: dict[Any, OpenShard[I]] = {}
        self._rebuilds = counter(INDEX_REBUILDS)

    def start_bundle(self) -> None:
        """Forgets what a failed bundle may have left open."""
        self._open = {}

    def open(self, key: Any, token_cell: Any, log: Any) -> OpenShard[I]:
        """The shard of a key; state is touched at the first call of a bundle only."""
        shard = self._open.get(key)
        if shard is not None:
            return shard
        stored = token_cell.read()
        cached = self._cache().take(self._name, key)
        if cached is not None and stored is not None and cached.token == stored:
            index, logged = cached.index, cached.logged
        else:
            index, logged = self._rebuilt(log if stored is not None else None)
        token = os.urandom(TOKEN_BYTES)
        token_cell.write(token)
        shard = OpenShard(index, token, logged)
        self._open[key] = shard
        return shard

    def finish_bundle(self) -> None:
        """Puts the indexes back under the tokens that this bundle wrote."""
        cache = self._cache()
        for key, shard in self._open.items():
            cache.put(self._name, key, shard.token, shard.index, shard.logged)
        self._open = {}

    def _rebuilt(self, log: Any | None) -> tuple[I, int]:
        index, logged = self._new_index(), 0
        if log is None:
            return index, logged
        self._rebuilds.inc()
        for entry in read_log(log):
            index.apply(entry)
            logged += 1
        return index, logged


def process_cache() -> IndexCache:
    """The cache of this process."""
    return PROCESS_CACHE


def shard_of(identity: str, shards: int) -> int:
    """The shard of a hex hash: the same on every machine and in every run."""
    return int(identity[:8], 16) % shards
