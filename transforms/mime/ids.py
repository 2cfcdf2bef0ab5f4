"""Message-IDs, and what is made of them: the same in every mailbox and every source.

A Message-ID compares as an exact string between its brackets (RFC 5322, 3.6.4).
"""

import re

from schemas.change import stable_hash

_BRACKETED = re.compile(r"<\s*([^<>\s]+)\s*>")
_NO_WORD = re.compile(r"[<> ]")
SHORTEST_WITHOUT_AT = 12
"""Characters below which an id without an at sign is too common to be unique."""


def normal_message_id(header: str) -> str:
    """The id without its brackets; empty where the header holds none that could be unique."""
    bracketed = _BRACKETED.search(header)
    found = bracketed[1] if bracketed else header.strip().strip("<>").strip()
    left, at, right = found.partition("@")
    usable = (left and right) if at else len(found) >= SHORTEST_WITHOUT_AT
    return found if usable and found.isprintable() and not _NO_WORD.search(found) else ""


def ids_in(header: str) -> tuple[str, ...]:
    """The ids of a References or In-Reply-To header, in order."""
    found = _BRACKETED.findall(header)
    if not found and header.strip():
        found = [word.strip("<>,") for word in header.split() if "@" in word]
    return tuple(one for one in found if one.isprintable())


def mail_interaction_id(message_id: str) -> str:
    """interaction_id of the mail with this normalised Message-ID, whichever source brings it."""
    return stable_hash("mail", message_id)


def thread_of(message_id: str, references: tuple[str, ...], in_reply_to: tuple[str, ...]) -> str:
    """thread_id: a hash of the root of the conversation as far as the mail names it."""
    root = references[0] if references else in_reply_to[0] if in_reply_to else message_id
    return stable_hash("thread", root)
