"""Marks of people who must stay forgotten, and where they are found.

A mark is a keyed hash of an identifier: who reads the marks without the deployment's key learns
nobody's name. The key is that of the field policy `hash`.
"""

import hashlib
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Literal

from transforms.identifiers import email, phone

Kind = Literal["record", "email", "phone", "name", "interaction"]
"""What is marked: a record_key, an address, a number, a whole name that nobody else bears, or an
interaction that the person took part in (a transcript need not say whose it is)."""

MARK_BYTES = 16
LONGEST_NAME_WORDS = 4

_KINDS: dict[Kind, str] = {
    "record": "0",
    "email": "1",
    "phone": "2",
    "name": "3",
    "interaction": "4",
}

# Bounded, and begun at the edge of a word alone: payloads have lines of a megabyte.
_IN = r"[^\s<>()\[\]\",;:'=@]"
_ADDRESS = re.compile(rf"(?<!{_IN}){_IN}{{1,64}}+@[\w-]{{1,63}}+(?:\.[\w-]{{1,63}}+)+")
_NUMBER = re.compile(r"(?<!\d)\+?\(?\d[\d ()./-]{5,22}\d(?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def mark(key: bytes, kind: Kind, value: str) -> str:
    """The mark of a canonical value: 32 hex digits, the first the kind.

    The next three of a name's tell a 4,096th of all first words: a text is not hashed whole.
    """
    said = f"{kind}:{value}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(said, key=key[:64], digest_size=MARK_BYTES).hexdigest()
    if kind == "name":
        return f"{_KINDS[kind]}{_bucket(value.partition(' ')[0]):03x}{digest[4:]}"
    return _KINDS[kind] + digest[1:]


def names_somebody(one: str) -> bool:
    """Whether a mark is that of a person: in an interaction others take part, too."""
    return one[0] != _KINDS["interaction"]


def mark_of_key(key: bytes) -> str:
    """A mark that stands for the key itself, and for nobody: each erasure has it, so that whoever
    comes with another key is told."""
    return mark(key, "record", "")


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) & 0xFFF


def name_of(words: Iterable[str]) -> str:
    """A name as it is marked: its words in lower case."""
    return " ".join(word.casefold() for word in words)


def marks_of(key: bytes, kind: Kind, value: str, region: str = "US") -> Iterator[str]:
    """Every mark of a value as it is written; none where it is no such value.

    Of an address also that of the mailbox behind its tags and dots.
    """
    if kind == "email":
        found = email.parse(value)
        if found is not None:
            yield from (mark(key, kind, one) for one in {found.address, found.match_key})
    elif kind == "phone":
        number = phone.parse(value, region)
        if number is not None:
            yield mark(key, kind, number.e164)
    elif kind == "name":
        words = _WORD.findall(value)
        if 2 <= len(words) <= LONGEST_NAME_WORDS:
            yield mark(key, kind, name_of(words))
    else:
        yield mark(key, kind, value)


class Marks:
    """The marks that stand, and questions to them; false for nobody is the quick answer."""

    def __init__(self, marks: Collection[str], key: bytes, region: str = "US") -> None:
        self._marks = frozenset(marks)
        self._buckets = frozenset(int(one[1:4], 16) for one in marks if one[0] == _KINDS["name"])
        self._key = key
        self._region = region
        self.bears = lru_cache(maxsize=50_000)(self._bears)

    def __bool__(self) -> bool:
        return bool(self._marks)

    def _bears(self, kind: Kind, value: str) -> bool:
        """True where the value is that of somebody who is forgotten."""
        if not self._marks or not value:
            return False
        return any(one in self._marks for one in marks_of(self._key, kind, value, self._region))

    def in_text(self, text: str) -> bool:
        """True where an address, a number or a name of somebody forgotten stands in a text."""
        if not self._marks or not text:
            return False
        return (
            any(self.bears("email", found) for found in _ADDRESS.findall(text))
            or any(self.bears("phone", found) for found in _NUMBER.findall(text))
            or any(self.bears("name", name) for name in self._names(text))
        )

    def in_bytes(self, payload: bytes) -> bool:
        """The same of a payload, by addresses and numbers: it goes with what is read from it."""
        if not self._marks or not payload:
            return False
        text = payload.decode("utf-8", "replace")
        return any(self.bears("email", found) for found in _ADDRESS.findall(text)) or any(
            self.bears("phone", found) for found in _NUMBER.findall(text)
        )

    def _names(self, text: str) -> Iterator[str]:
        if not self._buckets:
            return
        words = [word.casefold() for word in _WORD.findall(text)]
        for start, word in enumerate(words):
            if _bucket(word) in self._buckets:
                for length in range(2, min(LONGEST_NAME_WORDS, len(words) - start) + 1):
                    yield " ".join(words[start : start + length])


NOBODY = Marks((), b"")
