"""Encoded words in headers (RFC 2047, RFC 2231 section 5)."""

import binascii
import re

from transforms.mime.charsets import decode

_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_words(text: str) -> str:
    """The text with its encoded words decoded; a broken one stays as it is written.

    Space between two encoded words is not text, and words of one charset are decoded together: a
    character may be cut in two between them.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, end = bytearray(), "", 0
    for word in _WORD.finditer(text):
        raw = _bytes_of(word[2], word[3])
        if word[3] and not raw:
            continue
        between = text[end : word.start()]
        is_next = bool(charset) and not between.strip()
        if is_next and word[1].lower() == charset:
            pending += raw
        else:
            if charset:
                out.append(decode(bytes(pending), charset)[0])
            if not is_next:
                out.append(between)
            pending, charset = bytearray(raw), word[1].lower()
        end = word.end()
    if charset:
        out.append(decode(bytes(pending), charset)[0])
    out.append(text[end:])
    return "".join(out)


def _bytes_of(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return base64_bytes(raw)


def base64_bytes(raw: bytes) -> bytes:
    """What base64 text says, as far as it goes: other characters and missing padding are ignored.

    Mail programs wrap it, leave the padding away and put footers under it.
    """
    if b"-" in raw or b"_" in raw:
        raw = raw.partition(b"\n--")[0]
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        pass
    bare = _NOT_BASE64.sub(b"", raw)
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4))
