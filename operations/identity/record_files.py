"""CSVs of records, as people have them: what cannot be read is told, and the rest goes on."""

import csv
import gzip
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from schemas.errors import ConfigurationError, InvalidRow
from schemas.identity import IdentityRecord
from transforms.identity.weighed.rows import record_of

LARGEST_FIELD = 10_000_000
"""Characters; the csv module's own limit would end the reading of the whole file."""
FEWEST_TO_TELL = 3
"""Columns from which a line within a field is told from a row that a stray quote took in."""

Row = tuple[int, dict[str, str] | str]
"""Line, and the values by column or what is wrong."""


def read_records(path: Path, region: str, bad: list[tuple[int, str]]) -> Iterator[IdentityRecord]:
    """The records of a CSV; line and reason of rows that could not be read are added to `bad`.

    ConfigurationError where it is no CSV with a column id, or breaks off.
    """
    for line, found in read_rows(path, ("id",)):
        try:
            if isinstance(found, str):
                raise InvalidRow(found)
            yield record_of(found, line, region)
        except InvalidRow as error:
            bad.append((line, str(error)))


def read_rows(path: Path, needed: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV by column, whose names are in lower case.

    ConfigurationError where a column that is needed is missing, or the file breaks off.
    """
    csv.field_size_limit(LARGEST_FIELD)
    with opened(path, "rt") as stream:
        lines = _Lines(stream)
        try:
            header = [name.strip().lower() for name in next(csv.reader(lines), [])]
            for name in needed:
                if name not in header:
                    raise ConfigurationError(
                        f"{path}: its first line names no column {name}; a CSV in UTF-8 is "
                        "expected, separated by commas"
                    )
            for line, found in _rows(lines, len(header)):
                if isinstance(found, str):
                    yield line, found
                elif any(map(_is_broken, found)):
                    yield line, "it is not UTF-8"
                else:
                    yield line, dict(zip(header, found, strict=True))
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise ConfigurationError(
                f"{path} is broken off after line {lines.number}: {error}"
            ) from error


@contextmanager
def opened(path: Path, mode: str) -> Iterator[TextIO]:
    """A text file, also gzipped; ConfigurationError where there is none. A byte order mark, which
    spreadsheets write, is none of its text."""
    opener = gzip.open if path.suffix == ".gz" else open
    encoding = "utf-8-sig" if "r" in mode else "utf-8"
    try:
        opened = opener(path, mode, encoding=encoding, errors="surrogateescape", newline="")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be opened: {error.strerror}") from error
    with cast(TextIO, opened) as stream:
        yield stream


class _Lines:
    """Lines of a file, of which those of the present row can be read again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.row: list[str] = []
        self.number = 0
        """Of the line that was read last."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.row.append(line)
        self.number += 1
        return line

    def give_back(self) -> None:
        """Leaves all but the first line of the row to be read again."""
        self._again.extendleft(reversed(self.row[1:]))
        self.number -= len(self.row) - 1


def _rows(lines: _Lines, columns: int) -> Iterator[tuple[int, list[str] | str]]:
    """Rows that are not blank. A quote that nobody closed takes in what follows, to the next quote
    or to the end: such a row is given up, and the lines in it are read by themselves."""
    reader = csv.reader(lines)
    while True:
        lines.row.clear()
        line = lines.number + 1
        found: list[str] | str
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found = str(error)
        if not found:
            continue
        if isinstance(found, list) and len(found) != columns:
            found = f"{len(found)} values for {columns} columns"
        if len(lines.row) > 1 and (isinstance(found, str) or _has_rows(lines.row[1:], columns)):
            found = "a quote in it is not closed"
            lines.give_back()
        yield line, found


def _has_rows(lines: list[str], columns: int) -> bool:
    return columns >= FEWEST_TO_TELL and any(
        len(values) == columns for line in lines for values in csv.reader([line])
    )


def _is_broken(value: str) -> bool:
    return not value.isascii() and any("\udc80" <= c <= "\udcff" for c in value)
