"""Each class of data goes when its days are over, current state never, and nothing on hold."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery
from view_warehouse import PROJECT, embedded_warehouse, empty, fill

from schemas.clock import to_us
from schemas.current import CURRENT
from schemas.retention import CLASSES, DAYS
from schemas.tables import BY_ID, TABLES
from transforms.settings import Retention
from warehouse.provision import ALL, DAY_MS, expiry_days, provision
from warehouse.retention import expire

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTINGS = Retention(
    facts=100, bodies=40, raw=20, dead_letters=30, operations=50, history=60, audit=70
)
STATE = {
    "sales.people",
    "sales.accounts",
    "sales.deals",
    "sales.enrollments",
    "identity.links",
    "identity.entities",
    "identity.records",
    "identity.overrides",
    "identity.changes",
    "identity.evidence",
    "identity.candidates",
    "ops.readers",
    "ops.erasures",
}


def test_current_state_never_expires_and_everything_else_does_by_its_class() -> None:
    forever = {table.id for table in TABLES if table.retention is None}
    assert forever == STATE
    for table in ALL:
        if table.retention is not None:
            assert table.partition, f"{table.id} expires by no partition"
            assert expiry_days(table, SETTINGS) == SETTINGS.days(table.retention)
        assert expiry_days(table, Retention(legal_hold=True)) is None
        assert expiry_days(table, Retention(legal_hold=("a@own.example",))) is None
    assert {table.id for table in CURRENT.values() if table.retention is None} == {
        f"{one}_current" for one in STATE & CURRENT.keys()
    }
    used = {table.retention for table in TABLES if table.retention}
    assert used | {"history"} == set(CLASSES) == set(DAYS)
    assert all(Retention().days(one) == days for one, days in DAYS.items())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(Path(tmp_path_factory.mktemp("retention"))) as made:
        yield made


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def aged(table_id: str, days: int, **fields: Any) -> dict[str, Any]:
    return {BY_ID[table_id].partition: days_ago(days).date(), **fields}


def kept(client: bigquery.Client, table_id: str, column: str) -> set[str]:
    rows = client.query_and_wait(f"SELECT {column} AS kept FROM `{PROJECT}.{table_id}`")
    return {str(row.kept) for row in rows}


def expired(client: bigquery.Client, retention: Retention) -> dict[str, int]:
    return expire(client, retention, clock=lambda: to_us(NOW))


@pytest.mark.slow
def test_rows_go_when_the_days_of_their_class_are_over(client: bigquery.Client) -> None:
    expiring = [table for table in TABLES if table.retention]
    for table in expiring:
        days = SETTINGS.days(table.retention)  # type: ignore[arg-type]
        fill(client, table.id, [aged(table.id, days), aged(table.id, days + 1)])
    assert expired(client, SETTINGS) == {table.id: 1 for table in expiring}
    assert expired(client, SETTINGS) == {}
    for table in expiring:
        empty(client, table.id)


@pytest.mark.slow
def test_of_current_state_only_what_was_superseded_long_ago_goes(client: bigquery.Client) -> None:
    versions = [("one", 900), ("one", 800), ("one", 700), ("two", 900), ("three", 90)]
    rows = [
        {"record_key": key, "version_stamp": days_ago(days), "written_at": days_ago(days)}
        for key, days in versions
    ]
    # The newest by its version, though it was written first: a late old version came after it.
    rows += [
        {"record_key": "four", "version_stamp": days_ago(1), "written_at": days_ago(500)},
        {"record_key": "four", "version_stamp": days_ago(2), "written_at": days_ago(400)},
        {"record_key": "five", "version_stamp": days_ago(2), "written_at": days_ago(400)},
        {"record_key": "five", "version_stamp": days_ago(3), "written_at": days_ago(59)},
    ]
    fill(client, "sales.people", rows)
    assert expired(client, SETTINGS) == {"sales.people": 3}
    found = client.query_and_wait(
        f"SELECT record_key, version_stamp FROM `{PROJECT}.sales.people` ORDER BY 1, 2"
    )
    assert [(row.record_key, (NOW - row.version_stamp).days) for row in found] == [
        ("five", 3),
        ("five", 2),
        ("four", 1),
        ("one", 700),
        ("three", 90),
        ("two", 900),
    ]
    empty(client, "sales.people")


@pytest.mark.slow
def test_a_restriction_and_whose_it_was_outlive_the_record_that_said_it(
    client: bigquery.Client,
) -> None:
    def version(key: str, days: int, **said: Any) -> dict[str, Any]:
        moment = days_ago(days)
        return {"record_key": key, "version_stamp": moment, "written_at": moment, **said}

    people = [
        version("gone", 900, do_not_contact=True, is_deleted=False),
        version("gone", 800, is_deleted=True),
        version("taken back", 900, email_opt_out=True, is_deleted=False),
        version("taken back", 850, email_opt_out=False, is_deleted=False),
        version("taken back", 800, is_deleted=True),
    ]
    fill(client, "sales.people", people)
    links = [
        {"record_key": "gone", "entity_id": entity, "revision": n, "resolved_at": days_ago(900 - n)}
        for n, entity in enumerate(("first", "last", None))
    ]
    fill(client, "identity.links", links)
    assert expired(client, SETTINGS) == {"sales.people": 2, "identity.links": 1}
    found = client.query_and_wait(
        f"SELECT record_key, do_not_contact FROM `{PROJECT}.sales.people` ORDER BY version_stamp"
    )
    assert [(row.record_key, row.do_not_contact) for row in found][:1] == [("gone", True)]
    assert kept(client, "identity.links", "entity_id") == {"last", "None"}
    empty(client, "sales.people")
    empty(client, "identity.links")


@pytest.mark.slow
def test_nothing_of_a_person_or_a_mailbox_on_hold_goes(client: bigquery.Client) -> None:
    contact, address = "salesforce:contact:003", "gmail:address:ada"
    mails = {"mine": ("rep@own.example", address), "hers": ("rep@own.example", "gmail:address:bo")}
    mails["theirs"] = ("held@own.example", "gmail:address:bo")
    for name, (mailbox, participant) in mails.items():
        key = {"record_key": f"gmail:message:{name}", "interaction_id": name}
        where = {**key, "mailbox": mailbox}
        fill(client, "sales.interactions", [aged("sales.interactions", 1_200, **where)])
        fill(client, "sales.bodies", [aged("sales.bodies", 1_200, **where)])
        taking_part = {**key, "participant_key": participant}
        fill(client, "sales.participants", [aged("sales.participants", 1_200, **taking_part)])
        fill(client, "raw.changes", [aged("raw.changes", 1_200, record_key=key["record_key"])])
        letter = {"source": "gmail", "object_type": "message", "object_id": name}
        fill(client, "ops.dead_letters", [aged("ops.dead_letters", 1_200, **letter)])
    entity = {"entity_id": "p1", "resolved_at": days_ago(900)}
    fill(client, "identity.links", [{"record_key": one, **entity} for one in (contact, address)])
    tables = ("sales.interactions", "sales.bodies", "sales.participants", "raw.changes")

    assert expired(client, Retention(legal_hold=True)) == {}
    hold = (contact, "held@own.example")
    gone = expired(client, Retention(legal_hold=hold))
    assert gone == dict.fromkeys((*tables, "ops.dead_letters"), 1)
    for table_id in tables:
        expected = {"gmail:message:mine", "gmail:message:theirs"}
        assert kept(client, table_id, "record_key") == expected, table_id
    assert kept(client, "ops.dead_letters", "object_id") == {"mine", "theirs"}
    gone = expired(client, Retention())
    assert gone == dict.fromkeys((*tables, "ops.dead_letters"), 2)
    empty(client, "identity.links")


@pytest.mark.slow
def test_other_days_reach_the_partitions_of_tables_that_are_there(client: bigquery.Client) -> None:
    def found(table_id: str) -> int | None:
        partitioning = client.get_table(f"{PROJECT}.{table_id}").time_partitioning
        return None if partitioning.expiration_ms is None else partitioning.expiration_ms // DAY_MS

    assert found("sales.bodies") == DAYS["bodies"]
    done = provision(client, retention=SETTINGS)
    assert "sales.bodies: kept 40 days" in done
    assert (found("sales.bodies"), found("sales.interactions_current")) == (40, 100)
    assert provision(client, retention=SETTINGS) == []
    provision(client, retention=Retention(legal_hold=("held@own.example",)))
    assert found("sales.bodies") is None
    provision(client)
    assert found("sales.bodies") == DAYS["bodies"]
