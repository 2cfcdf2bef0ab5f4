"""Salesforce record ids: one form for imports, the live connector and references.

An id has 15 characters in which case counts, or 18: three more that say which of the 15 are upper
case, so that it survives systems that ignore case. We keep the 18.
https://help.salesforce.com/s/articleView?id=000385585
"""

import re
from functools import lru_cache

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

OBJECT_OF_PREFIX = {
    "001": "account",
    "003": "contact",
    "005": "user",
    "006": "opportunity",
    "00Q": "lead",
    "00T": "task",
    "00U": "event",
    "02s": "emailmessage",
}
"""Key prefix to our object type. https://help.salesforce.com/s/articleView?id=000385203"""


def checksum(short: str) -> str:
    """The three characters that 15 characters of an id bring with them."""
    if short.isdigit() or short.islower():
        return "AAA"
    suffix = ""
    for start in (0, 5, 10):
        flags = 0
        for place, letter in enumerate(short[start : start + 5]):
            if "A" <= letter <= "Z":
                flags |= 1 << place
        suffix += _SUFFIX[flags]
    return suffix


def _restored(short: str, suffix: str) -> str | None:
    """The 15 characters in the case that the suffix tells; None where it can tell none."""
    letters = []
    for place, letter in enumerate(short):
        flags = _SUFFIX.find(suffix[place // 5])
        if flags < 0:
            return None
        upper = bool(flags >> place % 5 & 1)
        if upper and letter.isdigit():
            return None
        letters.append(letter.upper() if upper else letter.lower())
    return "".join(letters)


@lru_cache(maxsize=65_536)
def _to18(text: str) -> str | None:
    if not _ID.match(text):
        return None
    short, suffix = text[:15], text[15:]
    if not suffix:
        return short + checksum(short)
    # Mixed case is what the source wrote; case that was lost is what the suffix is for.
    if short not in (short.upper(), short.lower()) or checksum(short) == suffix:
        return text
    restored = _restored(short, suffix.upper())
    return text if restored is None else restored + suffix.upper()


def to18(text: object) -> str | None:
    """The 18-character form of an id; None for what is none.

    Where a system has made all letters upper or lower case, the suffix tells what they were. An id
    of mixed case stays what it is, even under a suffix that is not its own.
    """
    return _to18(text) if isinstance(text, str) else None


@lru_cache(maxsize=65_536)
def _key_of(text: str) -> str | None:
    known = _to18(text)
    kind = OBJECT_OF_PREFIX.get(known[:3]) if known else None
    return f"salesforce:{kind}:{known}" if kind else None


def key_of(text: object) -> str | None:
    """`salesforce:contact:003…` of the id of an object that we keep; None for any other text."""
    return _key_of(text) if isinstance(text, str) else None
