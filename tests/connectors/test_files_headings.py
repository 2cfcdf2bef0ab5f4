"""What stands above the rows of a CSV: headings, the delimiter, a title."""

import json
from pathlib import Path

import pytest
from import_files import imported

from schemas.errors import ConfigurationError


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "people.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    ("first", "mark"), [("sep=;", ";"), ("SEP=,", ","), ('"sep=|"', "|"), ("sep=\t", "\t")]
)
def test_the_first_line_of_excel_names_the_delimiter(
    first: str, mark: str, encoding: str, tmp_path: Path
) -> None:
    text = f'{first}\r\nName{mark}Email\r\n"Zoë{mark}K"{mark}z@b.example\r\n{mark * 9}x\r\n'
    changes, bad = imported(write(tmp_path, text, encoding))
    assert [json.loads(change.payload)["full_name"] for change in changes] == [f"Zoë{mark}K"]
    assert [one.location for one in bad] == ["people.csv line 4"]


@pytest.mark.parametrize("kind", ["", "files.contact"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Contacts export\n\nname,email\nA,a@b.example\nB,b@b.example\n", 1),
        ("Contacts export\nname;email\nA;a@b.example\n", 1),
        ("\nContacts export,\n,\nname,email\nA,a@b.example\n", 2),
        ("Report:,Contacts\n\nname,email,phone\nA,a@b.example,1\n", 1),
        ("Al,al@b.example\nBo,bo@b.example\n", 1),
    ],
)
def test_what_was_taken_for_headings_and_is_none_is_told(
    text: str, line: int, kind: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=f"line {line} was taken for the headings") as told:
        imported(path, kind=kind)
    assert "delete what stands above the headings" in str(told.value)
    assert "al@b" not in str(told.value)


def test_a_ragged_row_under_one_heading_is_no_title(tmp_path: Path) -> None:
    text = "Email\na@b.example\nb,b@b.example\nc@b.example\nd@b.example\n"
    changes, bad = imported(write(tmp_path, text))
    assert (len(changes), len(bad)) == (3, 1)
