"""The views are a function of the set of changes: twice, and in any order, they show the same."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from company_messages import CompanyMessages
from graph_runs import (
    again,
    assert_same_views,
    in_bundles_of,
    partition,
    rows_of,
    rows_of_stream,
    views,
)

from sandbox.company.world import AS_OF_US
from schemas.change import Source, new_change
from schemas.columns import Row
from schemas.envelope import encode
from schemas.flow import Received
from schemas.records import Duplicate, RawChange

DATES = (("enrolled_date", 1), ("unenrolled_date", 2))


@pytest.fixture(scope="module")
def company(company: CompanyMessages) -> CompanyMessages:
    """With what no export tells of: sequences that a contact is in, fields that went, speech."""
    return company._replace(messages=[*company.messages, *told_live()])


def told_live() -> Iterator[Received]:
    latest = {f"hs_latest_sequence_{one}": f"2026-0{n}-01T08:00:00Z" for one, n in DATES}
    for number, names in enumerate(([DATES[0]], DATES)):
        told = {
            f"hs_latest_sequence_{one}": latest[f"hs_latest_sequence_{one}"] for one, _ in names
        }
        contact = {"properties": {"hs_latest_sequence_enrolled": "77", **told}}
        yield message("contact", "9000000001", contact, number)
        drift = [{"field": "never_call", "before": ("string", None)[number], "after": "bool"}]
        yield message("schema", "contact", {"object": "contact", "drift": drift}, number)
        lines = [
            {"content": said, "name": "Ada", "time": "2026-01-05T08:00:00"}
            for said in ("Hello", "Bye")
        ]
        spoken = {"call_id": "9000000002", "lines": lines}
        yield message("transcript", "9000000002", spoken, number, "dialpad")


def message(
    object_type: str, object_id: str, told: dict[str, Any], number: int, source: Source = "hubspot"
) -> Received:
    stamp = AS_OF_US + number
    payload = msgspec.json.encode(told)
    change = new_change(source, object_type, object_id, payload, stamp=stamp, fetched=stamp)
    return Received(*encode(change), f"live-{object_type}-{number}", stamp)


@pytest.fixture(scope="module")
def undisturbed(company: CompanyMessages) -> list[Row]:
    return rows_of(company.messages, company.settings)


def shuffled_twice(messages: list[Received], seed: int) -> list[Received]:
    twice = [*messages, *again(messages)]
    return random.Random(seed).sample(twice, len(twice))


def test_the_company_comes_to_rows_in_every_view(undisturbed: list[Row]) -> None:
    shown = views(undisturbed)
    assert {name for name, rows in shown.items() if not rows} == {
        "identity.overrides",
        "ops.erasures",
        "ops.quality",
        "ops.audit",
        "ops.readers",
        "ops.runs",
        "ops.source_counts",
    }
    assert len(partition(undisturbed)) > 30
    assert any(len(records) > 2 for records in partition(undisturbed))


@pytest.mark.parametrize("seed", range(3))
def test_every_message_twice_in_any_order_comes_to_the_same_views(
    company: CompanyMessages, undisturbed: list[Row], seed: int
) -> None:
    rows = rows_of(shuffled_twice(company.messages, seed), company.settings)
    assert_same_views(rows, undisturbed)
    assert partition(rows) == partition(undisturbed)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(("seed", "size"), [(3, 37), (4, 200)])
def test_every_message_twice_in_many_bundles_comes_to_the_same_views(
    company: CompanyMessages, undisturbed: list[Row], seed: int, size: int
) -> None:
    messages = shuffled_twice(company.messages, seed)
    rows = rows_of_stream(in_bundles_of(size, messages), messages, company.settings)
    assert_same_views(rows, undisturbed)
    assert partition(rows) == partition(undisturbed)


def test_the_second_of_every_message_is_a_duplicate_and_says_of_which(
    company: CompanyMessages,
) -> None:
    messages = shuffled_twice(company.messages, 5)
    rows = rows_of(messages, company.settings)
    accepted = [row.change_id for row in rows if isinstance(row, RawChange)]
    assert len(set(accepted)) == len(accepted)
    duplicates = [row.change_id for row in rows if isinstance(row, Duplicate)]
    assert set(duplicates) == set(accepted)
    dead = 2 * company.bad
    assert len(messages) == len(accepted) + len(duplicates) + dead
