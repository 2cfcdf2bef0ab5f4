"""The addresses of a From, To or Cc header (RFC 5322, 3.4): lists, quoted commas, groups."""

import re
from functools import lru_cache
from typing import NamedTuple

from transforms.identifiers.address import Email, addr_spec, named, parse

LONGEST_CACHED = 400
"""Headers above this many characters are seldom met twice."""
MOST_ADDRESSES = 2_000
"""What a header may hold beyond this is not read: no person wrote it."""

_NAMED = re.compile(r"[^\"(),:;<>@\[\]\\=']*+<([^<>\s\"(),:;\\]++)>\s*")
_MARK = re.compile(r'"(?:[^"\\]++|\\.)*+"|<[^<>]*+>|[(),:;]', re.DOTALL)


class AddressList(NamedTuple):
    """What a header holds: its addresses in order, and how many entries could not be read."""

    addresses: tuple[Email, ...]
    broken: int


NOTHING = AddressList((), 0)


def parse_list(header: str) -> tuple[Email, ...]:
    """The addresses of an unfolded header, in order; what cannot be read is skipped.

    Encoded words are decoded after splitting: one may hold a comma. `read_list` also counts what
    was skipped.
    """
    return read_list(header).addresses


def read_list(header: str) -> AddressList:
    """The addresses of an unfolded header and the number of entries that are none."""
    return _cached(header) if len(header) <= LONGEST_CACHED else _read(header)


def _read(header: str) -> AddressList:
    found: list[Email] = []
    broken = 0
    for entry in _entries(header):
        email = _entry(entry)
        if email is None:
            broken += 1
        else:
            found.append(email)
    return AddressList(tuple(found), broken)


_cached = lru_cache(maxsize=20_000)(_read)


def _entry(entry: str) -> Email | None:
    simple = _NAMED.fullmatch(entry)
    if simple:
        email = addr_spec(simple[1])
        if email is not None:
            return named(email, entry[: simple.start(1) - 1])
    elif entry.endswith(">"):
        # A header's angle address is where the mail went, whatever the text before it claims.
        start = entry.rfind("<")
        email = addr_spec(entry[start + 1 : -1])
        if email is not None and start >= 0:
            return named(email, entry[:start])
    return parse(entry)


def _entries(header: str) -> list[str]:
    if not any(mark in header for mark in '"(;:'):
        return [entry for part in header.split(",")[:MOST_ADDRESSES] if (entry := part.strip())]
    entries: list[str] = []
    start, depth = 0, 0
    for mark in _MARK.finditer(header):
        sign = mark[0]
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif sign == ":":
            before = header[start : mark.start()]
            if "@" not in before and before.strip().lower() != "mailto":
                start = mark.end()  # the name of a group
        elif sign in ",;":
            entries.append(header[start : mark.start()].strip())
            start = mark.end()
            if len(entries) >= MOST_ADDRESSES:
                break
    else:
        entries.append(header[start:].strip())
    return [entry for entry in entries if entry]
