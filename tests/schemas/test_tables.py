"""Tables are read off the record classes; what is generated from them is never stale."""

import datetime
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import (
    DAY_US,
    FIRST_PARTITION_DAY,
    LAST_PARTITION_AHEAD,
    MAX_US,
    MIN_US,
    from_us,
    parse_rfc3339,
    partition_day,
    rfc3339,
    to_us,
)
from schemas.columns import POLICIES, Table, columns
from schemas.flow import RowBatch, pack_rows, unpack_rows
from schemas.generate import files
from schemas.operations import DeadLetter
from schemas.tables import BY_ID, DATASETS, TABLES, latest_sql
from schemas.version import version_number


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_every_table_and_column_is_described_and_every_name_it_uses_exists(table: Table) -> None:
    known = {column.name: column for column in columns(table.row)}
    assert table.description and table.dataset in DATASETS
    assert all(column.description for column in known.values())
    assert {*table.key, *table.order, *table.cluster} <= set(known)
    assert not table.partition or known[table.partition].kind == "DATE"
    # A column of this name breaks every query of the embedded warehouse.
    assert "at" not in known
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in known)
    assert len(table.cluster) <= 4


NOT_OF_A_PERSON = {
    "an id, or what an id is made of": """
        change_id record_key object_id successor_key account_key owner_key parent_key linked_keys
        person_key person_keys account_keys deal_keys participant_key left_key right_key asked_left
        asked_right interaction_id enrollment_id thread_id message_id_header in_reply_to entity_id
        account_entity_id successor_id other_ids dead_letter_id decision_id run_id message_id
        sequence_id enrolled_by version_digest erasure_id rule_id sample audit_id left_entity_id
        right_entity_id
    """,
    "a word of a short list": """
        source object_type lane operation content_type kind direction part role method what verdict
        event end_reason stage status outcome currency industry error_type type_before type_after
        command job_name topic table_id object_name field defects severity measure why
    """,
    "keyed hashes": "marks",
    "weights, by the name of a field": "fields",
    "where a payload lies, under an id": "dataref payload_uri",
    "a text of our own, in which no value of a record may stand": """
        reason error_message stack_trace detail message
    """,
    "a name that we gave to a thing of ours": "sequence_name",
    "the internet domain of an organisation": "primary_domain",
}
OF_AN_ORGANISATION = {
    "sales.accounts": """
        name domains phones street city region postal_code country
    """
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
def test_every_column_that_can_hold_personal_data_has_its_class_or_a_reason(table: Table) -> None:
    reasoned = {name for names in NOT_OF_A_PERSON.values() for name in names.split()}
    reasoned |= set(OF_AN_ORGANISATION.get(table.id, "").split())
    unclassified = {
        column.name
        for column in columns(table.row)
        if column.kind in ("STRING", "JSON", "BYTES") and not column.policy
    }
    assert not unclassified - reasoned, "give it a class (col) or a reason (here)"


def test_no_reason_is_given_for_what_has_a_class_everywhere_or_is_no_column() -> None:
    unclassified = {
        column.name for table in TABLES for column in columns(table.row) if not column.policy
    }
    reasoned = {name for names in NOT_OF_A_PERSON.values() for name in names.split()}
    assert reasoned <= unclassified


def test_every_class_that_a_column_has_is_in_the_taxonomy() -> None:
    used = {column.policy for table in TABLES for column in columns(table.row)} - {""}
    assert used == set(POLICIES)


def test_what_is_generated_is_not_stale() -> None:
    stale = [path.name for path, content in files() if path.read_text("utf-8") != content]
    assert not stale, "run `make schemas`"


def test_only_the_latest_row_of_a_key_is_current() -> None:
    sql = latest_sql(BY_ID["sales.people"], "`sales.people`")
    assert "ROW_NUMBER() OVER (PARTITION BY record_key ORDER BY version_stamp DESC" in sql
    assert "RANK()" in latest_sql(BY_ID["sales.participants"], "`sales.participants`")


def test_a_batch_of_rows_survives_its_coding() -> None:
    row = msgspec.convert(
        {
            column.name: {"INT64": 1, "BOOL": True, "DATE": 3, "TIMESTAMP": 4, "BYTES": b"x"}.get(
                column.kind, "text"
            )
            for column in columns(DeadLetter)
        },
        DeadLetter,
    )
    assert unpack_rows(pack_rows(RowBatch((row, row)))) == RowBatch((row, row))


@given(st.integers(MIN_US, MAX_US))
def test_times_survive_their_text(us: int) -> None:
    assert to_us(from_us(us)) == us
    assert parse_rfc3339(rfc3339(us)) == us


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_us(datetime.datetime(2026, 1, 1))


@given(st.none() | st.integers(MIN_US, MAX_US), st.integers(1_500_000_000, 2_000_000_000))
def test_no_date_opens_a_partition_outside_the_sane_range(us: int | None, now_s: int) -> None:
    day = partition_day(us, now_s * 1_000_000)
    assert FIRST_PARTITION_DAY <= day <= now_s * 1_000_000 // DAY_US + LAST_PARTITION_AHEAD


def test_version_numbers_compare_as_numbers() -> None:
    assert version_number("0.10.0") > version_number("0.9.9")
