"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045, 2231)."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from transforms.mime.charsets import decode
from transforms.mime.words import decode_words

_VALUE = re.compile(r"\s*([^\s;=,\"()]+)")
_PARAMETER = re.compile(
    r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)("?)|([^;]*+))', re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)")
MOST_PARAMETERS = 100
LONGEST_CACHED = 400
"""Headers above this many characters are seldom met twice."""


class Value(NamedTuple):
    """A structured header: its value in lower case and its parameters, decoded."""

    value: str
    parameters: dict[str, str]


def parse(header: str) -> Value:
    """The value and the parameters of an unfolded header; never fails."""
    return _cached(header) if len(header) <= LONGEST_CACHED else _parse(header)


def _parse(header: str) -> Value:
    first = _VALUE.match(header)
    value = first[1].lower() if first else ""
    found: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    if ";" not in header:
        return Value(value, found)
    for count, match in enumerate(_PARAMETER.finditer(header)):
        if count >= MOST_PARAMETERS:
            break
        name = match[1].lower()
        text = match[4]
        if text is None:
            text = _ESCAPED.sub(r"\1", match[2]) if "\\" in match[2] else match[2]
        else:
            text = _without_comment(text.strip())
        if "*" in name:
            base, _, rest = name.partition("*")
            number = rest.rstrip("*")
            place = int(number) if number.isdecimal() and len(number) < 4 else 0
            pieces.setdefault(base, {}).setdefault(place, (text, rest.endswith("*") or not rest))
        else:
            found.setdefault(name, decode_words(text))
    for base, numbered in pieces.items():
        found[base] = _joined(numbered)
    return Value(value, found)


_cached = lru_cache(maxsize=2_000)(_parse)


def _without_comment(text: str) -> str:
    start = text.rfind("(") if text.endswith(")") else -1
    return text if start < 0 or ")" in text[start:-1] else text[:start].rstrip()


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    raw, charset = b"", "utf-8"
    for place in sorted(pieces):
        text, encoded = pieces[place]
        if encoded:
            if place == min(pieces) and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            raw += unquote_to_bytes(text)
        else:
            raw += text.encode("utf-8", "replace")
    return decode(raw, charset or "utf-8")[0]
