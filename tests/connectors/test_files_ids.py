"""Ids of CSVs of one's own: what is one record, and what only looks like it."""

import gzip
import json
from pathlib import Path

import pytest
from import_files import imported

from schemas.change import Change

ER_DATA = Path(__file__).parents[2].parent / "shared/data/er"


def keys(changes: list[Change]) -> list[str]:
    return [change.record_key for change in changes]


def newest(changes: list[Change], field: str) -> str:
    return json.loads(max(changes, key=lambda change: change.version).payload)[field]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_running_numbers_of_two_files_are_not_one_record(tmp_path: Path) -> None:
    a = written(tmp_path / "a.csv", "id,name,email\n1,Alice,alice@a.example\n2,Bob,bob@a.example\n")
    b = written(tmp_path / "b.csv", "id,name,email\n1,Xaver,x@b.example\n2,Yara,y@b.example\n")
    assert keys(imported(a, b)[0]) == [
        "files:contact:a.1",
        "files:contact:a.2",
        "files:contact:b.1",
        "files:contact:b.2",
    ]


def test_real_organisations_of_two_files_are_all_kept() -> None:
    paths = [ER_DATA / f"{name}.csv.gz" for name in ("early_childhood", "restaurants")]
    for path in paths:
        if not path.exists():
            pytest.skip(f"{path} is absent")
    apart = [len(set(keys(imported(path)[0]))) for path in paths]
    assert len(set(keys(imported(*paths)[0]))) == sum(apart)


def test_a_file_has_the_same_ids_wherever_it_lies_and_however_it_is_packed(tmp_path: Path) -> None:
    text = "id,name,email\n1,Alice,alice@a.example\n"
    first = written(tmp_path / "one/Kontakte März.csv", text)
    second = tmp_path / "two/Kontakte Ma\u0308rz.CSV.gz"
    second.parent.mkdir()
    second.write_bytes(gzip.compress(text.encode()))
    assert keys(imported(first)[0]) == keys(imported(second)[0])


def test_ids_are_shared_by_files_where_that_is_asked_for(tmp_path: Path) -> None:
    a = written(tmp_path / "a.csv", "id,name,email\n1,Alice,alice@a.example\n")
    b = written(tmp_path / "b.csv", "id,name,email\n1,Alice,alice@b.example\n")
    assert set(keys(imported(a, b, namespace="")[0])) == {"files:contact:1"}
    assert set(keys(imported(a, b, namespace="crm2")[0])) == {"files:contact:crm2.1"}


@pytest.mark.parametrize("namespace", ["", "crm2"])
def test_a_contact_meets_its_account_in_a_shared_namespace(namespace: str, tmp_path: Path) -> None:
    people = written(
        tmp_path / "people.csv",
        "id,name,email,account id\n1,Al,al@a.example,7\n2,Bo,bo@a.example,0015w0000000001\n",
    )
    accounts = written(tmp_path / "accounts.csv", "id,company,city\n7,Customer,Oslo\n")
    changes, _ = imported(people, accounts, namespace=namespace)
    linked, of_salesforce = (json.loads(change.payload)["account_id"] for change in changes[:2])
    assert f"files:account:{linked}" == changes[2].record_key
    assert of_salesforce == "0015w0000000001"


def test_an_account_of_another_file_is_not_taken_for_a_contact_s_own(tmp_path: Path) -> None:
    people = written(tmp_path / "people.csv", "name,email,account id\nAl,al@a.example,7\n")
    accounts = written(tmp_path / "accounts.csv", "id,company,city\n7,Stranger,Oslo\n")
    changes, _ = imported(people, accounts)
    account_id = json.loads(changes[0].payload)["account_id"]
    assert f"files:account:{account_id}" != changes[1].record_key


def test_people_who_share_an_address_are_two(tmp_path: Path) -> None:
    text = "name,email\nHusband Smith,family@s.example\nWife Smith,family@s.example\n"
    assert len(set(keys(imported(written(tmp_path / "a.csv", text))[0]))) == 2


def test_a_name_in_one_cell_or_two_is_one_person(tmp_path: Path) -> None:
    a = written(tmp_path / "a.csv", "name,email\nADA  Byron,ada@b.example\n")
    b = written(tmp_path / "b.csv", "First Name,Last Name,email\nAda,Byron,Ada@b.example\n")
    assert len(set(keys(imported(a, b)[0]))) == 1


def test_accounts_are_never_told_apart_by_an_address_alone(tmp_path: Path) -> None:
    text = (
        "Account Name,City,Email\nAlpha,Berlin,info@agency.example\n"
        "Beta,Hamburg,info@agency.example\nBeta,Bremen,info@agency.example\n,,x@agency.example\n"
    )
    path = written(tmp_path / "a.csv", text)
    changes, bad = imported(path, kind="files.account")
    assert len(set(keys(changes))) == 3
    assert [one.location for one in bad] == ["a.csv line 5"]


@pytest.mark.parametrize("count", [2, 12])
def test_of_rows_with_one_id_the_last_is_the_newest(count: int, tmp_path: Path) -> None:
    rows = "".join(f"7,Version {number},v@dup.example\n" for number in range(count))
    changes, _ = imported(written(tmp_path / "a.csv", "id,name,email\n" + rows))
    assert len(set(keys(changes))) == 1
    assert newest(changes, "full_name") == f"Version {count - 1}"
    back = rows + "7,Version 0,v@dup.example\n"
    changes, _ = imported(written(tmp_path / "a.csv", "id,name,email\n" + back))
    assert newest(changes, "full_name") == "Version 0"
    assert len({change.change_id for change in changes}) == len({c.version for c in changes})


def test_a_stamp_of_the_row_s_own_stays_and_a_copy_of_it_is_a_duplicate(tmp_path: Path) -> None:
    rows = "7,New,v@dup.example,2026-02-01\n7,Old,v@dup.example,2026-01-01\n" * 2
    changes, _ = imported(written(tmp_path / "a.csv", "id,name,email,updated at\n" + rows))
    assert newest(changes, "full_name") == "New"
    assert [change.stamp % 1_000_000 for change in changes] == [0] * 4
    assert len({(change.change_id, change.version) for change in changes}) == 2
