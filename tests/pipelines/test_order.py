"""The views are a function of the set of changes: twice, and in any order, they show the same."""

import random

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

from schemas.columns import Row
from schemas.flow import Received
from schemas.records import Duplicate, RawChange


@pytest.fixture(scope="module")
def undisturbed(company: CompanyMessages) -> list[Row]:
    return rows_of(company.messages, company.settings)


def shuffled_twice(messages: list[Received], seed: int) -> list[Received]:
    twice = [*messages, *again(messages)]
    return random.Random(seed).sample(twice, len(twice))


def test_the_company_comes_to_rows_in_every_view(undisturbed: list[Row]) -> None:
    shown = views(undisturbed)
    assert {name for name, rows in shown.items() if not rows} == {"ops.runs"}
    assert len(partition(undisturbed)) > 30
    assert any(len(records) > 2 for records in partition(undisturbed))


@pytest.mark.parametrize("seed", range(3))
def test_every_message_twice_in_any_order_comes_to_the_same_views(
    company: CompanyMessages, undisturbed: list[Row], seed: int
) -> None:
    rows = rows_of(shuffled_twice(company.messages, seed), company.settings)
    assert_same_views(rows, undisturbed)
    assert partition(rows) == partition(undisturbed)


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
