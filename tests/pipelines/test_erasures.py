"""A person is forgotten in the whole graph: whenever the order comes, and however often they do."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import pytest
from company_messages import CompanyMessages
from graph_runs import NOW, assert_accounted, partition, rows_of
from test_decisions import MARK, is_change, run

from schemas.columns import Row
from schemas.erasure import Erase, encode
from schemas.flow import Received
from schemas.identity import Entity, Link, StoredRecord
from schemas.operations import Erasure
from schemas.records import Participant, Person, RawChange
from schemas.tables import BY_ROW
from transforms.erasure import Kind, Marks, marks_of

pytestmark = pytest.mark.slow
KEY = b"key of the deployment"


class Somebody(NamedTuple):
    """A person outside who is in CRMs and in mails: all their records, and how they are marked."""

    records: frozenset[str]
    emails: frozenset[str]
    marks: tuple[str, ...]


def newest(rows: Sequence[Row], row: type[Row]) -> dict[str, Row]:
    table = BY_ROW[row]
    order = [*table.order, *table.key]
    ours = sorted(
        (one for one in rows if isinstance(one, row)),
        key=lambda one: tuple(getattr(one, name) for name in order),
    )
    return {getattr(one, table.key[0]): one for one in ours}


@pytest.fixture(scope="module")
def somebody(company: CompanyMessages) -> Somebody:
    rows = rows_of(company.messages, company.settings)
    people = [row for row in newest(rows, Person).values() if isinstance(row, Person)]
    written = {row.email for row in rows if isinstance(row, Participant) and row.email}
    chosen = next(one for one in people if not one.is_internal and set(one.emails) & written)
    links = newest(rows, Link)
    entity = links[chosen.record_key].entity_id  # type: ignore[attr-defined]
    records = frozenset(key for key, link in links.items() if link.entity_id == entity)  # type: ignore[attr-defined]
    emails = frozenset(mail for one in people if one.record_key in records for mail in one.emails)
    kinds: tuple[tuple[Kind, frozenset[str]], ...] = (("record", records), ("email", emails))
    marks = (mark for kind, values in kinds for one in values for mark in marks_of(KEY, kind, one))
    return Somebody(records, emails, tuple(sorted(marks)))


def order_to_forget(somebody: Somebody, at: int = 0) -> Received:
    erase = Erase(erasure_id="case-7", marks=somebody.marks, asked_at=NOW + at, asked_by="ana")
    message = encode(erase)
    return Received(message.data, message.attributes, f"{MARK}{at}", NOW)


def known_of(marks: tuple[str, ...]) -> Callable[[], Marks]:
    standing = Marks(marks, KEY)
    return lambda: standing


def names(rows: Sequence[Row], somebody: Somebody) -> list[str]:
    """Tables whose rows still say who they are."""
    found = []
    for row in rows:
        text = msgspec.json.encode(row).decode()
        if any(one in text for one in (*somebody.records, *somebody.emails)):
            found.append(BY_ROW[type(row)].id)
    return found


def test_whoever_is_known_to_be_forgotten_is_written_nowhere_and_accounted_for(
    company: CompanyMessages, somebody: Somebody
) -> None:
    known = partial(known_of, somebody.marks)
    rows = rows_of(company.messages, company.settings, redaction_key=KEY, open_known=known)
    assert names(rows_of(company.messages, company.settings), somebody)
    assert not names(rows, somebody)
    accepted = [row for row in rows if isinstance(row, RawChange)]
    assert any(not row.payload for row in accepted)
    assert any(row.payload for row in accepted)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in range(1, 10))]
)
def test_the_resolver_forgets_whenever_it_is_told_and_the_others_are_as_if_they_had_never_been(
    company: CompanyMessages, somebody: Somebody, seed: int
) -> None:
    known = partial(known_of, somebody.marks)
    without = rows_of(company.messages, company.settings, redaction_key=KEY, open_known=known)
    shuffled = random.Random(seed).sample(company.messages, len(company.messages))
    middle = len(shuffled) // 2
    # As the command does: once, and again when all that was on its way has passed. Orders go a
    # shorter way than changes: repetitions stand between, which end at Dedupe.
    order, again = order_to_forget(somebody), order_to_forget(somebody, 1)
    changes = [*shuffled[:middle], order, *shuffled[middle:], *shuffled]
    rows = run(company, [*changes, again], redaction_key=KEY)
    assert_accounted([one for one in changes if is_change(one)], rows)
    left = {frozenset(keys - somebody.records) for keys in partition(rows)} - {frozenset()}
    assert left == partition(without)
    links, stored = newest(rows, Link), newest(rows, StoredRecord)
    for key in somebody.records & links.keys():
        assert links[key].is_deleted  # type: ignore[attr-defined]
        assert "@" not in stored[key].record  # type: ignore[attr-defined]
    living = {link.entity_id for link in links.values()}  # type: ignore[attr-defined]
    for entity in newest(rows, Entity).values():
        assert isinstance(entity, Entity)
        if entity.entity_id not in living:
            assert entity.is_retired and not entity.primary_email and not entity.display_name
    kept = [row for row in rows if isinstance(row, Erasure)]
    assert [row.marks for row in kept] == [somebody.marks] * 2
    assert not names(kept, somebody)


def test_whoever_is_erased_and_lifted_is_kept_again(
    company: CompanyMessages, somebody: Somebody
) -> None:
    erase = Erase(
        erasure_id="case-7", marks=somebody.marks, asked_at=NOW, asked_by="ana", is_lifted=True
    )
    lifted = Received(*encode(erase), f"{MARK}lifted", NOW)
    rows = run(company, [lifted, *company.messages], redaction_key=KEY)
    assert partition(rows) == partition(rows_of(company.messages, company.settings))
