"""What lies wrapped in bytes: each way that mails, exports and logs encode a text, undone by one.

Nothing is parsed: a run that could be base64 is decoded, whatever it stands in. What comes of a run
that was none is a few bytes of nonsense, in which nobody is found.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

FEWEST_CHARACTERS = 8
"""Of base64 that is decoded: the shortest address (a@b.co) takes as many."""
WORD_CHARACTERS = 18
"""Of base64 that can hold nothing compressed: the shortest address takes 14 bytes in zlib's format,
which are 19 characters."""
MOST_GROUPS = 2
MOST_INFLATED = 64 * 1024 * 1024
"""Bytes of one compressed stream: a bomb is not followed further."""

# A line ends where the next begins with base64, too; MIME and PEM have at least 20 a line.
_BASE64 = re.compile(
    rb"[A-Za-z0-9+/_-]{20,}(?:\r?\n[ \t]?[A-Za-z0-9+/_-]+)*|[A-Za-z0-9+/_-]{%d,}"
    % FEWEST_CHARACTERS
)
# Four characters that stand for three of ASCII: each of these begins with a bit that is not set. So
# many characters in a row hold at least (n - 2) // 3 whole groups, wherever they begin.
_OF_ASCII = rb"(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-])"
_HAS_ASCII = {n: re.compile(_OF_ASCII + rb"{%d}" % n) for n in range(1, MOST_GROUPS + 1)}
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/_-]+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_DEFLATED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04")
_ZIP_HEADER_BYTES = 30
_QUOTED = re.compile(rb"=(?:([0-9A-Fa-f]{2})|[ \t]*\r?\n)")
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
# Those of JSON, and those that logs have of values besides.
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\"'\\/abfnrtv0]))")
_ESCAPES = {
    **{"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
    "0": "\0",
}
_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_PRINTED = re.compile(rb"[\t\r\n -~]{%d,}" % FEWEST_CHARACTERS)


def unwrapped(data: bytes, fewest_ascii: int = 0) -> Iterator[tuple[str, bytes]]:
    """Each way by its name, with what it gives; nothing where the bytes are not so wrapped.

    Of base64 that is too short for anything but a text, which mostly is a word, only what may have
    as many characters of ASCII one after the other.
    """
    has_ascii = _HAS_ASCII.get(min((fewest_ascii - 2) // 3, MOST_GROUPS))
    for run in _BASE64.finditer(data):
        if has_ascii is None or len(run[0]) > WORD_CHARACTERS or has_ascii.search(run[0]):
            yield from (("base64", inner) for inner in _decoded(run[0]))
    for start in _DEFLATED.finditer(data):
        inner = _inflated(data, start.start(), start[0])
        if inner:
            yield ("zip" if start[0][:2] == b"PK" else "gzip"), inner
    text = _as_text(data)
    if text is None:
        # Of a database or a picture: what can be read in it.
        printed = b"\n".join(_PRINTED.findall(data))
        if printed:
            yield "binary", printed
        return
    if _QUOTED.search(data):
        yield "quoted-printable", _QUOTED.sub(_byte, data)
    if _PERCENT.search(data):
        yield "percent", unquote_to_bytes(data)
        if b"+" in data:
            # In a form it is a blank.
            yield "percent", unquote_to_bytes(data.replace(b"+", b" "))
    if _ESCAPED.search(text):
        yield (
            "json",
            _ESCAPED.sub(_character, text)
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .encode(),
        )
    if _ENTITY.search(data):
        yield "html", html.unescape(text).encode("utf-8", "replace")


def _as_text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _decoded(run: bytes) -> Iterator[bytes]:
    """Read from each of four places: letters may stand right before the first."""
    packed = _NO_BASE64.sub(b"", run).translate(_URL_SAFE)
    for offset in range(4):
        part = packed[offset:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            inner = base64.b64decode(part + b"=" * (-len(part) % 4))
        except binascii.Error:
            continue
        if inner:
            yield inner


def _inflated(data: bytes, start: int, magic: bytes) -> bytes:
    """What one stream gives until it ends or breaks."""
    bits = {b"\x1f": 31, b"\x78": 15}.get(magic[:1], -15)
    if bits == -15:
        header = data[start : start + _ZIP_HEADER_BYTES]
        if header[8:10] != b"\x08\x00":
            return b""  # Stored: it stands there as it is.
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        start += _ZIP_HEADER_BYTES + sum(lengths)
    try:
        return zlib.decompressobj(bits).decompress(memoryview(data)[start:], MOST_INFLATED)
    except zlib.error:
        return b""


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b""


def _character(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        return chr(int(code, 16))
    return _ESCAPES.get(match[3], match[3])
