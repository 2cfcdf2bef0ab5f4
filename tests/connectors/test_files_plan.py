"""Plans: what would be read, and what is refused with what to do about it."""

import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from import_files import imported

from connectors.files import (
    BadInput,
    ImportOptions,
    bad_input_message,
    detect,
    entries,
    plan,
    read,
)
from schemas.change import stable_hash
from schemas.errors import ConfigurationError, SkippableError

PEOPLE = b"Email,Last Name\na@b.example,A\n"
MAIL = b"From: a@b.example\nSubject: s\n\nhello\n"


def zipped(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in names.items():
            archive.writestr(name, body)
    return out.getvalue()


def test_a_folder_is_planned_in_a_fixed_order_with_sizes(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.eml").write_bytes(MAIL)
    (tmp_path / "a/logo.png").write_bytes(b"\x89PNG....")
    (tmp_path / "a/none.csv").write_bytes(b"")
    (tmp_path / ".hidden.csv").write_bytes(PEOPLE)
    found = plan([tmp_path])
    assert [(one.name, one.kind.label) for one in found.entries] == [
        (f"{tmp_path.name}/a/one.eml", "eml of gmail message"),
        (f"{tmp_path.name}/b.csv", "CSV of files contact"),
    ]
    assert found.size == len(PEOPLE) + len(MAIL)
    assert {one.name.rpartition("/")[2]: one.reason for one in found.refused} == {
        ".hidden.csv": "hidden: name it to import it",
        "logo.png": found.refused[1].reason,
        "none.csv": "empty",
    }
    assert "not a kind that can be read" in found.refused[1].reason
    assert len(plan([tmp_path / ".hidden.csv"]).entries) == 1
    told: list[int] = []
    list(read(found, ImportOptions(as_of=1), told.append))
    assert sum(told) == found.size


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    assert len(plan([tmp_path, tmp_path / "b.csv"]).entries) == 1


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\x00\x01\x02\x03" * 50, "not text"),
        ("x.csv", b"colour,size\nred,4\n", "--map"),
        ("x.mbox", b"no such thing", "From line"),
        ("x.pdf", b"%PDF-1.7", "can be read"),
        ("x.zip", b"PK\x03\x04 broken", "damaged"),
    ],
)
def test_a_named_file_that_is_nothing_says_what_to_do(
    name: str, body: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(ConfigurationError, match=reason):
        plan([path])


def test_a_missing_path_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        plan([tmp_path / "nowhere.csv"])
    with pytest.raises(ConfigurationError, match="nothing to import"):
        plan([tmp_path])
    with pytest.raises(SkippableError, match="No such file"):
        detect(tmp_path / "nowhere.csv")
    assert detect(tmp_path).format == "folder"


def test_links_in_a_circle_end_and_pipes_do_not_block(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    os.mkfifo(tmp_path / "pipe")
    found = plan([tmp_path])
    assert len(found.entries) == 1
    assert {one.name.rpartition("/")[2] for one in found.refused} == {"again", "self", "pipe"}


def test_zips_of_anything_are_read_and_gz_too(tmp_path: Path) -> None:
    inner = zipped({"deep/one.eml": MAIL, "people.csv.gz": gzip.compress(PEOPLE, mtime=0)})
    (tmp_path / "all.zip").write_bytes(zipped({"inner.zip": inner, "two.eml": MAIL + b"2"}))
    (tmp_path / "more.csv.gz").write_bytes(gzip.compress(b"Email,Last Name\nb@b.example,B\n"))
    changes, bad = imported(tmp_path)
    assert not bad
    assert sorted(change.object_type for change in changes) == [
        "contact",
        "contact",
        "message",
        "message",
    ]


def test_a_zip_in_a_zip_in_a_zip_is_left_out(tmp_path: Path) -> None:
    body = zipped({"one.eml": MAIL})
    for _ in range(2):
        body = zipped({"inner.zip": body, "x.eml": MAIL})
    (tmp_path / "all.zip").write_bytes(body)
    found = plan([tmp_path])
    assert len(found.entries) == 2
    assert "unpack it first" in found.refused[0].reason


@pytest.mark.parametrize("name", ["../up.eml", "/root.eml", "a/../../b.eml", "C:\\x.eml", "..\\x"])
def test_a_zip_whose_names_lead_out_is_refused_whole(name: str, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(zipped({"good.eml": MAIL, name: MAIL}))
    with pytest.raises(ConfigurationError, match="lead out"):
        plan([tmp_path / "all.zip"])


def test_bombs_are_refused_before_they_go_off(tmp_path: Path) -> None:
    zeros = b"a,b\n" + b"0" * 40_000_000
    (tmp_path / "bomb.zip").write_bytes(zipped({"x.csv": zeros}))
    with pytest.raises(ConfigurationError, match="zip bomb"):
        plan([tmp_path / "bomb.zip"])
    people = b"".join(b"p%d@b.example,N%s\n" % (n, stable_hash(n).encode()) for n in range(4_000))
    for body in (PEOPLE + zeros, PEOPLE + people + 3 * zeros):
        bomb = gzip.compress(body)
        (tmp_path / "bomb.csv.gz").write_bytes(bomb)
        with pytest.raises(ConfigurationError, match="zip bomb"):
            plan([tmp_path / "bomb.csv.gz"])
    (tmp_path / "all.zip").write_bytes(zipped({"x.csv.gz": gzip.compress(PEOPLE + zeros)}))
    with pytest.raises(ConfigurationError, match="zip bomb"):
        plan([tmp_path / "all.zip"])


def test_a_bomb_that_hides_its_size_is_stopped_when_it_goes_off(tmp_path: Path) -> None:
    people = b"".join(b"p%d@b.example,N%s\n" % (n, stable_hash(n).encode()) for n in range(4_000))
    bomb = gzip.compress(PEOPLE + people + b"0" * 40_000_000) + gzip.compress(b"\n")
    (tmp_path / "bomb.csv.gz").write_bytes(bomb)
    changes, bad = imported(tmp_path / "bomb.csv.gz")
    assert len(changes) <= 4_001
    assert "zip bomb" in bad[-1].reason


def test_the_end_of_a_file_that_was_cut_off_makes_no_bomb_of_it(tmp_path: Path) -> None:
    packed = gzip.compress(PEOPLE * 50)
    (tmp_path / "a.csv.gz").write_bytes(packed[:-8] + b"\xff\xff\xff\xff")
    assert len(plan([tmp_path / "a.csv.gz"]).entries) == 1


def test_a_named_file_that_is_nothing_is_left_out_where_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    (tmp_path / "empty.csv").write_bytes(b"")
    found = plan([tmp_path / "empty.csv", tmp_path / "gone.csv", tmp_path / "b.csv"])
    assert [one.name for one in found.entries] == ["b.csv"]
    assert [one.name for one in found.refused] == [
        str(tmp_path / "empty.csv"),
        str(tmp_path / "gone.csv"),
    ]
    with pytest.raises(ConfigurationError, match=r"empty\.csv: empty(.|\n)*gone\.csv: cannot"):
        plan([tmp_path / "empty.csv", tmp_path / "gone.csv"])


@pytest.mark.parametrize("kind", ["", "files.contact"])
def test_a_mapping_is_held_against_all_files_before_one_is_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"Wer,Post\nA,a@b.example\n")
    (tmp_path / "b.zip").write_bytes(zipped({"b.csv": b"Wer,Email\nB,b@b.example\n"}))
    options = ImportOptions(mapping={"full_name": "Wer", "email": "Post"}, kind=kind)
    with pytest.raises(ConfigurationError, match=r"b\.zip/b\.csv: .* does not have: Post"):
        plan([tmp_path], options)
    assert len(plan([tmp_path / "a.csv"], options).entries) == 1
    with pytest.raises(ConfigurationError, match="Mars"):
        plan([tmp_path / "a.csv"], ImportOptions(zone="Mars/North"))


def test_too_many_entries_links_and_passwords_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(zipped({f"{number}.eml": MAIL for number in range(4)}))
    monkeypatch.setattr(entries, "MAX_ZIP_ENTRIES", 3)
    with pytest.raises(ConfigurationError, match="more than 3 entries"):
        plan([path])
    link = zipfile.ZipInfo("link.eml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        plan([path])
    locked = bytearray(zipped({"one.eml": MAIL}))
    at = locked.index(b"PK\x01\x02") + 8
    locked[at : at + 2] = struct.pack("<H", struct.unpack("<H", locked[at : at + 2])[0] | 1)
    path.write_bytes(bytes(locked))
    with pytest.raises(ConfigurationError, match="password"):
        plan([path])


def until_it_breaks(packed: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(packed)


@pytest.mark.parametrize("cut", [2, 3, 50])
def test_of_a_damaged_file_all_that_can_be_read_comes_out_and_then_where_it_breaks(
    cut: int, tmp_path: Path
) -> None:
    rows = (b"p%d@b.example,N%s\n" % (n, stable_hash(n).encode()) for n in range(9_000))
    packed = gzip.compress(PEOPLE + b"".join(rows))
    packed = packed[: len(packed) // cut]
    (tmp_path / "a.csv.gz").write_bytes(packed)
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    changes, bad = imported(tmp_path)
    lines = until_it_breaks(packed).splitlines(keepends=True)
    assert len(changes) == len(lines) - 1
    assert [(one.location, one.data) for one in bad] == [
        (f"{tmp_path.name}/a.csv.gz line {len(lines)}", lines[-1])
    ]
    assert "damaged" in bad[0].reason
    assert changes[-1].payload == imported(tmp_path / "b.csv")[0][0].payload


def test_of_a_damaged_mbox_the_last_mail_is_the_bad_one(tmp_path: Path) -> None:
    mails = [
        b"From x Sat Jan 31 08:00:00 2026\nSubject: s\n\n%s\n\n" % stable_hash(n).encode()
        for n in range(2_000)
    ]
    packed = gzip.compress(b"".join(mails))[:-20_000]
    (tmp_path / "a.mbox.gz").write_bytes(packed)
    changes, bad = imported(tmp_path / "a.mbox.gz")
    whole = len(until_it_breaks(packed)) // len(mails[0])
    assert len(changes) == whole
    assert [one.location for one in bad] == [f"a.mbox.gz at byte {whole * len(mails[0])}"]


def test_a_file_damaged_from_its_first_row_on_is_one_bad_input(tmp_path: Path) -> None:
    packed = gzip.compress(PEOPLE + b"x" * 50)
    (tmp_path / "a.csv.gz").write_bytes(packed)
    found = plan([tmp_path / "a.csv.gz"])
    for kept in range(len(packed)):
        (tmp_path / "a.csv.gz").write_bytes(packed[:kept])
        [*changes, bad] = read(found)
        assert len(changes) <= 1
        assert isinstance(bad, BadInput)


def test_a_bad_input_names_its_file_wherever_that_is_imported_from(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for name in ("a.csv.gz", "b.csv.gz"):
        (folder / name).write_bytes(gzip.compress(PEOPLE + b"x" * 50)[:-9])
    _, [one, other] = imported(folder)
    _, [again] = imported(folder / "a.csv.gz")
    assert one.file == again.file != other.file
    assert [entry.file_id for entry in plan([folder]).entries] == [one.file, other.file]
    assert "a.csv" not in one.file
    assert bad_input_message(one)[2]["ce-objectid"] == one.file
    assert "ce-objectid" not in bad_input_message(one._replace(file=""))[2]


def test_two_entries_of_one_name_are_both_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("c.csv", PEOPLE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("c.csv", PEOPLE.replace(b"a@b", b"b@b"))
    changes, bad = imported(tmp_path / "all.zip")
    assert not bad
    assert [json.loads(change.payload)["emails"] for change in changes] == [
        ["a@b.example"],
        ["b@b.example"],
    ]


def test_a_file_that_is_gone_when_it_is_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PEOPLE)
    found = plan([tmp_path])
    (tmp_path / "b.csv").unlink()
    [bad] = read(found)
    assert "unreadable" in bad.reason
