"""Traces of a person in any bytes: what an erasure looks for, and proves itself by.

Unlike marks (transforms/erasure.py), which are held against what is read out of a payload, traces
are found in the payload itself, however it is wrapped: by who knows the person in clear.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import phonenumbers

from transforms.identifiers import email, phone
from transforms.wrappings import WORD_CHARACTERS, unwrapped

MOST_WRAPPINGS = 8
"""One within the other; a mail in a mail in an archive in an answer of an API has six."""
MOST_BYTES = 512 * 1024 * 1024
"""Unwrapped from one input, all together."""

TraceKind = Literal["email", "phone", "name", "record"]

Edges = Literal["words", "texts", "none"]
"""Where an identifier has to begin and end. words: at the edge of a word, so that ann@x.test is not
in joann@x.test. texts: so in whatever is a text, and anywhere in all else, where lengths and other
values may stand right beside it. none: anywhere, as in the pages of a database."""

_BETWEEN_DIGITS = "[ ()./\N{NO-BREAK SPACE}-]{0,3}"
_AMONG_DIGITS = b" ()./-\xc2\xa0"
_BETWEEN_WORDS = r"[\W\d_]{1,8}"
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Control characters that no text has."""
# Letters and digits alone make it a longer one. Whatever else stands beside it may be of a file's
# name or the next sentence, as in to-ann@x.test.eml: jo.ann@x.test is somebody else's where that is
# known. Where a line of quoted-printable is broken, what is unwrapped of it tells.
_ADDRESS_BEGINS = r"(?<![^\W_])(?<!=\n)(?<!=\r\n)"
_ADDRESS_ENDS = r"(?![^\W_]|=\r?\n)"
_ADDRESS_CHARACTERS = re.compile(r"[\w.+@-]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ASCII = re.compile(r"[A-Za-z]+")
_GMAIL = ("gmail.com", "googlemail.com")


class Identifiers(NamedTuple):
    """What a person is known by, canonical: addresses, numbers (E.164), whole names that nobody
    else bears, record keys."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    longer: tuple[str, ...] = ()
    """Addresses of others in which one of the person's is written: where these stand, nobody is."""


class Trace(NamedTuple):
    """That somebody was found: by what, and in which wrappings, the outermost first."""

    kind: TraceKind
    wrappings: tuple[str, ...] = ()


class Spot(NamedTuple):
    """Where somebody was found outside the tables: a file or an object, and by what."""

    path: str
    trace: Trace


class Traces:
    """A person's identifiers as they are written."""

    def __init__(self, person: Identifiers) -> None:
        self._person = person
        self._edged = _pattern(person, edged=True)
        self._anywhere = _pattern(person, edged=False)
        self._loose = "|".join(_alternatives(person))
        self._seeds = _seeds(person)
        self._fewest_ascii = _fewest_ascii(person)
        self._numbers = tuple(one.encode() for one in map(_national, person.phones) if one)

    def find(self, data: bytes, edges: Edges = "words") -> Trace | None:
        """The first trace in some bytes, the one in the fewest wrappings; None where there is
        none."""
        if self._edged is None or self._anywhere is None:
            return None
        for wrappings, inner in self._readings(data):
            anywhere = edges == "none" or (edges == "texts" and _BINARY.search(inner))
            pattern = self._anywhere if anywhere else self._edged
            for text in _texts(inner):
                kinds = (_kind(found) for found in pattern.finditer(text))
                if (kind := next((one for one in kinds if one != "other"), None)) is not None:
                    return Trace(kind, wrappings)
        return None

    def around(self, data: bytes) -> set[str]:
        """What an address or number of the person's is only a part of, as it is written."""
        return {
            whole
            for _, inner in self._readings(data)
            for text in _texts(inner)
            for found in (self._anywhere.finditer(text) if self._anywhere else ())
            if (whole := _whole(text, found)) != found.group()
        }

    def but_for(self, longer: Iterable[str]) -> "Traces":
        """The same person, where nobody is who stands in one of these."""
        known = self._person
        return Traces(known._replace(longer=tuple(sorted({*known.longer, *longer}))))

    def _readings(self, data: bytes) -> Iterator[tuple[tuple[str, ...], bytes]]:
        """The bytes, and what is wrapped in them, the fewest wrappings first: those in which the
        person may be."""
        waiting: deque[tuple[tuple[str, ...], bytes]] = deque([((), data)])
        seen, left = {data}, MOST_BYTES
        while waiting:
            wrappings, inner = waiting.popleft()
            if self._may_be_in(inner):
                yield wrappings, inner
            if len(wrappings) == MOST_WRAPPINGS:
                continue
            for name, one in unwrapped(inner, self._fewest_ascii):
                left -= len(one)
                if one not in seen and left > 0:
                    seen.add(one)
                    waiting.append(((*wrappings, name), one))

    def _may_be_in(self, data: bytes) -> bool:
        """A quick no for what is mostly nonsense."""
        if self._seeds is None:
            return True
        low = data.lower()
        if any(seed in low for seed in self._seeds):
            return True
        digits = data.translate(None, _AMONG_DIGITS) if self._numbers else b""
        return any(number in digits for number in self._numbers)

    @property
    def sql_pattern(self) -> str:
        """For REGEXP_CONTAINS, whose RE2 cannot look around: finds all that `find` does in a plain
        text, and more. Empty where nobody is looked for."""
        return f"(?i){self._loose}" if self._loose else ""


def _texts(data: bytes) -> Iterator[str]:
    """As it may be read: what is no UTF-8 may be the Latin-1 of an old mail."""
    try:
        yield data.decode()
    except UnicodeDecodeError:
        yield data.decode("utf-8", "replace")
        yield data.decode("latin-1")


def _seeds(person: Identifiers) -> tuple[bytes, ...] | None:
    """A part in lower case of every identifier but numbers, without which it stands nowhere; None
    where one has no such part."""
    parsed = (email.parse(one) for one in person.emails)
    domains = ["@" if one is None or one.domain in _GMAIL else one.domain for one in parsed]
    words = [max(_ASCII.findall(name), key=len, default="") for name in person.names]
    seeds = {one.lower() for one in (*domains, *words, *person.records)}
    return None if "" in seeds else tuple(one.encode() for one in sorted(seeds))


def _fewest_ascii(person: Identifiers) -> int:
    """How many characters of ASCII stand one after the other in whatever says who it is, however it
    is written in a piece as short as a word."""
    parsed = ((one, email.parse(one)) for one in person.emails)
    emails = (one if read is None else read.match_key for one, read in parsed)
    stretches = (
        *(_longest_ascii(one) for one in (*emails, *person.records)),
        # Between words may stand what is no ASCII, and between digits a wide blank of two bytes.
        *(max(map(len, _ASCII.findall(name)), default=0) for name in person.names),
        *(_fewest_digits(len(_national(one) or one)) for one in person.phones),
    )
    return min(stretches, default=0)


def _longest_ascii(written: str) -> int:
    return max(map(len, re.findall(r"[\x00-\x7f]+", written)), default=0)


def _fewest_digits(digits: int) -> int:
    """Of those in the longest row, where as many blanks are among them as find room."""
    room = WORD_CHARACTERS * 3 // 4 - digits
    return digits if room < 0 else -(-digits // (room // 2 + 1))


def _national(number: str) -> str:
    return str(phonenumbers.parse(number).national_number) if phone.parse(number) else ""


def _whole(text: str, found: re.Match[str]) -> str:
    """The match with the characters of addresses that stand right beside it."""
    begin, end = found.span()
    while begin and _ADDRESS_CHARACTERS.match(text[begin - 1]):
        begin -= 1
    while end < len(text) and _ADDRESS_CHARACTERS.match(text[end]):
        end += 1
    return text[begin:end]


def _kind(found: re.Match[str]) -> TraceKind | Literal["other"]:
    kinds: dict[str | None, TraceKind | Literal["other"]] = {
        "other": "other",
        "email": "email",
        "phone": "phone",
        "name": "name",
        "record": "record",
    }
    return kinds[found.lastgroup]


def _pattern(person: Identifiers, *, edged: bool) -> re.Pattern[str] | None:
    kinds = (
        # First, so that it takes what it is found in; anywhere, for an escape may end in a digit.
        ("other", "", map(re.escape, person.longer), ""),
        ("email", _ADDRESS_BEGINS, _emails(person.emails), _ADDRESS_ENDS),
        ("phone", r"(?<!\d)", _phones(person.phones), r"(?!\d)"),
        ("record", r"(?<![^\W_])", map(re.escape, person.records), r"(?![^\W_])"),
    )
    alternatives = [
        f"(?P<{kind}>{before if edged else ''}(?:{'|'.join(ways)}){after if edged else ''})"
        for kind, before, found, after in kinds
        if (ways := sorted(set(found), key=lambda way: (-len(way), way)))
    ]
    names = sorted(set(_names(person.names)))
    if names:
        # Two words are in every database: as words alone, whatever else is asked for.
        alternatives.append(rf"(?P<name>(?<![^\W\d_])(?:{'|'.join(names)})(?![^\W\d_]))")
    somebody = any((person.emails, person.phones, person.names, person.records))
    return re.compile("|".join(alternatives), re.IGNORECASE) if somebody and alternatives else None


def _alternatives(person: Identifiers) -> Iterator[str]:
    """Every way of writing, without names of groups."""
    yield from sorted(set(_emails(person.emails)))
    yield from sorted(set(_phones(person.phones)))
    yield from sorted(set(_names(person.names)))
    yield from sorted(set(map(re.escape, person.records)))


def _emails(addresses: Iterable[str]) -> Iterator[str]:
    for address in addresses:
        found = email.parse(address)
        if found is None:
            yield re.escape(address)
            continue
        yield re.escape(found.address)
        local, _, domain = found.match_key.rpartition("@")
        if domain in _GMAIL:
            local_way = r"\.?".join(re.escape(c) for c in local)
            domain_way = "(?:gmail|googlemail)\\.com"
        else:
            local_way, domain_way = re.escape(local), re.escape(domain)
        yield rf"{local_way}(?:\+[\w.+-]{{0,60}})?@{domain_way}"


def _phones(numbers: Iterable[str]) -> Iterator[str]:
    for number in numbers:
        if phone.parse(number) is None:
            continue
        read = phonenumbers.parse(number)
        national = str(read.national_number)
        country = _BETWEEN_DIGITS.join(str(read.country_code))
        digits = _BETWEEN_DIGITS.join(national)
        prefix = rf"(?:(?:\+|00|011)?{_BETWEEN_DIGITS}{country}{_BETWEEN_DIGITS})?"
        yield rf"{prefix}(?:\(?0\)?{_BETWEEN_DIGITS})?\(?{digits}"


def _names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        words = _WORD.findall(name)
        if len(words) > 1:
            yield _BETWEEN_WORDS.join(map(re.escape, words))
