"""A graph that starts from the tables of an earlier run goes on as if it had never stopped."""

import random
from collections.abc import Sequence
from typing import TypeVar

import pytest
from company_messages import CompanyMessages
from graph_runs import (
    NOW,
    again,
    assert_same_views,
    in_bundles_of,
    partition,
    rows_of,
    rows_of_stream,
)

from schemas.columns import Row
from schemas.flow import Received, RowBatch
from schemas.identity import (
    Entity,
    EntityChange,
    Link,
    PairCandidate,
    PairEvidence,
    StoredRecord,
)
from schemas.tables import BY_ROW

pytestmark = pytest.mark.slow
IDENTITY = (StoredRecord, Link, Entity, EntityChange, PairEvidence, PairCandidate)
R = TypeVar("R", bound=Row)


def newest(rows: Sequence[Row], row: type[R]) -> dict[str, R]:
    """The latest rows of a table with one key: what `read_seeds` reads."""
    return {key: one for (key, *_), one in latest_of(rows, row).items()}


def latest_of(rows: Sequence[Row], row: type[R]) -> dict[tuple[str, ...], R]:
    table = BY_ROW[row]
    found: dict[tuple[str, ...], R] = {}
    for one in sorted(
        (one for one in rows if isinstance(one, row)),
        key=lambda one: tuple(getattr(one, name) for name in table.order),
    ):
        found[tuple(getattr(one, name) for name in table.key)] = one
    return found


def seeds_from(rows: Sequence[Row]) -> list[RowBatch]:
    links, entities = newest(rows, Link), newest(rows, Entity)
    pairs: dict[str, list[Row]] = {}
    for kind in (PairEvidence, PairCandidate):
        for (left, _), pair in latest_of(rows, kind).items():
            if not pair.is_deleted:
                pairs.setdefault(left, []).append(pair)
    seeds = []
    for key, stored in newest(rows, StoredRecord).items():
        link = links.get(key)
        entity = entities.get(link.entity_id or "") if link else None
        known = (stored, link, entity, *pairs.get(key, ()))
        seeds.append(RowBatch(tuple(row for row in known if row is not None)))
    return seeds


def later() -> int:
    return NOW + 3_600_000_000


def restarted(
    before: Sequence[Row], messages: Sequence[Received], company: CompanyMessages
) -> list[Row]:
    stream = in_bundles_of(120, messages)
    seeds = seeds_from(before)
    return rows_of_stream(stream, messages, company.settings, seeds, clock=later)


def test_a_graph_that_is_given_nothing_new_writes_nothing_of_identity(
    company: CompanyMessages,
) -> None:
    before = rows_of(company.messages, company.settings)
    after = restarted(before, again(company.messages), company)
    identity = [row for row in after if isinstance(row, IDENTITY)]
    assert identity == []
    assert_same_views([*before, *after], before)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(2))
def test_a_graph_that_was_killed_comes_to_the_views_of_one_that_was_not(
    company: CompanyMessages, seed: int
) -> None:
    """The dedupe of the second starts empty; what overlaps is accepted twice and shown once."""
    rng = random.Random(seed)
    shuffled = rng.sample(company.messages, len(company.messages))
    first, second = shuffled[:180], shuffled[120:]
    before = rows_of(first, company.settings)
    after = restarted(before, again(second), company)
    undisturbed = rows_of(company.messages, company.settings)
    assert_same_views([*before, *after], undisturbed)
    assert partition([*before, *after]) == partition(undisturbed)
