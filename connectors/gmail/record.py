"""A message as a change, or nothing where it must not be held.

The payload is the users.messages resource in format `raw` with the mailbox, as connectors/files
make it of an export: both meet in one record, by Gmail's own id.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from connectors.bad_input import BadInput
from connectors.exclusions import Excluder, Exclusions
from schemas.change import Change, Lane, new_change
from schemas.clock import MAX_US, MIN_US

SECOND_US = 1_000_000
HEAD_CHARACTERS = 1_400_000
"""Of base64: headers of a megabyte."""

_JSON = msgspec.json.Encoder(order="sorted")
_FOLD = re.compile(r"\r?\n[ \t]+")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:(.*)$", re.MULTILINE)
_WORD = re.compile(r"[^\s<>,;:\"()\[\]\\]+")
_SENDERS = frozenset(("from", "sender"))
_ADDRESSED = _SENDERS | {"to", "cc", "bcc", "reply-to", "delivered-to"}


@dataclass
class Kept:
    """What a page holds."""

    changes: list[Change] = field(default_factory=list)
    bad: list[BadInput] = field(default_factory=list)
    excluded: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, times: int = 1) -> None:
        """Counts."""
        self.notes[what] = self.notes.get(what, 0) + times


class Records:
    """Makes the changes of one mailbox."""

    def __init__(self, mailbox: str, exclusions: Exclusions, lane: Lane = "live") -> None:
        self.mailbox = mailbox
        self._lane = lane
        self._excluder = Excluder(exclusions)
        self._withheld = {one.strip().lower() for one in exclusions.labels}
        self._reads_headers = bool(exclusions.domains or exclusions.senders)
        self.names: Mapping[str, str] = {}
        """Label id to name: an exclusion may say either."""

    @property
    def needs_names(self) -> bool:
        """Whether labels are excluded, and their names matter."""
        return bool(self._withheld)

    def add(
        self, kept: Kept, name: str, message: dict[str, Any], now: int, relabelled: bool
    ) -> None:
        """Adds a message that was read at `now` by the server's clock.

        `relabelled`: its labels have changed, so that it may have been published before; where it
        may no longer be held, it is withdrawn.
        """
        labels = message.get("labelIds")
        labels = sorted(map(str, labels)) if isinstance(labels, list) else []
        if "DRAFT" in labels:
            kept.note("drafts")
            return
        raw = message.get("raw")
        if message.get("id") != name or not isinstance(raw, str) or not raw:
            kept.bad.append(self._bad(name, "no message in format raw", message))
            return
        payload = _JSON.encode({**message, "labelIds": labels, "mailbox": self.mailbox})
        fetched = _fetched(now, message)
        stamp = _stamp(message, fetched)
        change = new_change(
            "gmail", "message", name, payload, stamp=stamp, fetched=fetched, lane=self._lane
        )
        if not self._excluded(change, raw, labels):
            kept.changes.append(change)
        elif relabelled and self._withheld.intersection(self._spelt(labels)):
            kept.changes.append(self._deletion(name, stamp, fetched))
            kept.note("withdrawn")
        else:
            kept.excluded += 1

    def delete(self, kept: Kept, name: str, now: int) -> None:
        """Adds that a message was deleted for ever.

        Its stamp is the server's present: nobody tells when the message was received, and this is
        later than whatever was read of it. A repetition is therefore one more version, no matter.
        """
        moment = now // SECOND_US * SECOND_US + SECOND_US - 1
        change = self._deletion(name, moment, moment)
        if self._excluder.record(change):
            kept.excluded += 1
        else:
            kept.changes.append(change)

    def unreadable(self, kept: Kept, name: str, reason: str) -> None:
        """Adds a message that Gmail will not give: what there is of it, for the dead letters."""
        kept.bad.append(self._bad(name, reason, {"id": name}))

    def _deletion(self, name: str, stamp: int, fetched: int) -> Change:
        payload = _JSON.encode({"id": name, "mailbox": self.mailbox})
        return new_change(
            "gmail",
            "message",
            name,
            payload,
            stamp=stamp,
            fetched=fetched,
            operation="delete",
            lane=self._lane,
        )

    def _bad(self, name: str, reason: str, message: dict[str, Any]) -> BadInput:
        return BadInput("gmail", f"message {name}", reason, _JSON.encode(message), self._lane)

    def _spelt(self, labels: list[str]) -> set[str]:
        return {one.lower() for label in labels for one in (label, self.names.get(label, label))}

    def _excluded(self, change: Change, raw: str, labels: list[str]) -> bool:
        if self._excluder.record(change):
            return True
        senders, addresses = addresses_in(raw) if self._reads_headers else ([], [])
        spelt = self._spelt(labels)
        return any(self._excluder.mail(one, addresses, spelt) for one in senders or [""])


def _fetched(now: int, message: dict[str, Any]) -> int:
    """The server's second, and within it the message's own history id: of two readings in one
    second the later change is the later version."""
    history = str(message.get("historyId", ""))
    within = int(history) % SECOND_US if history.isascii() and history.isdecimal() else 0
    return now // SECOND_US * SECOND_US + within


def _stamp(message: dict[str, Any], fetched: int) -> int:
    """When Gmail got it, as an import has it; never after it was read, or no deletion would ever
    be newer."""
    received = received_us(message)
    return max(MIN_US, min(fetched if received is None else received, fetched, MAX_US))


def received_us(message: dict[str, Any]) -> int | None:
    """When Gmail got a message; None where it does not say."""
    received = str(message.get("internalDate", ""))
    digits = received.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 15:
        return None
    return int(received) * 1_000


def addresses_in(raw: str) -> tuple[list[str], list[str]]:
    """Senders, and all addresses, of a mail in base64url; whatever else is wrong with it."""
    head = raw[:HEAD_CHARACTERS]
    source = urlsafe_b64decode(head[: len(head) // 4 * 4] if len(raw) > len(head) else _padded(raw))
    text = source.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    senders, addresses = [], []
    for name, value in _FIELD.findall(_FOLD.sub(" ", text)):
        if name.lower() in _ADDRESSED:
            found = [one.lower() for one in _addresses_of(value)]
            addresses += found
            senders += found if name.lower() in _SENDERS else []
    return senders, addresses


def _addresses_of(value: str) -> Iterator[str]:
    """Word by word: one pattern for all of an address would try every end of a long word without
    an @, and a megabyte of such words would take it hours."""
    for word in _WORD.findall(value):
        for local, domain in pairwise(word.split("@")):
            if local and domain:
                yield f"{local}@{domain}"


def _padded(text: str) -> str:
    text = text.rstrip("=")
    return text + "=" * (-len(text) % 4)
