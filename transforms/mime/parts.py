"""The tree of a mail's parts, flattened: leaves in order, each with what it takes to read it."""

import binascii
import re
from typing import NamedTuple

from transforms.mime.headers import NO_HEADERS, Headers, read_block
from transforms.mime.parameters import Value, parse
from transforms.mime.words import base64_bytes

MOST_PARTS = 1_000
DEEPEST = 30
TOO_MANY = "too_many_parts"
TOO_DEEP = "parts_too_deep"
UNCLOSED = "boundary_unclosed"
NO_PARTS = "multipart_without_parts"
LONGEST_LINE = 998
"""RFC 5322, 2.1.1."""

_PLAIN = Value("text/plain", {})
_MESSAGE = Value("message/rfc822", {})
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+\Z")
_BOUNDARY = re.compile(r"boundary\s*=\s*\"?([^\s\";,]{1,200})", re.IGNORECASE)


class Leaf(NamedTuple):
    """A part that holds no parts: `group` names the alternative that it belongs to, 0 none."""

    content_type: str
    parameters: dict[str, str]
    disposition: str
    file_name: str
    encoding: str
    raw: bytes
    group: int
    in_related: bool


class Tree:
    """Walks a body; `leaves` and `defects` are the outcome."""

    __slots__ = ("_groups", "defects", "is_report", "leaves")

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.defects: list[str] = []
        self.is_report = False
        self._groups = 0

    def read(self, headers: Headers, body: bytes, *, depth: int = 0) -> None:
        """Takes in a part, and those within it."""
        self._read(headers, body, depth, 0, False, _PLAIN)

    def _read(
        self, headers: Headers, body: bytes, depth: int, group: int, related: bool, default: Value
    ) -> None:
        kind = content_type(headers, default)
        value = kind.value
        if value.startswith("multipart/") and depth >= DEEPEST:
            self._note(TOO_DEEP)
        elif value.startswith("multipart/"):
            boundary = kind.parameters.get("boundary", "")
            if not boundary and (found := _BOUNDARY.search(headers["content-type"][0])):
                boundary = found[1]
            pieces, closed = split(body, boundary) if boundary else ([], True)
            if not closed:
                self._note(UNCLOSED)
            if pieces:
                if value == "multipart/alternative" and not group:
                    self._groups += 1
                    group = self._groups
                elif value == "multipart/report":
                    self.is_report = True
                inner = _MESSAGE if value == "multipart/digest" else _PLAIN
                for place, piece in enumerate(pieces):
                    if len(self.leaves) >= MOST_PARTS:
                        self._note(TOO_MANY)
                        return
                    block = read_block(piece)
                    for defect in block.defects:
                        self._note(defect)
                    inside = related or (value == "multipart/related" and place > 0)
                    rest = piece[block.body_start :]
                    self._read(block.headers, rest, depth + 1, group, inside, inner)
                return
            self._note(NO_PARTS)
            kind = _PLAIN
        elif value == "message/rfc822" and depth == 0:
            block = read_block(body)
            self._read(block.headers, body[block.body_start :], 1, 0, False, _PLAIN)
            return
        self.leaves.append(_leaf(headers, kind, body, group, related))

    def _note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)


def content_type(headers: Headers, default: Value = _PLAIN) -> Value:
    """Content type of a part; text/plain where it is missing or no type (RFC 2045, 5.2)."""
    values = headers.get("content-type")
    if not values:
        return default
    found = parse(values[0])
    if _TYPE.match(found.value):
        return found
    return Value(default.value if default is _PLAIN else "text/plain", found.parameters)


def split(body: bytes, boundary: str) -> tuple[list[bytes], bool]:
    """The parts between the lines of a boundary; False where the closing line is missing."""
    mark = b"\n--" + boundary.encode("utf-8", "replace")
    lined = b"\n" + body
    parts: list[bytes] = []
    start, size = -1, len(lined)
    at = lined.find(mark)
    while at >= 0 and len(parts) < MOST_PARTS:
        after = at + len(mark)
        end = lined.find(b"\n", after)
        end = size if end < 0 else end
        rest = lined[after : min(end, after + LONGEST_LINE)].strip()
        if rest in (b"", b"--"):
            if start >= 0:
                parts.append(lined[start:at])
            if rest:
                return parts, True
            start = end + 1
        at = lined.find(mark, end)
    if 0 <= start < size:
        parts.append(lined[start:])
    return parts, start < 0


def _leaf(headers: Headers, kind: Value, raw: bytes, group: int, related: bool) -> Leaf:
    if headers is NO_HEADERS or not headers:
        return Leaf(kind.value, kind.parameters, "", "", "", raw, group, related)
    dispositions = headers.get("content-disposition")
    disposition, name = "", ""
    if dispositions:
        found = parse(dispositions[0])
        disposition, name = found.value, found.parameters.get("filename", "")
    name = name or kind.parameters.get("name", "")
    encodings = headers.get("content-transfer-encoding")
    encoding = encodings[0].strip().strip('"').lower() if encodings else ""
    return Leaf(kind.value, kind.parameters, disposition, name, encoding, raw, group, related)


def payload(leaf: Leaf, most: int) -> tuple[bytes, bool]:
    """The bytes of a leaf without its transfer encoding, at most `most`; True where more follow."""
    raw = leaf.raw
    if leaf.encoding == "base64":
        read = base64_bytes(raw[: most * 2])
        cut = len(raw) > most * 2
    elif leaf.encoding == "quoted-printable":
        read = binascii.a2b_qp(raw[: most * 3])
        cut = len(raw) > most * 3
    else:
        read, cut = raw, False
    return read[:most], cut or len(read) > most
