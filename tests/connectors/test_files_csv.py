"""CSV exports: which they are, how they are written, and what cannot be read of them."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from import_files import AS_OF, imported

from connectors.files import Kind, bad_input_message, detect, mapping_of
from connectors.files.rows import read_rows, sniff
from schemas.errors import ConfigurationError, SkippableError
from schemas.salesforce_id import checksum, key_of, to18

ER_DATA = Path(__file__).parents[2].parent / "shared/data/er"

CONTACT = "0035w00001AbCdE"
CONTACT18 = CONTACT + checksum(CONTACT)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


HEADINGS = {
    "Id,FirstName,LastName,Email,SystemModstamp\n0035w0000000001AAA,A,B,a@b.example,": "contact",
    "ID,NAME,WEBSITE,SYSTEMMODSTAMP\n0015w0000000001AAA,A,b.example,": "account",
    "Id,LastName,Company,IsConverted\n00Q5w0000000001AAA,A,B,false": "lead",
    "Id,StageName,Amount\n0065w0000000001AAA,Won,1": "opportunity",
    "Id,Subject,WhoId\n00T5w0000000001AAA,Call,": "task",
    "Id,Subject,StartDateTime\n00U5w0000000001AAA,Call,": "event",
    "Id,Username,Email\n0055w0000000001AAA,a,a@b.example": "user",
    "First Name,Last Name,Account ID,Contact ID\nA,B,0015w0000000001,0035w0000000001": "contact",
    "Account Name,Account ID,Phone\nA,0015w0000000001,1": "account",
}


@pytest.mark.parametrize(("text", "object_type"), HEADINGS.items(), ids=HEADINGS.values())
def test_a_salesforce_export_is_known_by_its_ids(
    text: str, object_type: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "export.csv", text + "\n")
    assert detect(path) == Kind("csv", "salesforce", object_type)
    changes, bad = imported(path)
    assert not bad
    assert changes[0].object_type == object_type
    assert json.loads(changes[0].payload)["Id"] == changes[0].object_id
    assert len(changes[0].object_id) == 18


OTHER_HEADINGS = {
    "Record ID,First Name,Last Name,Email": ("hubspot", "contact"),
    "Record ID - Contact,First Name,Email": ("hubspot", "contact"),
    "Record ID,Company name,Company Domain Name": ("hubspot", "company"),
    "Record ID,Deal Name,Deal Stage": ("hubspot", "deal"),
    "call_id,direction,external_number,internal_number": ("dialpad", "call"),
    "E-Mail,Vorname,Nachname,Firma": ("files", "contact"),
    "Company,Website,City": ("files", "account"),
    "Account Name,City,Email": ("files", "account"),
    "Account Name,Email,Phone,Title": ("files", "account"),
    "Name,Company,Email": ("files", "contact"),
    "Name,Title,Company": ("files", "contact"),
    "Email": ("files", "contact"),
}


@pytest.mark.parametrize(("headings", "kind"), OTHER_HEADINGS.items())
def test_other_exports_are_known_by_their_headings(
    headings: str, kind: tuple[str, str], tmp_path: Path
) -> None:
    assert detect(write(tmp_path / "export.csv", headings + "\n")) == Kind("csv", *kind)


def test_ids_of_15_and_18_characters_are_one_record() -> None:
    assert to18(CONTACT) == CONTACT18 == to18(CONTACT18)
    assert to18(CONTACT18.upper()) == CONTACT18 == to18(CONTACT18.lower())
    assert key_of(CONTACT) == f"salesforce:contact:{CONTACT18}"
    for nothing in ("", "0035w", "0035w00001AbC-E", CONTACT + "A", None, 17, "x" * 400):
        assert to18(nothing) is None
    assert key_of("00G5w0000000001") is None


@given(st.from_regex(r"003[A-Za-z0-9]{12}", fullmatch=True))
def test_the_checksum_restores_the_case_of_every_id(short: str) -> None:
    whole = to18(short)
    assert whole is not None
    assert to18(whole) == whole
    assert to18(whole.upper()) == whole
    assert to18(whole.lower()) == whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(
    encoding: str, delimiter: str, tmp_path: Path
) -> None:
    rows = [["Email", "Last Name", "Note"], ["a@b.example", "Müller", "two\nlines, and; marks"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    changes, bad = imported(write(tmp_path / "people.csv", out.getvalue(), encoding))
    assert not bad
    payload = json.loads(changes[0].payload)
    assert payload["family_name"] == "Müller"
    assert payload["extra"] == {"Note": "two\nlines, and; marks"}


def test_a_line_in_another_encoding_than_the_rest_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    filler = b"".join(b"p%d@b.example,Name\n" % number for number in range(5_000))
    path.write_bytes(b"Email,Last Name\n" + filler + "q@b.example,Müller\n".encode("cp1252"))
    changes, bad = imported(path)
    assert (len(changes), bad) == (5_001, [])
    assert json.loads(changes[-1].payload)["family_name"] == "Müller"


def test_a_ragged_row_is_bad_with_its_line_and_exact_bytes(tmp_path: Path) -> None:
    text = 'Email,Last Name\r\na@b.example,"A\r\nB"\r\ntoo,many,cells\r\nc@b.example,C\r\n'
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert len(changes) == 2
    assert [(one.location, one.data) for one in bad] == [
        ("people.csv line 4", b"too,many,cells\r\n")
    ]
    topic, data, attributes = bad_input_message(bad[0])
    assert (topic, data) == ("changes-files", b"too,many,cells\r\n")
    assert attributes["ce-import-error"] == "people.csv line 4: 3 cells under 2 headings"


def test_a_stray_quote_costs_its_own_line_alone(tmp_path: Path) -> None:
    rows = "".join(f"p{number}@b.example,N,X\n" for number in range(50))
    text = 'Email,Last Name,Title\nq@b.example,"oops,X\n' + rows + 'r@b.example,"R",X\n'
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert [one.location for one in bad] == ["people.csv line 2"]
    assert len(changes) == 51


def test_quotes_that_are_not_by_the_book_are_read_within_their_line(tmp_path: Path) -> None:
    text = 'Email,Last Name\na@b.example,"Big" Al\nb@b.example,6" pipe\nc@b.example,"open\n'
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert not bad
    names = [json.loads(change.payload)["family_name"] for change in changes]
    assert names == ["Big Al", '6" pipe', "open"]


def test_a_field_may_be_very_long(tmp_path: Path) -> None:
    text = f"Email,Last Name,Note\na@b.example,A,{'x' * 3_000_000}\n"
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert not bad
    assert len(json.loads(changes[0].payload)["extra"]["Note"]) == 3_000_000


def test_the_same_file_gives_the_same_changes_again(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", "Email,Last Name\na@b.example,A\nb@b.example,B\n")
    first, second = imported(path, as_of=None)[0], imported(path, as_of=None)[0]
    assert first == second
    assert {change.lane for change in first} == {"import"}


def test_stamps_come_from_the_source_where_it_has_one(tmp_path: Path) -> None:
    text = (
        "Record ID,Email,Last Modified Date\n1,a@b.example,2026-01-31T08:00:00Z\n"
        "2,b@b.example,2026-01-31 09:00\n3,c@b.example,01/02/2026\n4,d@b.example,\n"
    )
    changes, _ = imported(write(tmp_path / "contacts.csv", text), zone="Europe/Paris")
    at_eight = 1_769_846_400_000_000
    assert [change.stamp for change in changes] == [at_eight, at_eight, AS_OF, AS_OF]
    assert all(change.fetched == change.stamp for change in changes)


def test_hubspot_associations_become_those_of_the_api(tmp_path: Path) -> None:
    text = (
        "Record ID,Email,Associated Company IDs (Primary),Associated Company IDs\n"
        "1,a@b.example,77,88;77\n"
    )
    changes, _ = imported(write(tmp_path / "contacts.csv", text))
    payload = json.loads(changes[0].payload)
    assert payload["associations"] == {"companies": {"results": [{"id": "77"}, {"id": "88"}]}}
    assert payload["properties"]["email"] == "a@b.example"


def test_a_mapping_goes_before_what_is_guessed(tmp_path: Path) -> None:
    text = "Nr,Wer,Post,Email\n7,Ada Byron,ada@b.example,other@b.example\n"
    path = write(tmp_path / "own.csv", text)
    mapping = mapping_of(["id=Nr", "full_name=wer", "email=Post"])
    changes, _ = imported(path, mapping=mapping, namespace="crm2")
    payload = json.loads(changes[0].payload)
    assert changes[0].record_key == "files:contact:crm2.7"
    assert (payload["full_name"], payload["emails"]) == ("Ada Byron", ["ada@b.example"])
    assert payload["extra"] == {"Email": "other@b.example"}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [({"email": "Nowhere"}, "Nowhere"), ({"shoe_size": "Email"}, "shoe_size")],
)
def test_a_mapping_that_does_not_fit_says_what_is_wrong(
    mapping: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "own.csv", "Email,Last Name\na@b.example,A\n")
    with pytest.raises(ConfigurationError, match=message):
        imported(path, mapping=mapping)


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", "Email,Last Name\na@b.example,A\n")
    with pytest.raises(ConfigurationError, match=r"files\.account"):
        imported(path, kind="files.shoe")
    with pytest.raises(ConfigurationError, match="field=Heading"):
        mapping_of(["email"])
    with pytest.raises(ConfigurationError, match="Mars"):
        imported(path, zone="Mars/North")


def test_rows_without_an_id_are_known_by_what_names_them(tmp_path: Path) -> None:
    text = "First Name,Last Name,Email,Company\nA,B,A@b.example,X\nA,B,a@B.example,X\n,C,,Y\n,,,\n"
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert not bad
    assert changes[0].object_id == changes[1].object_id != changes[2].object_id
    assert all("@" not in change.object_id for change in changes)


def test_a_row_with_nothing_to_know_it_by_is_bad(tmp_path: Path) -> None:
    text = "First Name,Email,Note\nA,a@b.example,x\n,,only a note\n"
    changes, bad = imported(write(tmp_path / "people.csv", text))
    assert len(changes) == 1
    assert [one.location for one in bad] == ["people.csv line 3"]


def test_calls_take_the_form_of_the_api(tmp_path: Path) -> None:
    text = (
        "call_id,direction,external_number,date_started,date_ended,contact_name,target_type,"
        "target_id\n5404319552798720,inbound,+12064460763,1760000000000,1760000060000,Ada,user,9\n"
        "x,inbound,,,,,,\n"
    )
    changes, bad = imported(write(tmp_path / "calls.csv", text))
    payload = json.loads(changes[0].payload)
    assert payload["contact"] == {"name": "Ada"}
    assert payload["target"] == {"type": "user", "id": "9"}
    assert changes[0].stamp == 1_760_000_060_000_000
    assert [one.reason for one in bad] == ["call_id is no number"]


@pytest.mark.parametrize("name", ["early_childhood", "restaurants"])
def test_real_organisations_are_read_as_accounts(name: str) -> None:
    path = ER_DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert detect(path) == Kind("csv", "files", "account")
    changes, bad = imported(path)
    with gzip.open(path, "rt", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert not bad
    assert [change.object_id for change in changes] == [f"{name}.{row['id']}" for row in rows]


@settings(max_examples=300)
@given(st.binary(max_size=400), st.sampled_from([b"", b"a,b\n", b'a;b\r\n"', b"\xff\xfea\0,\0b\0"]))
def test_whatever_the_bytes_rows_come_out_or_a_reason(data: bytes, head: bytes) -> None:
    try:
        layout = sniff(head + data)
    except SkippableError:
        return
    for row in read_rows(io.BytesIO(head + data), layout):
        assert row.line >= 1
        assert row.fault or row.cells


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_a_writer_wrote_is_read_back(rows: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["one", "two", "three"])
    writer.writerows(rows)
    data = out.getvalue().encode()
    found = list(read_rows(io.BytesIO(data), sniff(b"one,two,three\n")))
    assert not any(row.fault for row in found)
    full = [row for row in rows if any(cell.strip() for cell in row)]
    assert [row.cells for row in found[1:]] == full
    if full == rows:
        assert b"".join(row.data for row in found) == data
