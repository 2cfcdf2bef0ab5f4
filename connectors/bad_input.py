"""An input that no connector can take, and the message that makes a dead letter of it."""

import re
from typing import NamedTuple

from schemas.change import Lane, Source, stable_hash
from schemas.envelope import MAX_ATTRIBUTE_VALUE_BYTES, SOURCE_PREFIX, topic_of

IMPORT_ERROR = "ce-import-error"
"""Attribute that tells Decode not to look for a change: the reason."""

_ADDRESS = re.compile(
    r"[^\s/\\@]+@[^\s/\\@]+?(?=(?:\.(?:mbox|eml|csv|zip))?(?:\.gz)?(?:[\s/\\@]|\Z))"
)


class BadInput(NamedTuple):
    """`location`: file and line or byte offset, or object and id; `data`: the exact bytes."""

    source: Source
    location: str
    reason: str
    data: bytes
    lane: Lane = "import"


def safe_name(name: str) -> str:
    """A file's name for locations and messages: an address in it (`jo@x.com.mbox`) is hashed."""
    return _ADDRESS.sub(lambda found: f"h-{stable_hash(found.group())[:12]}", name)


def bad_input_message(bad: BadInput) -> tuple[str, bytes, dict[str, str]]:
    """Topic, data and attributes: a raw message to the source's own topic, so that the dead letter
    is written where all others are."""
    reason = f"{bad.location}: {bad.reason}".encode()[-MAX_ATTRIBUTE_VALUE_BYTES:]
    attributes = {
        IMPORT_ERROR: reason.decode("utf-8", "ignore"),
        "ce-source": SOURCE_PREFIX + bad.source,
        "ce-lane": bad.lane,
    }
    return topic_of(bad.source), bad.data, attributes
