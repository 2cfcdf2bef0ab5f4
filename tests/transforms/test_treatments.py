"""No table is forgotten by whoever makes one: an erasure knows what to do with each."""

from schemas.columns import columns
from schemas.tables import BY_ID, TABLES
from transforms.treatments import TREATMENTS


def test_every_table_has_a_treatment_and_no_other() -> None:
    assert set(TREATMENTS) == set(BY_ID)


def test_rows_are_told_apart_by_columns_that_they_have() -> None:
    for table in TABLES:
        treatment, names = TREATMENTS[table.id], {one.name for one in columns(table.row)}
        assert set(treatment.row) <= names
        assert bool(treatment.row) == (treatment.way == "texts")
        if treatment.way == "changes":
            assert {"change_id", "written_at"} <= names
        if treatment.way == "records":
            assert any(name.endswith("_key") for name in names)


def test_what_names_nobody_has_no_column_of_persons() -> None:
    for table in TABLES:
        if TREATMENTS[table.id].way == "nobody":
            policies = {one.policy for one in columns(table.row) if one.name != "asked_by"}
            assert policies == {""}, table.id
