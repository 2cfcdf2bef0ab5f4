"""`Change`: a change to one source record, the only event of the system."""

import hashlib
import re
from typing import Literal, get_args

import msgspec

Source = Literal["gmail", "salesforce", "hubspot", "dialpad", "files"]
Operation = Literal["upsert", "delete", "merge"]
Lane = Literal["live", "backfill", "import", "replay"]

SOURCES: tuple[str, ...] = get_args(Source)
OPERATIONS: tuple[str, ...] = get_args(Operation)
LANES: tuple[str, ...] = get_args(Lane)

FIRST_ATTEMPT = 1
"""A replay of a dead letter is the next one."""

OBJECT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
# No "@": an address never stands in an attribute. Connectors hash natural keys (`opaque_id`).
OBJECT_ID = re.compile(r"[A-Za-z0-9_.:/+=-]{1,255}\Z")


def stable_hash(*parts: str | int | bytes) -> str:
    """32 hex digits of SHA-256 over the parts, each with its length: no two lists collide."""
    raw = [p if isinstance(p, bytes) else str(p).encode("utf-8", "surrogatepass") for p in parts]
    return hashlib.sha256(b"".join([b"%d:%b" % (len(r), r) for r in raw])).hexdigest()[:32]


def opaque_id(*parts: str) -> str:
    """An object id for a record whose source gives none: a hash of what identifies it."""
    return "h-" + stable_hash(*parts)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The whole record as its source has it at one version.

    `stamp` and `fetched` are microseconds since the epoch: the source's own stamp of the version,
    and when it was read, by the source server's clock. `digest` is that of `payload`. Versions of
    one object are ordered by (`stamp`, `fetched`, `digest`), compared as numbers, then text.
    """

    source: Source
    object_type: str
    object_id: str
    operation: Operation = "upsert"
    stamp: int
    fetched: int
    payload: bytes
    digest: str
    content_type: str = "application/json"
    lane: Lane = "live"
    attempt: int = FIRST_ATTEMPT
    successor: str = ""
    """Of a merge: the object id of the record that lives on."""
    dataref: str = ""
    """Claim check: where the payload lies when it is too large for a message."""

    @property
    def change_id(self) -> str:
        """Identity of the change: a re-read of the same version has the same one."""
        return stable_hash(self.source, self.object_type, self.object_id, self.stamp, self.digest)

    @property
    def record_key(self) -> str:
        """`source:object_type:object_id`, the name of the record in every table."""
        return f"{self.source}:{self.object_type}:{self.object_id}"

    @property
    def version(self) -> tuple[int, int, str]:
        """Newest wins, everywhere the same way."""
        return (self.stamp, self.fetched, self.digest)


def payload_digest(operation: str, payload: bytes, successor: str = "") -> str:
    """Digest of what a change says: the operation too, or a delete with an empty body and an
    upsert with one under the same stamp would be one change."""
    return stable_hash(operation, successor, payload)


def new_change(
    source: Source,
    object_type: str,
    object_id: str,
    payload: bytes,
    *,
    stamp: int,
    fetched: int,
    operation: Operation = "upsert",
    lane: Lane = "live",
    content_type: str = "application/json",
    successor: str = "",
) -> Change:
    """The change that a connector publishes; ids that no attribute may hold are hashed."""
    if not OBJECT_ID.match(object_id):
        object_id = opaque_id(object_id)
    if successor and not OBJECT_ID.match(successor):
        successor = opaque_id(successor)
    return Change(
        source=source,
        object_type=object_type,
        object_id=object_id,
        operation=operation,
        stamp=stamp,
        fetched=fetched,
        payload=payload,
        digest=payload_digest(operation, payload, successor),
        content_type=content_type,
        lane=lane,
        successor=successor,
    )
