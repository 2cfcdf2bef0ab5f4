"""An input that no connector can take, and the message that makes a dead letter of it."""

import re
from pathlib import PurePath
from typing import NamedTuple

from schemas.change import Lane, Source, opaque_id, stable_hash
from schemas.envelope import MAX_ATTRIBUTE_VALUE_BYTES, SOURCE_PREFIX, topic_of

IMPORT_ERROR = "ce-import-error"
"""Attribute that tells Decode not to look for a change: the reason."""

_ADDRESS = re.compile(
    r"[^\s/\\@]+@[^\s/\\@]+?(?=(?:\.(?:mbox|eml|csv|zip))?(?:\.gz)?(?:[\s/\\@]|\Z))"
)


class BadInput(NamedTuple):
    """`location`: file and line or byte offset, or object and id; `data`: the exact bytes; `file`:
    of an import, the file_id of what is to be mended."""

    source: Source
    location: str
    reason: str
    data: bytes
    lane: Lane = "import"
    file: str = ""


def safe_name(name: str) -> str:
    """A file's name for locations and messages: an address in it (`jo@x.com.mbox`) is hashed."""
    return _ADDRESS.sub(lambda found: f"h-{stable_hash(found.group())[:12]}", name)


def file_id(source: Source, name: str) -> str:
    """What a letter of an import is about, and what an import says that it read: the same wherever
    the file is found when it has been mended. No name can be read from it."""
    return opaque_id("file", source, PurePath(name).name)[:18]


def bad_input_message(bad: BadInput) -> tuple[str, bytes, dict[str, str]]:
    """Topic, data and attributes: a raw message to the source's own topic, so that the dead letter
    is written where all others are."""
    reason = f"{bad.location}: {bad.reason}".encode()[-MAX_ATTRIBUTE_VALUE_BYTES:]
    attributes = {
        IMPORT_ERROR: reason.decode("utf-8", "ignore"),
        "ce-source": SOURCE_PREFIX + bad.source,
        "ce-lane": bad.lane,
    }
    if bad.file:
        attributes["ce-objectid"] = bad.file
    return topic_of(bad.source), bad.data, attributes
