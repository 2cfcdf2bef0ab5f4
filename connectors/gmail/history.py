"""What a page of a mailbox's history says: which messages to read, and which are gone.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

DRAFT = "DRAFT"


@dataclass
class Events:
    """Of a page. One record may add a message and change labels of others: all of it counts, in
    whatever order, and however often it is said."""

    read: dict[str, bool] = field(default_factory=dict)
    """Message id to whether its labels have changed: it may have been published before."""
    deleted: set[str] = field(default_factory=set)
    drafts: int = 0
    records: list[str] = field(default_factory=list)
    """Ids of the records that are new to us."""


def events_of(page: dict[str, Any], handled: Container[str]) -> Events:
    """The events of history.list's answer but for records that were handled before.

    `messages` repeats what the four kinds say, and is passed over.
    """
    events = Events()
    for record in page.get("history") or ():
        number = str(record.get("id", ""))
        if number in handled:
            continue
        events.records.append(number)
        for kind in ("labelsAdded", "labelsRemoved"):
            for name, _ in _messages(record, kind):
                events.read[name] = True
        for name, labels in _messages(record, "messagesAdded"):
            if DRAFT in labels:
                # Each autosave is a new message in the place of the last.
                events.drafts += 1
            else:
                events.read.setdefault(name, False)
        for name, labels in _messages(record, "messagesDeleted"):
            if DRAFT in labels:
                events.drafts += 1
            else:
                events.deleted.add(name)
    for name in events.deleted:
        events.read.pop(name, None)
    return events


def _messages(record: dict[str, Any], kind: str) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for change in record.get(kind) or ():
        message = change.get("message") or {}
        if message.get("id"):
            found.append((str(message["id"]), tuple(map(str, message.get("labelIds") or ()))))
    return found


def number_of(value: object) -> int:
    """A history id as a number: uint64, written as a string here and as a number there; 0 where it
    is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else 0
