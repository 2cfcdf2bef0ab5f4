"""A query's result as a table for people, CSV or JSON.

What others wrote (subjects, names) is never let through as commands: not to the terminal, not to
the spreadsheet that opens the CSV. A file or a pipe gets every character of CSV and JSON as it is.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warehouse.query import QueryResult

_IDS = ("_id", "_ids", "_key", "_keys")
"""Endings of what people do not read: such columns come last in a table."""

COLUMN_FRAME = 3
READABLE_CHARACTERS = 22
"""A column that has at least this much room, or all that it needs, can be read."""

CELL_CHARACTERS = 120
"""A table's cell is cut here; CSV and JSON have all of it."""

# C0 and C1 controls, and the marks that turn the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The same where lines and tabs stay what they are.
_COMMAND = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What spreadsheets take for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.]*\Z")


def write_table(result: QueryResult, stream: TextIO, first: str = "") -> None:
    """A table as wide as the terminal, with times in UTC, ids last but for the `first` column;
    names what is left out."""
    console = Console(file=stream)
    names = sorted(result.columns, key=lambda name: (name != first, name.endswith(_IDS)))
    cells = [[_cell(row[name]) for name in names] for row in result.rows]
    shown = _fitting(names, cells, console.width)
    table = Table(header_style="bold")
    for name in names[:shown]:
        table.add_column(Text(_shown(name)), overflow="fold")
    for line in cells:
        table.add_row(*(Text(cell) for cell in line[:shown]))
    console.print(table)
    more = ", more with a higher --limit" if result.truncated else ""
    console.print(f"{len(result.rows):,} {'row' if len(result.rows) == 1 else 'rows'}{more}")
    if shown < len(names):
        left = _shown(", ".join(names[shown:]))
        console.print(
            f"not shown here, but with --format csv or json: {left}", highlight=False, markup=False
        )


def _fitting(names: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> int:
    """How many columns, from the first, can be read side by side."""
    used = 1
    for place, name in enumerate(names):
        natural = max(len(name), *(len(line[place]) for line in cells), 0)
        used += min(natural, READABLE_CHARACTERS) + COLUMN_FRAME
        if used > width:
            return max(1, place)
    return len(names)


def write_csv(result: QueryResult, stream: TextIO) -> None:
    """CSV with a heading; arrays and JSON as JSON, times in ISO 8601. A terminal is shown marks in
    place of controls."""
    harmless = _uncommanded if stream.isatty() else str
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([harmless(name) for name in result.columns])
    for row in result.rows:
        writer.writerow([harmless(_csv(row[name])) for name in result.columns])


def write_json(result: QueryResult, stream: TextIO) -> None:
    """A JSON list of objects; times in ISO 8601, bytes in base64. To a terminal controls go as
    escapes, which say the same."""
    ordered = [{name: row[name] for name in result.columns} for row in result.rows]
    text = msgspec.json.format(_json(ordered), indent=2)
    if stream.isatty():
        text = _COMMAND.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    stream.write(text + "\n")


FORMATS: Mapping[str, Callable[[QueryResult, TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
}


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _plain(value: Any, nested: Callable[[Any], str]) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return nested(value)


def _listed(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else f"{value:.2f}"
    return str(value) if isinstance(value, bool | int) else _json(value).strip('"')


def _shown(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _uncommanded(text: str) -> str:
    return _COMMAND.sub("\N{REPLACEMENT CHARACTER}", text)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = _shown(_plain(value, _listed))
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _csv(value: Any) -> str:
    text = _plain(value, lambda other: _json(other).strip('"'))
    risky = isinstance(value, str) and _FORMULA.match(text) and not _NUMBER.match(text)
    return "'" + text if risky else text
