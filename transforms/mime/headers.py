"""The header block of a mail or part: split, unfolded, decoded."""

import re
from typing import NamedTuple

from transforms.mime.charsets import codec, whole

Headers = dict[str, list[str]]
"""Header name in lower case to its values in order, unfolded."""

NO_HEADERS: Headers = {}
LONGEST_BLOCK = 1_000_000
"""Bytes of a header block that are read; a mail server accepts far fewer."""

_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_NOT_A_FIELD = re.compile(r"^(?![!-9;-~]+[ \t]*:|[ \t]|>?From )", re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]+")
_CHARSET = re.compile(r"charset=\"?([\w.:-]{2,40})", re.IGNORECASE)


class Block(NamedTuple):
    """The headers at the start of `raw`, where the body begins, and what was wrong."""

    headers: Headers
    body_start: int
    defects: tuple[str, ...]


def read_block(raw: bytes) -> Block:
    """Reads headers up to the first empty line, or up to a line that can be no header.

    Lines end in a bare line feed. An envelope line (`From `) of an mbox is passed over.
    """
    start = 3 if raw[:3] == b"\xef\xbb\xbf" else 0
    if raw[start : start + 1] == b"\n":
        return Block(NO_HEADERS, start + 1, ())
    end = raw.find(b"\n\n", start)
    block_end = min(len(raw) if end < 0 else end, start + LONGEST_BLOCK)
    text, defect = _text(raw[start:block_end])
    defects = (defect,) if defect else ()
    stray = _NOT_A_FIELD.search(text)
    if stray is not None and stray.start() < len(text):
        text = text[: stray.start()]
        # The line that is no header is the first of the body.
        position = start
        for _ in range(text.count("\n")):
            position = raw.index(b"\n", position) + 1
        return Block(_fields(text), position, (*defects, "headers_broken"))
    return Block(_fields(text), len(raw) if end < 0 else min(end + 2, len(raw)), defects)


def _fields(text: str) -> Headers:
    headers: Headers = {}
    for name, value in _FIELD.findall(text):
        unfolded = _FOLD.sub(" ", value) if "\n" in value else value
        headers.setdefault(name.lower(), []).append(unfolded)
    return headers


def _text(block: bytes) -> tuple[str, str]:
    """8-bit headers are UTF-8 (RFC 6532), else in the charset that the mail declares somewhere."""
    try:
        return block.decode("utf-8"), ""
    except UnicodeDecodeError:
        text = block.decode("cp1252", "replace")
    declared = _CHARSET.search(text)
    name = codec(declared[1]) if declared else ""
    if name and name not in ("utf-8", "cp1252", "utf-16", "utf-32"):
        again = whole(block.decode(name, "replace"))
        # Newlines must stand where they stood: the body begins after as many.
        if again.count("\n") == text.count("\n"):
            text = again
    return text, "headers_8bit"
