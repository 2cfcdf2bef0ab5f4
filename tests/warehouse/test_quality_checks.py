"""Every rule, asked of a warehouse: what is wrong is found and named, what is right passes."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from google.cloud import bigquery
from view_warehouse import embedded_warehouse, empty, fill
from wrong_rows import ALSO_WRONG, HOUR_AGO, NOW, TODAY, WRONG, Tables

from embedded.ports import free_port
from warehouse.clients import Endpoint, bigquery_client
from warehouse.quality.checking import NotAsked, check, window_of
from warehouse.quality.judging import Judgement
from warehouse.quality.rule import Fresh, Held, Refers, SteadyNulls, SteadyVolume, Unique
from warehouse.quality.rules import RULES

pytestmark = pytest.mark.slow

RIGHT: Tables = {
    "raw.changes": [
        {
            "record_key": "gmail:message:1",
            "operation": "upsert",
            "lane": "live",
            "message_id": "m1",
            "version_digest": "d",
            "payload": "e30=",
            "publish_time": HOUR_AGO,
            "publish_date": HOUR_AGO.date(),
            "written_at": NOW,
        }
    ],
    "sales.people": [
        {
            "record_key": "hubspot:contact:1",
            "full_name": "A B",
            "emails": ["a@b.example"],
            "phones": ["+14155550100"],
            "account_key": "hubspot:company:1",
            "owner_key": "hubspot:contact:1",
        }
    ],
    "sales.accounts": [
        {"record_key": "hubspot:company:1", "name": "B", "domains": ["b.example"], "employees": 3}
    ],
    "sales.interactions": [
        {
            "record_key": "gmail:message:1",
            "part": "message",
            "kind": "email",
            "direction": "inbound",
            "interaction_id": "i1",
            "occurred_at": HOUR_AGO,
            "event_date": HOUR_AGO.date(),
            "message_id_header": "x@y",
            "thread_id": "t",
            "owner_key": "hubspot:contact:1",
            "person_keys": ["hubspot:contact:1"],
        }
    ],
    "sales.participants": [
        {
            "record_key": "gmail:message:1",
            "interaction_id": "i1",
            "event_date": HOUR_AGO.date(),
            "role": "from",
            "email": "a@b.example",
            "participant_key": "hubspot:contact:1",
        }
    ],
    "identity.links": [
        {
            "record_key": "hubspot:contact:1",
            "kind": "person",
            "entity_id": "p1",
            "method": "single",
        }
    ],
    "identity.entities": [{"entity_id": "p1", "kind": "person", "display_name": "A B"}],
    "ops.source_counts": [
        {
            "source": "hubspot",
            "object_type": "contact",
            "records": 1,
            "counted_at": NOW,
            "counted_date": TODAY,
        }
    ],
}

FOUND = {
    "raw.changes.message_id.present": ("gmail:message:2",),
    "raw.changes.message_id_attempt.unique": (" 1",),
    "raw.changes.payload.present": ("gmail:message:5",),
    "raw.changes.operation.known": ("gmail:message:2",),
    "raw.changes.publish_time.before_written_at": ("gmail:message:2",),
    "raw.changes.version_stamp.past": ("gmail:message:2",),
    "raw.changes.written_at.fresh": (),
    "sales.people.account_key.refers_to_accounts": ("hubspot:contact:2",),
    "sales.people.emails.format": ("hubspot:contact:2",),
    "sales.people.name.present": ("hubspot:contact:2",),
    "sales.people.phones.format": ("hubspot:contact:2",),
    "sales.deals.amount.range": ("hubspot:deal:1",),
    "sales.deals.created_at.past": ("hubspot:deal:1",),
    "sales.deals.currency.format": ("hubspot:deal:1",),
    "sales.deals.person_keys.refers_to_people": ("hubspot:deal:1",),
    "sales.enrollments.enrolled_at.before_ended_at": ("hubspot:contact:2",),
    "sales.enrollments.person_key.refers_to_people": ("hubspot:contact:2",),
    "sales.interactions.duration_s.range": ("gmail:message:2",),
    "sales.interactions.event_date.matches_occurred_at": ("gmail:message:2",),
    "sales.interactions.kind.known": ("gmail:message:2",),
    "sales.participants.interaction_id.refers_to_interactions": ("gmail:message:3",),
    "sales.participants.participant_key.refers_to_links": ("gmail:message:3",),
    "sales.participants.role.known": ("gmail:message:3",),
    "identity.links.confidence.range": ("hubspot:contact:2",),
    "identity.links.entity_id.refers_to_entities": ("hubspot:contact:2",),
    "identity.links.kind.known": ("hubspot:contact:2",),
    "identity.candidates.keys.in_order": ("b a",),
    "identity.candidates.why.known": ("b a",),
    "identity.evidence.entity_id.refers_to_entities": ("b a",),
    "identity.evidence.keys.in_order": ("b a",),
    "identity.evidence.probability.range": ("b a",),
    "identity.overrides.keys.in_order": ("b a",),
    "identity.overrides.verdict.known": ("b a",),
    "ops.dead_letters.attempt.range": ("l1",),
    "ops.dead_letters.error_type.present": ("l1",),
    "ops.dead_letters.payload.present": ("l1",),
    "ops.runs.counts.range": ("r1",),
    "ops.runs.error_message.present": ("r1",),
    "ops.source_counts.counted_at.fresh": (),
    "ops.source_counts.records.held": ("hubspot:contact",),
}
"""Of what is wrong: rule to the rows that it names."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Client]:
    with embedded_warehouse(tmp_path_factory.mktemp("quality")) as client:
        yield client


def judged(client: bigquery.Client, tables: Tables, *names: str) -> dict[str, Judgement]:
    """What the rules say of these rows; of all tables, or of those that are named."""
    rules = [rule for rule in RULES if not names or rule.id in names]
    try:
        for table_id, rows in tables.items():
            fill(client, table_id, rows)
        found = list(check(client, rules, window_of(NOW)))
    finally:
        for table_id in tables:
            empty(client, table_id)
    assert not [one for one in found if isinstance(one, NotAsked)]
    said = {one.rule.id: one for one in found if isinstance(one, Judgement)}
    assert said.keys() == {rule.id for rule in rules}
    return said


def test_what_is_right_passes_every_rule(client: bigquery.Client) -> None:
    said = judged(client, RIGHT)
    assert {name: one.message for name, one in said.items() if not one.passed} == {}
    assert said["sales.people.emails.format"].checked == 1
    assert said["sales.people.owner_key.refers_to_people"].checked == 1
    assert said["ops.source_counts.records.held"].checked == 1


def test_what_is_wrong_is_found_by_its_rule_with_the_rows_that_fail(
    client: bigquery.Client,
) -> None:
    said = judged(client, WRONG, *FOUND)
    assert {name: None if one.passed else one.sample for name, one in said.items()} == FOUND
    assert said["ops.source_counts.records.held"].failed == 9
    assert said["raw.changes.message_id_attempt.unique"].failed == 1


def test_every_rule_there_is_has_rows_that_break_it(client: bigquery.Client) -> None:
    tables = {
        table: [*WRONG.get(table, ()), *ALSO_WRONG.get(table, ())]
        for table in (*WRONG, *ALSO_WRONG)
    }
    said = judged(client, tables)
    assert {name: one.message for name, one in said.items() if one.passed} == {}


def test_a_table_that_was_emptied_is_found_and_one_that_is_new_is_not(
    client: bigquery.Client,
) -> None:
    names = ("raw.changes.written_at.fresh", "raw.changes.volume.steady")
    assert all(one.passed for one in judged(client, {}, *names).values())
    before = NOW - timedelta(days=2)
    checks = [
        {"rule_id": name, "rows_checked": 700, "checked_at": before, "checked_date": before.date()}
        for name in names
    ]
    said = judged(client, {"ops.quality": checks}, *names)
    assert not any(one.passed for one in said.values())
    assert "no rows, where there were 700 before" in said[names[0]].message


def a_day(day: date, rows: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "record_key": f"gmail:message:{day}-{number}",
            "part": "message",
            "kind": "email",
            "interaction_id": f"{day}-{number}",
            "event_date": day,
            **fields,
        }
        for number in range(rows)
    ]


def test_a_day_with_few_rows_and_a_column_that_is_suddenly_empty_are_found(
    client: bigquery.Client,
) -> None:
    yesterday = TODAY - timedelta(days=1)
    before = [
        row
        for week in range(1, 5)
        for row in a_day(yesterday - timedelta(weeks=week), 200, owner_key="hubspot:owner:1")
    ]
    # Another day of the week, on which more is going on.
    before += a_day(yesterday - timedelta(days=3), 150, owner_key="hubspot:owner:1")
    rows = {"sales.interactions": [*before, *a_day(yesterday, 60)]}
    names = ("sales.interactions.volume.steady", "sales.interactions.owner_key.nulls_steady")
    said = judged(client, rows, *names)
    volume, nulls = (said[name] for name in names)
    assert volume.value == pytest.approx(0.7)
    assert nulls.value == pytest.approx(1.0)
    assert not nulls.passed
    assert nulls.sample == ()


def test_an_old_version_and_a_tombstone_are_not_judged(client: bigquery.Client) -> None:
    bad = {"record_key": "hubspot:contact:1", "emails": ["bad"]}
    rows = {
        "sales.people": [
            bad,
            {**bad, "emails": ["a@b.example"], "version_stamp": NOW},
            {**bad, "record_key": "hubspot:contact:2", "is_deleted": True},
        ]
    }
    said = judged(client, rows, "sales.people.emails.format")
    assert said["sales.people.emails.format"].checked == 1
    assert said["sales.people.emails.format"].passed


def test_a_warehouse_that_does_not_answer_leaves_every_rule_unasked() -> None:
    port = free_port()
    client = bigquery_client(Endpoint(project="p", rest=f"http://127.0.0.1:{port}"))
    kinds = (Unique, Refers, Fresh, Held, SteadyNulls, SteadyVolume)
    some = [next(rule for rule in RULES if isinstance(rule, kind)) for kind in kinds]
    some.append(RULES[0])
    found = list(check(client, some, window_of(NOW)))
    client.close()
    assert [type(one) for one in found] == [NotAsked] * len(some)
    assert "does not answer" in str(found[0])
