"""One simulated mailbox: its messages, labels and history.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history
"""

import random
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

SYSTEM_LABELS = (
    "INBOX SENT DRAFT SPAM TRASH UNREAD STARRED IMPORTANT CHAT CATEGORY_PERSONAL"
    " CATEGORY_SOCIAL CATEGORY_PROMOTIONS CATEGORY_UPDATES CATEGORY_FORUMS"
).split()


@dataclass
class Message:
    """A message as it lies in one mailbox; times in microseconds since the epoch."""

    id: str
    thread: str
    internal_us: int
    raw: bytes
    labels: set[str]
    history_id: int
    added_us: int
    """When it came; the index may show it later."""

    def resource(self, form: str = "raw") -> dict[str, Any]:
        """The users.messages resource; labelIds is left out where there are none, as Gmail does."""
        found: dict[str, Any] = {
            "id": self.id,
            "threadId": self.thread,
            "historyId": str(self.history_id),
            "internalDate": str(self.internal_us // 1_000),
            "sizeEstimate": len(self.raw),
            "snippet": "",
        }
        if self.labels:
            found["labelIds"] = sorted(self.labels)
        if form == "raw":
            found["raw"] = urlsafe_b64encode(self.raw).decode("ascii").rstrip("=")
        return found


@dataclass(frozen=True)
class Event:
    """A record of the history: `kind` is messagesAdded, messagesDeleted, labelsAdded, …"""

    id: int
    kind: str
    message: dict[str, Any]
    labels: tuple[str, ...]
    at_us: int

    def resource(self) -> dict[str, Any]:
        """The users.history resource."""
        change: dict[str, Any] = {"message": self.message}
        if self.labels:
            change["labelIds"] = list(self.labels)
        plain = {"id": self.message["id"], "threadId": self.message["threadId"]}
        return {"id": str(self.id), "messages": [plain], self.kind: [change]}


@dataclass
class Mailbox:
    """A user's mailbox; changed by the methods of GmailState only."""

    address: str
    rng: random.Random
    messages: dict[str, Message] = field(default_factory=dict)
    history: list[Event] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    """Label id to name, of the user's own labels."""
    history_id: int = 1_000
    oldest: int = 0
    """History ids below this are out of date: 404."""
    suspended: bool = False
    licensed: bool = True
    delegated: bool = True
    watch: dict[str, Any] = field(default_factory=dict)
    watches: int = 0

    def next_id(self) -> int:
        """Rises, with gaps."""
        self.history_id += self.rng.randrange(1, 40)
        return self.history_id

    def note(self, kind: str, message: Message, labels: tuple[str, ...], at_us: int) -> int:
        """Writes a record of the history."""
        number = message.history_id = self.next_id()
        shown: dict[str, Any] = {"id": message.id, "threadId": message.thread}
        if message.labels:
            shown["labelIds"] = sorted(message.labels)
        self.history.append(Event(number, kind, shown, labels, at_us))
        return number
