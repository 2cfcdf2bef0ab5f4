"""`Notice`: what a person should know of the system itself, a message of topic notifications.

It names ids, tables and sources and holds nothing private: it goes to chat rooms and mailboxes.
"""

from typing import Literal

import msgspec

from schemas.errors import InvalidPayload
from schemas.quality import Severity

Kind = Literal[
    "error_ratio",
    "source_stopped",
    "quality",
    "dead_letter_growth",
    "run_lost",
    "run_failed",
    "process_given_up",
    "no_answer",
    "unreadable_notice",
]
State = Literal["firing", "recovered"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that holds at a moment, or one that no longer does."""

    kind: Kind
    key: str
    """What it is about, the same as long as it lasts: notices of one key are told as one."""
    state: State = "firing"
    severity: Severity
    subject: str
    """What is so, in one line."""
    action: str
    """What to do."""
    runbook: str = ""
    """Where that is described."""
    happened_at: int
    """When it was seen, in microseconds since the epoch; the newest of a key counts."""


def encode(notice: Notice) -> tuple[bytes, dict[str, str]]:
    """Data and attributes of its message."""
    attributes: dict[str, str] = {
        "kind": notice.kind,
        "state": notice.state,
        "severity": notice.severity,
    }
    return msgspec.json.encode(notice), attributes


def decode(data: bytes) -> Notice:
    """The notice of a message; InvalidPayload where it is none."""
    try:
        return msgspec.json.decode(data, type=Notice)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # From None: the words of that error may quote the message.
        raise InvalidPayload("a message on topic notifications is no notice") from None
