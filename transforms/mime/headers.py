"""The header block of a mail or part: split, unfolded, decoded."""

import re
from typing import NamedTuple

from transforms.mime.charsets import codec, whole

Headers = dict[str, list[str]]
"""Header name in lower case to its values in order, unfolded."""

NO_HEADERS: Headers = {}
LONGEST_BLOCK = 1_000_000
"""Bytes of a header block that are read; a mail server accepts far fewer."""
CUT = "headers_cut"

_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_NOT_A_FIELD = re.compile(r"^(?![!-9;-~]+[ \t]*:|[ \t]|>?From )", re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]+")
_CHARSET = re.compile(rb"charset=\"?([\w.:-]{2,40})", re.IGNORECASE)


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
    block_end = len(raw) if end < 0 else end
    defects: tuple[str, ...] = ()
    if block_end > start + LONGEST_BLOCK:
        # The last whole line before it; one line may be all there is.
        last = raw.rfind(b"\n", start, start + LONGEST_BLOCK)
        block_end = start + LONGEST_BLOCK if last < 0 else last
        defects = (CUT,)
    text, defect = _text(raw[start:block_end])
    defects = (*defects, defect) if defect else defects
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
    """8-bit headers are UTF-8 (RFC 6532), else in the charset that the mail declares somewhere;
    line by line, for a relay may have added one in another."""
    try:
        return block.decode("utf-8"), ""
    except UnicodeDecodeError:
        declared = _CHARSET.search(block)
    name = codec(declared[1].decode()) if declared else ""
    charset = "cp1252" if not name or name.startswith("utf") else name
    return "\n".join([_line(line, charset) for line in block.split(b"\n")]), "headers_8bit"


def _line(line: bytes, charset: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        text = whole(line.decode(charset, "replace"))
    # Charsets of mainframes know nothing of the names of headers.
    is_header = text.count(":") == line.count(b":") and "\n" not in text
    return text if is_header else line.decode("cp1252", "replace")
