"""`salesintel resolve` as a person types it: a file in, a file out, and nothing lost between."""

import csv
import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operations.cli import app

HEADER = "id,source,truth,kind,first,last,full,org,email,phone,dob,street,city,state,zip,country"
ROWS = (
    "1,a,x,person,Robert,Okafor,,,bob@acme.com,(212) 736-0001,1970-01-02,12 Main St,,,10001,",
    "2,b,x,person,Bob,Okafro,,,,212-736-0001,1970-01-02,12 Main Street,,,10001,",
    "3,a,y,person,Elena,Marsh,,,elena@birch.io,,1988-05-05,9 Elm Ave,,,94101,",
    "4,a,z,organization,,,,Birch Tree Ltd,,(415) 555-2671,,9 Elm Ave,,,94101,",
)
RUNNER = CliRunner()


def written(tmp_path: Path, text: str, name: str = "records.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def resolve(path: Path, out: Path, *options: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["resolve", str(path), "--out", str(out), *options])
    return result.exit_code, result.output


def links(out: Path) -> dict[str, tuple[str, float]]:
    with out.open(encoding="utf-8", newline="") as stream:
        return {
            row["id"]: (row["entity_id"], float(row["confidence"]))
            for row in csv.DictReader(stream)
        }


def test_records_of_one_person_get_one_entity(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    code, said = resolve(written(tmp_path, "\n".join((HEADER, *ROWS))), out)
    assert code == 0, said
    found = links(out)
    assert list(found) == ["1", "2", "3", "4"]
    assert found["1"][0] == found["2"][0]
    assert len({entity for entity, _ in found.values()}) == 3
    assert all(0 < confidence <= 1 for _, confidence in found.values())
    assert "4 records are 3 entities" in said


def test_a_gzipped_file_and_columns_in_any_order_say_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.csv", tmp_path / "packed.csv"
    text = "\n".join((HEADER, *ROWS))
    resolve(written(tmp_path, text), plain)
    turned = "\n".join(",".join(reversed(values)) for values in csv.reader(text.splitlines()))
    path = tmp_path / "records.csv.gz"
    path.write_bytes(gzip.compress(turned.encode()))
    assert resolve(path, packed)[0] == 0
    assert links(plain) == links(packed)


def test_truth_and_unknown_columns_change_nothing(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    resolve(written(tmp_path, "\n".join((HEADER, *ROWS))), one)
    stripped = [
        line.replace(",x,", ",,", 1).replace(",y,", ",,", 1) + f",{at}"
        for at, line in enumerate(ROWS)
    ]
    resolve(written(tmp_path, "\n".join((HEADER + ",cuisine", *stripped))), other)
    assert links(one) == links(other)


def test_unreadable_rows_are_told_with_their_lines_and_the_rest_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    bad = (
        "5,too,few",
        ",a,,person,Nobody,,,,,,,,,,,",
        "6,a,,animal,Rex,,,,,,,,,,,",
        "7,a,,person,\udcff,,,,,,,,,,,",
    )
    text = "\n".join((HEADER, ROWS[0], *bad, *ROWS[1:]))
    code, said = resolve(written(tmp_path, text), out)
    assert code == 1
    for line, what in ((3, "3 values"), (4, "no id"), (5, "animal"), (6, "UTF-8")):
        assert f"line {line}: " in said
        assert what in said
    assert len(links(out)) == len(text.splitlines()) - 1 - len(bad)
    assert "4 rows unreadable" in said


def test_what_there_is_one_of_is_spoken_of_so(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    code, said = resolve(written(tmp_path, "\n".join((HEADER, ROWS[0]))), out)
    assert code == 0
    assert "1 record is 1 entity, 0 rows unreadable;" in said


def test_a_row_that_repeats_an_id_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    again = ROWS[1].replace("2,b", "3,b", 1)
    code, said = resolve(written(tmp_path, "\n".join((HEADER, *ROWS, again))), out)
    assert code == 0
    assert "4 records are 2 entities, 1 row repeats an id" in said
    found = links(out)
    assert len(found) == 4
    assert found["3"][0] == found["1"][0]


def test_explain_says_why_and_how_close_the_next_came(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join((HEADER, *ROWS)))
    _, said = resolve(path, tmp_path / "links.csv", "--explain", "2", "--explain", "nobody")
    assert "2 belongs to p-" in said
    for field in ("given", "family", "phone", "born", "keys: "):
        assert field in said
    assert "next candidate" in said
    assert "nobody: there is no such record or entity" in said


def test_a_saved_model_gives_the_same_links_again(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join((HEADER, *ROWS)))
    model, one, other = (tmp_path / name for name in ("model.json", "one.csv", "other.csv"))
    resolve(path, one, "--model", "shipped", "--save-model", str(model))
    assert resolve(path, other, "--model", str(model))[0] == 0
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("text", "what"), [("", "no column id"), ("name,email\nx,y\n", "no column id")], ids=["e", "n"]
)
def test_a_file_without_ids_is_refused(tmp_path: Path, text: str, what: str) -> None:
    code, said = resolve(written(tmp_path, text), tmp_path / "links.csv")
    assert code == 2
    assert what in said


def test_a_missing_file_and_a_broken_model_are_refused(tmp_path: Path) -> None:
    assert resolve(tmp_path / "none.csv", tmp_path / "links.csv")[0] == 2
    path = written(tmp_path, "\n".join((HEADER, *ROWS)))
    broken = written(tmp_path, "{}", "model.json")
    assert resolve(path, tmp_path / "links.csv", "--model", str(broken))[0] == 2
    code, said = resolve(path, tmp_path / "links.csv", "--model", "Fit")
    assert code == 2
    assert "shipped, fit, or a model's file" in said
    assert resolve(path, path)[0] == 2


def test_a_quote_that_nobody_closed_costs_its_row_alone(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    for place, broken in enumerate(('5,a,,person,"Nobody', '5,a,,person,Ann,,,,,,,,,,,"x')):
        closed = ROWS[2].replace("9 Elm Ave", '"9 Elm Ave\nDoor 2"')
        text = "\n".join((HEADER, ROWS[0], broken, ROWS[1], closed, ROWS[3]))
        code, said = resolve(written(tmp_path, text, f"{place}.csv"), out)
        assert code == 1
        assert "line 3: a quote in it is not closed" in said
        assert list(links(out)) == ["1", "2", "3", "4"]


def test_stray_quotes_that_close_each_other_hide_no_row(tmp_path: Path) -> None:
    out = tmp_path / "links.csv"
    text = "\n".join((HEADER, ROWS[0] + '"', ROWS[1] + '"', *ROWS[2:]))
    code, said = resolve(written(tmp_path, text), out)
    assert code == 1
    for line in (2, 3):
        assert f"line {line}: a quote in it is not closed" in said
    assert list(links(out)) == ["3", "4"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain.csv", tmp_path / "marked.csv"
    text = "\n".join((HEADER, *ROWS))
    resolve(written(tmp_path, text), plain)
    assert resolve(written(tmp_path, "\N{ZERO WIDTH NO-BREAK SPACE}" + text), marked)[0] == 0
    assert links(plain) == links(marked)


@pytest.mark.parametrize("kept", [12, 200], ids=["in the first line", "later"])
def test_a_file_that_breaks_off_is_refused_and_not_half_resolved(tmp_path: Path, kept: int) -> None:
    out = tmp_path / "links.csv"
    packed = gzip.compress("\n".join((HEADER, *ROWS)).encode())
    for content in (packed[:kept], b"no gzip at all", packed[:40] + b"\0" * 40 + packed[80:]):
        path = tmp_path / "records.csv.gz"
        path.write_bytes(content)
        code, said = resolve(path, out)
        assert code == 2
        assert "is broken off after line" in said
    assert not out.exists()


def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join((HEADER, *ROWS)))
    for out in (tmp_path, tmp_path / "nowhere" / "links.csv"):
        code, said = resolve(path, out)
        assert code == 2
        assert "cannot be written" in said
