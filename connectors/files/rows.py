"""CSV as people have it: its encoding and delimiter found out, each row with its own bytes."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import IO, NamedTuple

from schemas.errors import SkippableError

HEAD_BYTES = 64 * 1024
MAX_RECORD_CHARACTERS = 16 * 1024 * 1024
DELIMITERS = ",;\t|"

# The limit is one for the process (131,072 by default) and a note in a CRM may be longer.
csv.field_size_limit(MAX_RECORD_CHARACTERS)

_SEPARATOR = re.compile(r"\ufeff?\"?sep=(?P<mark>[^\w\s\"]|\t)\"?[^\S\t]*\Z", re.IGNORECASE)
_LONE = re.compile("[\ud800-\udfff]")


class Layout(NamedTuple):
    """How a file is written; `bytes_codec` gives a row's own bytes back.

    `says_so` where its first line is `sep=;`, as Excel has it, and no row.
    """

    encoding: str
    bytes_codec: str
    delimiter: str
    says_so: bool = False


class RawRow(NamedTuple):
    """A row: the line it begins on (from 1), its cells, its bytes, and what is wrong with it."""

    line: int
    cells: list[str]
    data: bytes
    fault: str = ""


class _TooLong(Exception):
    pass


def sniff(head: bytes) -> Layout:
    """The layout of a file that begins with `head`; SkippableError where it is no text."""
    encoding, bytes_codec = _encoding(head)
    text = head.decode(encoding, "ignore")
    if "\0" in text:
        raise SkippableError("not text: a CSV, an mbox, mails (.eml) or a zip of them can be read")
    first = next(iter(text.splitlines()), "")
    if said := _SEPARATOR.match(first):
        return Layout(encoding, bytes_codec, said["mark"], says_so=True)
    outside = re.sub(r'"[^"]*"', "", first)
    delimiter = max(DELIMITERS, key=lambda mark: (outside.count(mark), -DELIMITERS.index(mark)))
    return Layout(encoding, bytes_codec, delimiter)


def _encoding(head: bytes) -> tuple[str, str]:
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16", "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16", "utf-16-be"
    if len(head) > 3 and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le", "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252", "cp1252"
    return "utf-8-sig", "utf-8"


class _Lines:
    """Lines of a text; those of the present row are in `taken` and can be put back."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []
        self.line = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._size > MAX_RECORD_CHARACTERS:
            raise _TooLong
        line = self._back.popleft() if self._back else self._text.readline(MAX_RECORD_CHARACTERS)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        return line

    def begin(self) -> None:
        """A new row begins."""
        self.line += len(self.taken)
        self.taken, self._size = [], 0

    def keep_first(self) -> None:
        """All lines of the row but its first are to be read again."""
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def read_rows(stream: IO[bytes], layout: Layout) -> Iterator[RawRow]:
    """The header, then every row that is not empty.

    A row of the wrong width has a fault. Where it spans lines, a stray quote may have swallowed its
    neighbours: then only its first line is at fault, and the others are read again.
    """
    errors = "replace" if layout.bytes_codec.startswith("utf-16") else "surrogateescape"
    text = io.TextIOWrapper(stream, layout.encoding, errors, newline="")
    lines = _Lines(text)
    if layout.says_so:
        next(lines, "")
    width = 0
    try:
        while True:
            lines.begin()
            fault, cells = "", []
            try:
                cells = next(csv.reader(lines, delimiter=layout.delimiter, strict=True), [])
            except (csv.Error, _TooLong):
                cells, fault = _lenient(lines.taken, layout.delimiter)
            if not lines.taken:
                return
            if not fault and not any(cell.strip() for cell in cells):
                continue
            if width and not fault:
                cells, fault = _fitted(cells, width)
            if fault:
                lines.keep_first()
            joined = "".join(lines.taken)
            if not joined.isascii() and _LONE.search(joined):
                cells = [_mended(cell) for cell in cells]
            data = joined.encode(layout.bytes_codec, errors)
            yield RawRow(lines.line, cells, data, fault)
            width = width or len(cells)
    finally:
        # The stream is its owner's to close.
        text.detach()


def _lenient(taken: list[str], delimiter: str) -> tuple[list[str], str]:
    """A row of one line whose quotes are not by the book; over several lines nobody can tell what
    belongs to it."""
    if len(taken) > 1:
        return [], "a quote that is not closed where its cell ends"
    try:
        return next(csv.reader(taken, delimiter=delimiter), []), ""
    except csv.Error:
        return [], f"a cell of more than {MAX_RECORD_CHARACTERS} characters"


def _fitted(cells: list[str], width: int) -> tuple[list[str], str]:
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        cells = cells[:width]
    if len(cells) == width:
        return cells, ""
    return cells, f"{len(cells)} cells under {width} headings"


def _mended(cell: str) -> str:
    """A cell with bytes that are no UTF-8, or none of cp1252, as cp1252 has them."""
    if not _LONE.search(cell):
        return cell
    return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
