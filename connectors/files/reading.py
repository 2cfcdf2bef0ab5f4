"""Reads what a plan lists: every input comes out as a change or as a bad input with its bytes."""

from collections.abc import Callable, Iterator
from typing import IO

from connectors.files.bad_input import BadInput, safe_name
from connectors.files.entries import UNREADABLE, Archives, Entry, opened
from connectors.files.mail import mail_change
from connectors.files.mbox import MAX_MAIL_BYTES, split
from connectors.files.options import ImportOptions
from connectors.files.planning import ImportPlan
from connectors.files.records import RowReader
from connectors.files.rows import HEAD_BYTES, read_rows, sniff
from schemas.change import Change
from schemas.errors import SkippableError

Progress = Callable[[int], None]
"""Is told how many more bytes of the plan's `size` have been read."""


def read(
    plan: ImportPlan, options: ImportOptions | None = None, progress: Progress = lambda count: None
) -> Iterator[Change | BadInput]:
    """All inputs of a plan, in its order; memory is bounded by the largest mail or row.

    A file that turns out to be damaged gives a bad input that says where, and the next is read.
    ConfigurationError where the mapping does not fit a file.
    """
    options = options or ImportOptions()
    archives = Archives()
    try:
        for entry in plan.entries:
            assert entry.kind.source
            try:
                with opened(entry, archives, progress) as stream:
                    yield from _READERS[entry.kind.format](entry, stream, options)
            except UNREADABLE as error:
                reason = f"damaged or unreadable ({type(error).__name__}): the rest is missing"
                yield BadInput(entry.kind.source, safe_name(entry.name), reason, b"")
            except SkippableError as error:
                yield BadInput(entry.kind.source, safe_name(entry.name), str(error), b"")
    finally:
        archives.close()


def _as_of(entry: Entry, options: ImportOptions) -> int:
    return entry.modified if options.as_of is None else options.as_of


def _eml(entry: Entry, stream: IO[bytes], options: ImportOptions) -> Iterator[Change | BadInput]:
    source = stream.read(MAX_MAIL_BYTES + 1)
    from_line = b""
    if source.startswith(b"From "):
        from_line, _, source = source.partition(b"\n")
    yield _mail(
        entry, options, safe_name(entry.name), from_line, source, len(source) > MAX_MAIL_BYTES
    )


def _mbox(entry: Entry, stream: IO[bytes], options: ImportOptions) -> Iterator[Change | BadInput]:
    name = safe_name(entry.name)
    for mail in split(stream):
        location = f"{name} at byte {mail.offset}"
        yield _mail(entry, options, location, mail.from_line, mail.source, mail.cut)


def _mail(
    entry: Entry, options: ImportOptions, location: str, from_line: bytes, source: bytes, cut: bool
) -> Change | BadInput:
    if cut:
        reason = f"a mail of more than {MAX_MAIL_BYTES} bytes: these are its first"
        return BadInput("gmail", location, reason, source)
    try:
        return mail_change(
            source,
            from_line,
            mailbox=options.mailbox,
            file_name=(entry.members or (entry.path.name,))[-1],
            as_of=_as_of(entry, options),
        )
    except SkippableError as error:
        return BadInput("gmail", location, str(error), from_line + b"\n" + source)


def _csv(entry: Entry, stream: IO[bytes], options: ImportOptions) -> Iterator[Change | BadInput]:
    assert entry.kind.source
    peek = stream.peek(HEAD_BYTES)  # type: ignore[attr-defined]
    rows = read_rows(stream, sniff(peek[:HEAD_BYTES]))
    header = next(rows, None)
    if header is None or header.fault:
        raise SkippableError("no headings in the first line")
    name = safe_name(entry.name)
    reader = RowReader(entry.kind, header.cells, options, _as_of(entry, options))
    for row in rows:
        reason = row.fault
        if not reason:
            try:
                yield reader.change(row.cells)
                continue
            except SkippableError as error:
                reason = str(error)
        yield BadInput(entry.kind.source, f"{name} line {row.line}", reason, row.data)


_READERS = {"eml": _eml, "mbox": _mbox, "csv": _csv}
