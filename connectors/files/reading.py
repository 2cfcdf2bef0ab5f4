"""Reads what a plan lists: every input comes out as a change or as a bad input with its bytes."""

import io
from collections.abc import Callable, Iterator
from typing import TypeVar

from connectors.bad_input import BadInput, safe_name
from connectors.files import mbox
from connectors.files.entries import UNREADABLE, Archives, Entry, Salvaged, damage, opened
from connectors.files.mail import mail_change
from connectors.files.options import ImportOptions
from connectors.files.planning import ImportPlan
from connectors.files.records import RowReader
from connectors.files.rows import HEAD_BYTES, read_rows, sniff
from schemas.change import Change
from schemas.errors import SkippableError

Progress = Callable[[int], None]
"""Is told how many more bytes of the plan's `size` have been read."""

_One = TypeVar("_One")


def read(
    plan: ImportPlan, options: ImportOptions | None = None, progress: Progress = lambda count: None
) -> Iterator[Change | BadInput]:
    """All inputs of a plan, in its order; memory is bounded by the largest mail or row.

    A file that turns out to be damaged gives what stands before the damage, then a bad input that
    says where, and the next is read. Each bad input names its file (Entry.file_id).
    ConfigurationError where the mapping does not fit a file.
    """
    for entry, one in _each(plan, options or ImportOptions(), progress):
        yield one._replace(file=entry.file_id) if isinstance(one, BadInput) else one


def _each(
    plan: ImportPlan, options: ImportOptions, progress: Progress
) -> Iterator[tuple[Entry, Change | BadInput]]:
    archives = Archives()
    try:
        for entry in plan.entries:
            assert entry.kind.source
            try:
                with opened(entry, archives, progress) as inner:
                    salvaged = Salvaged(inner)
                    stream: io.BufferedReader = io.BufferedReader(salvaged, 1 << 16)
                    for one in _READERS[entry.kind.format](entry, stream, salvaged, options):
                        yield entry, one
            except UNREADABLE as error:
                yield entry, BadInput(entry.kind.source, safe_name(entry.name), damage(error), b"")
            except SkippableError as error:
                yield entry, BadInput(entry.kind.source, safe_name(entry.name), str(error), b"")
    finally:
        archives.close()


def _as_of(entry: Entry, options: ImportOptions) -> int:
    return entry.modified if options.as_of is None else options.as_of


def _until_damage(found: Iterator[_One], stream: Salvaged) -> Iterator[tuple[_One | None, str]]:
    """Each with an empty text; the last before a damage, which it may have cut, with what that is
    (None where there was none before it)."""
    held = next(found, None)
    for one in found:
        yield held, ""
        held = one
    if held is not None or stream.damage:
        yield held, stream.damage


def _eml(
    entry: Entry, stream: io.BufferedReader, salvaged: Salvaged, options: ImportOptions
) -> Iterator[Change | BadInput]:
    from_line = b""
    if stream.peek(5).startswith(b"From "):
        from_line = stream.readline(mbox.MAX_LINE_BYTES).rstrip(b"\r\n")
    source = stream.read(mbox.MAX_MAIL_BYTES + 1)
    cut = len(source) > mbox.MAX_MAIL_BYTES
    mail = mbox.Mail(0, from_line, source[: mbox.MAX_MAIL_BYTES], cut)
    yield _mail(entry, options, safe_name(entry.name), mail, salvaged.damage)


def _mbox(
    entry: Entry, stream: io.BufferedReader, salvaged: Salvaged, options: ImportOptions
) -> Iterator[Change | BadInput]:
    name = safe_name(entry.name)
    for mail, damaged in _until_damage(mbox.split(stream), salvaged):
        if mail is None:
            yield BadInput("gmail", name, damaged, b"")
        else:
            yield _mail(entry, options, f"{name} at byte {mail.offset}", mail, damaged)


def _mail(
    entry: Entry, options: ImportOptions, location: str, mail: mbox.Mail, damaged: str
) -> Change | BadInput:
    reason = damaged
    if mail.cut:
        reason = f"a mail of more than {mbox.MAX_MAIL_BYTES} bytes: these are its first"
    if reason:
        return BadInput("gmail", location, reason, mail.source)
    try:
        return mail_change(
            mail.source,
            mail.from_line,
            mailbox=options.mailbox,
            file_name=entry.name,
            as_of=_as_of(entry, options),
        )
    except SkippableError as error:
        return BadInput("gmail", location, str(error), mail.from_line + b"\n" + mail.source)


def _csv(
    entry: Entry, stream: io.BufferedReader, salvaged: Salvaged, options: ImportOptions
) -> Iterator[Change | BadInput]:
    assert entry.kind.source
    peek = stream.peek(HEAD_BYTES)
    rows = read_rows(stream, sniff(peek[:HEAD_BYTES]))
    header = next(rows, None)
    if header is None or header.fault:
        raise SkippableError(salvaged.damage or "no headings in the first line")
    name = safe_name(entry.name)
    reader = RowReader(entry.kind, header.cells, options, _as_of(entry, options), entry.name)
    for row, damaged in _until_damage(rows, salvaged):
        if row is None:
            yield BadInput(entry.kind.source, name, damaged, b"")
            continue
        reason = damaged or row.fault
        if not reason:
            try:
                yield reader.change(row.cells, row.line)
                continue
            except SkippableError as error:
                reason = str(error)
        yield BadInput(entry.kind.source, f"{name} line {row.line}", reason, row.data)


_READERS = {"eml": _eml, "mbox": _mbox, "csv": _csv}
