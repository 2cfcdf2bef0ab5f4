"""What the engine publishes: what changed and nothing else, under ids that stay."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_world import SETTINGS, Ticks, history, record, seeds_of, tables

from schemas.columns import Row
from schemas.errors import InvalidRow
from schemas.identity import Entity, EntityChange, IdentityRecord, Link, StoredRecord
from transforms.identity.components import Components
from transforms.identity.engine import Engine, published
from transforms.identity.messages import Decision, SeedEnd, version_of
from transforms.identity.newest import Newest, Standing
from transforms.identity.records import content_of, from_stored, stamp_of, stored_record

ANN = {"given_name": "Ann", "family_name": "Lee", "emails": ("ann@acme.com",)}


def engine() -> Engine:
    return Engine(SETTINGS, Ticks())


def entity_of(one: Engine, key: str) -> str:
    return one.links()[key].entity_id


def feed(rows: list[Row]) -> list[tuple[str, str, tuple[str, ...]]]:
    return sorted(
        (row.what, row.entity_id, row.other_ids) for row in rows if isinstance(row, EntityChange)
    )


def test_a_newer_version_that_says_the_same_moves_the_row_on_and_nothing_else() -> None:
    one = engine()
    assert one.add([record("hubspot:contact:1", 1, **ANN)])
    (row,) = one.add([record("hubspot:contact:1", 2, **ANN)])
    assert isinstance(row, StoredRecord)
    assert row.version_stamp == 2
    assert one.add([record("hubspot:contact:1", 2, **ANN)]) == []
    assert one.add([record("hubspot:contact:1", 1, given_name="Late")]) == []


def test_a_sighting_that_says_the_same_writes_nothing() -> None:
    one = engine()
    assert one.add([record("gmail:address:0", 1, **ANN)])
    assert one.add([record("gmail:address:0", 2, **ANN)]) == []


def test_after_a_restart_a_late_version_still_comes_too_late() -> None:
    ann, bob = {"emails": ("ann@acme.com",)}, {"emails": ("bob@acme.com",)}
    one = engine()
    rows = [
        *one.add([record("salesforce:contact:1", 1, **ann)]),
        *one.add([record("salesforce:contact:1", 3, **ann)]),
        *one.add([record("hubspot:contact:2", 1, **bob)]),
    ]
    again = engine()
    assert again.seed(seeds_of(rows)) == []
    assert again.add([record("salesforce:contact:1", 2, **bob)]) == []
    assert entity_of(again, "salesforce:contact:1") != entity_of(again, "hubspot:contact:2")


def test_a_newer_version_still_shuts_out_what_is_older_than_it() -> None:
    one = engine()
    one.add([record("hubspot:contact:1", 1, **ANN), record("hubspot:contact:1", 3, **ANN)])
    assert one.add([record("hubspot:contact:1", 2, given_name="Late")]) == []


def test_a_sighting_without_its_name_does_not_undo_the_name() -> None:
    one = engine()
    one.add([record("gmail:address:1", 5, emails=("a@acme.com",), full_name="Ann Lee")])
    assert one.add([record("gmail:address:1", 9, emails=("a@acme.com",))]) == []
    assert [view.display_name for view in one.entities().values()] == ["Ann Lee"]


def test_the_table_of_records_holds_what_the_engine_holds() -> None:
    """Also where a named sighting wins over a younger one without a name."""
    one = engine()
    rows = one.add([record("gmail:address:1", 9, emails=("a@acme.com",))])
    rows += one.add([record("gmail:address:1", 5, emails=("a@acme.com",), full_name="Ann")])
    stored = tables(rows)[1]["gmail:address:1"]
    assert from_stored(stored).full_name == "Ann"


def test_a_stranger_who_joins_does_not_rename_a_customer() -> None:
    one = engine()
    one.add([record("salesforce:contact:1", **ANN)])
    before = entity_of(one, "salesforce:contact:1")
    rows = one.add([record("gmail:address:0", emails=("ann@acme.com",))])
    assert entity_of(one, "gmail:address:0") == before
    assert feed(rows) == []
    assert [row.record_key for row in rows if isinstance(row, Link)] == [
        "gmail:address:0",
        "salesforce:contact:1",
    ]


def test_the_feed_tells_of_merge_split_and_retirement() -> None:
    one = engine()
    created = one.add([record("gmail:address:0", emails=("ann@acme.com",))])
    stranger = entity_of(one, "gmail:address:0")
    assert feed(created) == [("created", stranger, ())]
    merged = one.add([record("salesforce:contact:1", **ANN)])
    customer = entity_of(one, "gmail:address:0")
    assert feed(merged) == [("created", customer, (stranger,)), ("merged", stranger, (customer,))]
    retired = [row for row in merged if isinstance(row, Entity) and row.is_retired]
    assert [(row.entity_id, row.successor_id) for row in retired] == [(stranger, customer)]
    moved = record("salesforce:contact:1", 2, emails=("new@acme.com",))
    split = one.add([moved])
    assert feed(split) == [("created", stranger, (customer,)), ("split", customer, (stranger,))]
    gone = one.add([record("salesforce:contact:1", 3, deleted=True)])
    assert feed(gone) == [("retired", customer, ())]
    assert [row.entity_id for row in gone if isinstance(row, Link)] == [None]


def test_nothing_known_of_a_deleted_record_stays_in_any_row() -> None:
    one = engine()
    one.add([record("hubspot:contact:1", **ANN)])
    rows = one.add([record("hubspot:contact:1", 2, deleted=True, **ANN)])
    assert not [row for row in rows if "ann" in repr(row).lower()]


def test_an_update_shows_as_no_coming_and_going() -> None:
    one = engine()
    one.add(
        [record("salesforce:contact:1", **ANN), record("gmail:address:0", emails=ANN["emails"])]
    )
    rows = one.add([record("salesforce:contact:1", 2, city="Oslo", **ANN)])
    assert [type(row) for row in rows] == [StoredRecord]


def test_revisions_rise_even_when_the_clock_stands_or_goes_back() -> None:
    times = iter([50, 50, 40, 40, 30, 30, 30, 30])
    one = Engine(SETTINGS, lambda: next(times))
    revisions = []
    for version in (1, 2, 3):
        rows = one.add([record("hubspot:contact:1", version, full_name=f"Ann {version}")])
        revisions += [row.revision for row in rows if isinstance(row, Entity)]
    assert revisions == sorted(set(revisions))


def test_a_change_of_account_tells_of_its_people_again() -> None:
    one = engine()
    one.add([record("gmail:address:0", emails=("ann@acme.com",))])
    rows = one.add([record("hubspot:company:1", domains=("acme.com",))])
    account = entity_of(one, "hubspot:company:1")
    people = [row for row in rows if isinstance(row, Entity) and row.kind == "person"]
    assert [row.account_entity_id for row in people] == [account]
    rows = one.add([record("salesforce:account:1", domains=("acme.com",))])
    people = [row for row in rows if isinstance(row, Entity) and row.kind == "person"]
    assert [row.account_entity_id for row in people] == [entity_of(one, "salesforce:account:1")]


def test_a_shared_mailbox_is_its_own_entity_and_stands_in_its_account() -> None:
    one = engine()
    one.add(
        [
            record("gmail:address:0", emails=("info@acme.com",), shared=True),
            record("hubspot:company:1", domains=("acme.com",)),
        ]
    )
    view = one.entities()[entity_of(one, "gmail:address:0")]
    assert view.is_shared
    assert view.account_entity_id == entity_of(one, "hubspot:company:1")


@pytest.mark.parametrize("seed", range(20))
def test_an_engine_rebuilt_from_the_tables_writes_nothing_and_goes_on_the_same(seed: int) -> None:
    versions = history(seed)
    first, second = engine(), engine()
    rows = first.add(versions[:-6])
    assert second.seed(seeds_of(rows)) == []
    assert second.links() == first.links()
    assert second.entities() == first.entities()
    first.add(versions[-6:])
    second.add(versions[-6:])
    assert second.links() == first.links()
    assert second.entities() == first.entities()


def test_a_real_difference_from_the_tables_is_written() -> None:
    one = engine()
    rows = one.add(
        [record("hubspot:contact:1", **ANN), record("gmail:address:0", emails=ANN["emails"])]
    )
    apart = Engine(SETTINGS, Ticks())
    wrong = apart.add([record("gmail:address:0", emails=ANN["emails"])])
    mixed = [row for row in rows if isinstance(row, StoredRecord)]
    mixed += [row for row in wrong if not isinstance(row, StoredRecord)]
    second = engine()
    written = second.seed(seeds_of(mixed))
    assert {row.record_key for row in written if isinstance(row, Link)} == {
        "hubspot:contact:1",
        "gmail:address:0",
    }
    retired = [row.entity_id for row in written if isinstance(row, Entity) and row.is_retired]
    assert retired == [next(row.entity_id for row in wrong if isinstance(row, Link))]
    assert second.links() == one.links()


def test_what_people_have_decided_stands_before_the_tables_are_looked_at() -> None:
    """Else two whom a person told apart would be joined first, and the feed tell of it."""
    versions = [record("hubspot:contact:1", **ANN), record("salesforce:contact:2", **ANN)]
    apart = Decision("hubspot:contact:1", "salesforce:contact:2", "different", (1, 5, 0, "d"))
    one = engine()
    rows = one.add(versions) + one.decide([apart])
    assert len(one.entities()) == 2
    again = engine()
    assert again.seed(seeds_of(rows), [apart]) == []
    assert again.links() == one.links()
    assert engine().seed(seeds_of(rows)), "without it they are joined"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_newest_of_each_record_is_what_the_layer_of_records_keeps(
    seed: int, rng: random.Random
) -> None:
    versions = history(seed)
    rng.shuffle(versions)
    one, newest = engine(), Newest()
    table: dict[str, StoredRecord] = {}
    for version in versions:
        for row in one.add([version]):
            if isinstance(row, StoredRecord):
                before = table.setdefault(row.record_key, row)
                table[row.record_key] = max(before, row, key=stamp_of)
        newest.see(version)
    for stored in table.values():
        newest.stands(Standing(stored, is_alone=False))
    found = {row.record_key: row for row in newest.rows(9)}
    assert set(found) == {version.record_key for version in versions}
    for key, row in found.items():
        assert version_of(from_stored(row))[1:] == one._records.newest(key)[1:]
        kept = one._records._kept[key]
        assert content_of(from_stored(row)) == kept.content
        assert stamp_of(row) >= stamp_of(table[key]), "no row of the table stands above it"
        assert stamp_of(row) == max(kept.row, from_stored(row).version)


def test_what_stands_alone_in_the_table_is_not_lost_to_what_says_less() -> None:
    named = record("gmail:address:a", 1, full_name="Ann Lee", emails=("ann@acme.test",))
    bare = record("gmail:address:a", 5, emails=("ann@acme.test",))
    for is_alone, name in ((True, "Ann Lee"), (False, "")):
        newest = Newest()
        newest.see(bare)
        newest.stands(Standing(stored_record(named, named.version, 9), is_alone=is_alone))
        other = stored_record(record("gmail:address:else"), (9, 9, "d"), 9)
        newest.stands(Standing(other, is_alone=True))
        [row] = newest.rows(9)
        assert from_stored(row).full_name == name


def test_an_unreadable_seed_names_its_record() -> None:
    row = next(
        row for row in engine().add([record("hubspot:contact:1")]) if isinstance(row, StoredRecord)
    )
    broken = StoredRecord(**{**_columns(row), "record": "{"})
    with pytest.raises(InvalidRow, match="hubspot:contact:1"):
        from_stored(broken)


def _columns(row: StoredRecord) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_records_without_any_evidence_are_entities_of_one() -> None:
    one = engine()
    rows = one.add(
        IdentityRecord(
            record_key=f"hubspot:contact:{n}", kind="person", stamp=1, fetched=1, digest="d"
        )
        for n in range(3)
    )
    assert len([row for row in rows if isinstance(row, Link)]) == 3
    assert {link.method for link in one.links().values()} == {"single"}


def test_waking_looks_at_each_seed_once_however_many_messages_come() -> None:
    records = [
        record(f"hubspot:contact:{number}", emails=(f"p{number}@a.com",)) for number in range(300)
    ]
    seeds = seeds_of(engine().add(records))
    looked = 0

    class Counted(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            nonlocal looked
            looked += 1
            return super().get(key, default)

    again = engine()
    components = Components(again._evidence, again._clustering, Ticks(), seeded=True)
    components._graph.nodes = Counted(components._graph.nodes)  # type: ignore[assignment]
    for seed in seeds:
        components.receive(published(seed))
    components.receive(SeedEnd(len(seeds)))
    for _ in range(1_000):
        assert components.decide() == []
    assert looked <= 1_000 + len(seeds)
