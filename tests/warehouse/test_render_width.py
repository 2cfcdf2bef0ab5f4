"""A table shows what can be read side by side, and names the rest."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import TextIO

import pytest

from warehouse.query import QueryResult
from warehouse.render import write_csv, write_json, write_table

WIDE = QueryResult(
    columns=tuple(f"column_{number}" for number in range(12)),
    rows=[{f"column_{number}": f"value {number} " * 3 for number in range(12)}],
    truncated=False,
)


def table(result: QueryResult, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    write_table(result, out)
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 80, 120, 1_000])
def test_every_column_is_shown_or_named(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = table(WIDE, width, monkeypatch)
    head, _, left = said.partition("not shown here")
    shown = [name for name in WIDE.columns if f" {name} " in head]
    assert shown == list(WIDE.columns[: len(shown)])
    assert len(shown) == max(1, min(12, (width - 1) // 25))
    assert all(name in left.replace("\n", " ") for name in WIDE.columns[len(shown) :])


def test_narrow_columns_all_find_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = QueryResult(
        columns=tuple("abcdefgh"), rows=[dict.fromkeys("abcdefgh", 1)], truncated=False
    )
    assert "not shown" not in table(narrow, 80, monkeypatch)


def test_what_a_row_is_about_can_be_put_first_though_it_is_an_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    columns = ("value", "message", "sample", "rule_id")
    row = {"value": 0.5, "message": "m" * 90, "sample": "s" * 90, "rule_id": "sales.people.name"}
    write_table(QueryResult(columns=columns, rows=[row], truncated=False), out, first="rule_id")
    assert "sales.people.name" in out.getvalue()
    assert "rule_id" not in out.getvalue().partition("not shown here")[2]


def test_no_rows_are_a_table_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "0 rows" in table(QueryResult(columns=("a",), rows=[], truncated=False), 80, monkeypatch)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_a_terminal_is_given_no_commands_and_a_file_every_character(
    write: Callable[[QueryResult, TextIO], None],
) -> None:
    subject = "a\x1b[2Jb\x9b2Jc\x7fd\u202ee\nf\tg"
    result = QueryResult(columns=("subject",), rows=[{"subject": subject}], truncated=False)
    terminal, file = Terminal(), io.StringIO()
    write(result, terminal)
    write(result, file)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", terminal.getvalue())
    if write is write_json:
        assert json.loads(terminal.getvalue()) == json.loads(file.getvalue())
        assert json.loads(file.getvalue()) == [{"subject": subject}]
    else:
        assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == [
            ["subject"],
            [subject],
        ]


def test_csv_has_every_column() -> None:
    out = io.StringIO()
    write_csv(WIDE, out)
    assert out.getvalue().splitlines()[0].split(",") == list(WIDE.columns)
