"""mbox read as a stream: one pass, one mail in memory.

Mails are parted by lines `From <sender> <asctime date>` (RFC 4155); lines of a body that begin
with `From ` were quoted as `>From ` when they were written, as Google Takeout does.
"""

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

MAX_MAIL_BYTES = 64 * 1024 * 1024
"""Above what Gmail takes in (50 MB: https://support.google.com/mail/answer/6584)."""
MAX_LINE_BYTES = 1024 * 1024

# A sender may be missing or have blanks; the date is what tells such a line from prose.
_FROM_LINE = re.compile(
    rb"From .{0,998}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+"
    rb"(?:[A-Z][a-z]{2}\s+\d{1,2}|\d{1,2}\s+[A-Z][a-z]{2})"
    rb"\s.{0,40}?\d{1,2}:\d{2}"
)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


class Mail(NamedTuple):
    """One mail: where its From_ line begins, that line, and the mail as it was before quoting.

    `cut` says that it was larger than `MAX_MAIL_BYTES`: `source` are its first bytes as the file
    has them, the rest was passed over.
    """

    offset: int
    from_line: bytes
    source: bytes
    cut: bool


def is_from_line(line: bytes) -> bool:
    """Whether a line parts two mails."""
    return line.startswith(b"From ") and _FROM_LINE.match(line) is not None


def split(stream: IO[bytes]) -> Iterator[Mail]:
    """The mails of a file; what stands before the first From_ line is a mail without one."""
    offset = begin = size = 0
    from_line, at_line_start, cut = b"", True, False
    lines: list[bytes] = []
    while line := stream.readline(MAX_LINE_BYTES):
        parts = at_line_start and (is_from_line(line) or (not offset and line.startswith(b"From ")))
        at_line_start = line.endswith(b"\n")
        if parts:
            if offset:
                yield _mail(begin, from_line, lines, cut)
            begin, from_line, lines, size, cut = offset, line, [], 0, False
        elif not cut:
            cut = size + len(line) > MAX_MAIL_BYTES
            lines.append(line[: MAX_MAIL_BYTES - size])
            size += len(line)
        offset += len(line)
    if offset:
        yield _mail(begin, from_line, lines, cut)


def _mail(begin: int, from_line: bytes, lines: list[bytes], cut: bool) -> Mail:
    if cut:
        return Mail(begin, from_line.rstrip(b"\r\n"), b"".join(lines), cut)
    # The empty line before a From_ line belongs to the file, not to the mail.
    if len(lines) > 1 and lines[-1] in (b"\n", b"\r\n") and lines[-2] not in (b"\n", b"\r\n"):
        lines = lines[:-1]
    source = b"".join(lines)
    if b">From " in source:
        source = _QUOTED.sub(rb"\1", source)
    return Mail(begin, from_line.rstrip(b"\r\n"), source, cut)
