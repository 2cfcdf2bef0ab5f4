"""Rebuild over an embedded warehouse: what is right stays, what is wrong is put right."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from company_messages import CompanyMessages
from google.cloud import bigquery
from graph_runs import again, assert_accounted, assert_same_views, latest, partition

import pipelines.derive
import transforms.normalise
from embedded.warehouse import PROJECT, WarehouseServer
from pipelines.bounded import run_bounded
from pipelines.graph import Parts
from pipelines.proof import COMPARED, Proof
from pipelines.raw_messages import SLICE_BYTES, messages_of, raw_messages, slices
from pipelines.rebuild import Rebuilt, rebuild
from pipelines.seeds import read_seeds
from pipelines.sweep import DERIVED
from schemas.change import new_change
from schemas.clock import from_us, wall_clock
from schemas.columns import Row
from schemas.envelope import encode
from schemas.errors import InvalidPayload
from schemas.flow import Received, RowBatch
from schemas.identity import Entity, EntityChange, Link, PairCandidate, PairEvidence, StoredRecord
from schemas.operations import DeadLetter
from schemas.records import Duplicate, Interaction, Person, RawChange
from schemas.tables import BY_ROW, TABLES, latest_sql
from transforms.identity.messages import is_observed
from transforms.identity.records import from_stored, stored_record
from transforms.normalise.hubspot import normalise_hubspot
from transforms.resolve_records import seed_element
from warehouse.clients import bigquery_client
from warehouse.latest import select, table_reference
from warehouse.provision import provision
from warehouse.row_writer import RowWriter
from warehouse.sink import StorageSink

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rebuild")]


WRITE = pipelines.derive._write
OBJECTS = {"folder:3": b'{"given_name": "Large"}'}


class Deployment:
    """A warehouse with the company in it."""

    def __init__(self, server: WarehouseServer, company: CompanyMessages) -> None:
        self.endpoint = server.endpoint
        self.client: bigquery.Client = bigquery_client(self.endpoint)
        self.parts = Parts(
            company.settings, StorageSink.opener(self.endpoint), fetch=OBJECTS.__getitem__, shards=4
        )
        self.messages = [*company.messages, *again(company.messages[:40]), *others()]
        provision(self.client)
        run_bounded(partial(iter, self.messages), self.parts)

    def rows(self) -> list[Row]:
        """Every row of every table but the log of runs."""
        return [row for table in TABLES for row in self._rows_of(table.row)]

    def _rows_of(self, row: type[Row]) -> list[Any]:
        table = next(table for table in TABLES if table.row is row)
        name = table_reference(self.client, table)
        return list(select(self.client, row, f"SELECT * FROM {name}"))

    def run(self, statement: str) -> None:
        self.client.query_and_wait(statement)

    def rebuilt(self, settled: int | None = None, *, proved: bool = False) -> Rebuilt:
        return rebuild(self.endpoint, self.parts, settled=settled, proved=proved)


@pytest.fixture(scope="module")
def deployment(
    company: CompanyMessages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    directory: Path = tmp_path_factory.mktemp("rebuild")
    server = WarehouseServer(directory / "data", log=directory / "warehouse.log")
    server.start()
    try:
        made = Deployment(server, company)
        yield made
        made.client.close()
    finally:
        server.stop()


def others() -> Iterator[Received]:
    """A record that was deleted, one that was merged away, one whose payload lies elsewhere."""
    files = partial(new_change, "files", "contact", stamp=5, fetched=6, lane="import")
    yield Received(*encode(files("1", b"", operation="delete")), "m-delete", 7)
    merge = files("2", b"", operation="merge", successor="a:b")
    yield Received(*encode(merge), "m-merge", 7)
    large = msgspec.structs.replace(files("3", OBJECTS["folder:3"]), dataref="folder:3")
    yield Received(*encode(large), "m-large", 7)


def of_kind(rows: list[Row], *kinds: type[Row]) -> list[Row]:
    return sorted((row for row in rows if isinstance(row, kinds)), key=repr)


def test_every_accepted_change_is_read_back_as_the_message_that_it_came_in(
    deployment: Deployment,
) -> None:
    sent = {message.message_id: message for message in deployment.messages}
    read = list(raw_messages(deployment.endpoint))
    assert len(read) == len(of_kind(deployment.rows(), RawChange))
    for message in read:
        assert message == sent[message.message_id]


def test_slices_hold_every_change_once_however_large_they_are(deployment: Deployment) -> None:
    whole = sorted(message.message_id for message in raw_messages(deployment.endpoint))
    for slice_bytes in (150_000, SLICE_BYTES):
        found = slices(deployment.client, slice_bytes=slice_bytes)
        read = [list(messages_of(deployment.client, one)) for one in found]
        assert sorted(message.message_id for part in read for message in part) == whole
        assert all(read), "none is empty"
        assert (len(found) > 1) == (slice_bytes < SLICE_BYTES)


def test_one_that_is_stopped_in_the_middle_is_put_right_by_the_next(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deployment.rows()
    monkeypatch.setattr("pipelines.derive.slices", partial(slices, slice_bytes=150_000))
    with monkeypatch.context() as stopping:
        stopping.setattr("pipelines.derive._write", Stopped(writes=2))
        with pytest.raises(KeyboardInterrupt):
            deployment.rebuilt()
    half = deployment.rows()
    assert len(of_kind(half, Interaction, Person)) > len(of_kind(before, Interaction, Person))
    assert_same_views(half, before)
    result = deployment.rebuilt(proved=True)
    assert_nothing_differs(result, before)
    assert_same_views(deployment.rows(), before)
    assert result.after == {table.id: len(of_kind(before, table.row)) for table in DERIVED}


class Stopped:
    """Writes some portions and is then told to stop."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def __call__(self, writer: RowWriter, gathered: Iterable[RowBatch]) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        WRITE(writer, gathered)


def test_what_is_right_stays_as_it_is(deployment: Deployment) -> None:
    before = deployment.rows()
    assert_accounted(deployment.messages, before)
    result = deployment.rebuilt(proved=True)
    after = deployment.rows()
    assert_same_views(after, before)
    assert result.after == result.before, "the rows before are swept"
    assert result.changes == len(of_kind(before, RawChange))
    assert_nothing_differs(result, before)
    assert set(result.seconds) == {
        "digests before",
        "derived rows",
        "sweep",
        "resolver",
        "comparison",
    }
    for kind in (RawChange, Duplicate, DeadLetter):
        assert of_kind(after, kind) == of_kind(before, kind)
    assert_accounted(deployment.messages, after)


def assert_nothing_differs(result: Rebuilt, rows: list[Row]) -> None:
    """Every table was compared, in all its latest rows, and each with the same checksum."""
    shown = latest(rows)
    assert {one.table: one.before for one in result.compared} == {
        table.id: len(shown[table.id]) for table in COMPARED
    }
    for one in result.compared:
        assert one.equal and one.before == one.after and not one.samples
        assert one.checksum_before == one.checksum_after
    assert result.differing == 0


def differing(result: Rebuilt) -> dict[str, int]:
    return {one.table: one.differing for one in result.compared if not one.equal}


def test_what_a_pipeline_may_have_in_hand_is_not_swept(deployment: Deployment) -> None:
    before = deployment.rows()
    result = deployment.rebuilt(settled=0)
    assert all(result.after[name] == 2 * rows for name, rows in result.before.items())
    assert_same_views(deployment.rows(), before)
    assert deployment.rebuilt().after == result.before


def test_what_is_published_of_identity_is_not_published_again(deployment: Deployment) -> None:
    before = of_kind(deployment.rows(), Link, Entity, EntityChange)
    deployment.rebuilt()
    assert of_kind(deployment.rows(), Link, Entity, EntityChange) == before


def test_a_parser_that_is_mended_is_seen_in_the_tables_and_in_who_is_who(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HubSpot's contacts are read without their addresses and numbers, and then with them."""
    right = deployment.rows()
    with monkeypatch.context() as broken:
        broken.setitem(transforms.normalise._CRM, "hubspot", without_identifiers)
        broke = deployment.rebuilt(proved=True)
    wrong = deployment.rows()
    assert partition(wrong) != partition(right)
    contacts = {row.record_key for row in right if isinstance(row, Person)}
    [people] = [one for one in broke.compared if one.table == "sales.people"]
    assert 0 < people.differing <= len(contacts)
    assert set(people.samples) <= {key for key in contacts if key.startswith("hubspot:")}
    assert {"sales.people", "identity.records", "identity.links", "identity.entities"} <= set(
        differing(broke)
    )
    assert {row.what for row in wrong if isinstance(row, EntityChange)} >= {"split"}
    deployment.rebuilt()
    assert_same_views(deployment.rows(), right)


def without_identifiers(change: Any, *others: Any) -> Any:
    rows, identities = normalise_hubspot(change, *others)
    bare = {"emails": (), "phones": ()}
    return (
        tuple(
            msgspec.structs.replace(row, **bare) if isinstance(row, Person) else row for row in rows
        ),
        tuple(
            msgspec.structs.replace(one, **bare) if one.kind == "person" else one
            for one in identities
        ),
    )


def test_what_becomes_a_dead_letter_is_counted_and_keeps_its_rows(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deployment.rows()
    hubspots = sum(isinstance(row, RawChange) and row.source == "hubspot" for row in before)
    with monkeypatch.context() as broken:
        broken.setitem(transforms.normalise._CRM, "hubspot", refusing)
        result = deployment.rebuilt()
    assert result.dead_letters == hubspots > 0
    assert result.after == result.before
    letters = len(of_kind(deployment.rows(), DeadLetter))
    assert letters == len(of_kind(before, DeadLetter)) + hubspots
    deployment.run(f"DELETE FROM `{PROJECT}.ops.dead_letters` WHERE error_message = '{REFUSED}'")
    assert_same_views(deployment.rows(), before)
    assert deployment.rebuilt().dead_letters == 0


REFUSED = "the parser is broken"


def refusing(change: Any, *others: Any) -> Any:
    raise InvalidPayload(REFUSED)


def test_derived_rows_that_are_damaged_are_put_right(deployment: Deployment) -> None:
    before = deployment.rows()
    deployment.run(f"UPDATE `{PROJECT}.sales.people` SET given_name = 'damaged' WHERE TRUE")
    deployment.run(f"DELETE FROM `{PROJECT}.sales.interactions` WHERE kind = 'call'")
    deployment.run(f"TRUNCATE TABLE `{PROJECT}.sales.participants`")
    damaged = deployment.rows()
    assert of_kind(damaged, Person) != of_kind(before, Person)
    found = differing(deployment.rebuilt(proved=True))
    shown = latest(before)
    assert found == {
        "sales.people": len(shown["sales.people"]),
        "sales.interactions": sum(
            one["kind"] == "call" for one in shown["sales.interactions"].values()
        ),
        "sales.participants": len(shown["sales.participants"]),
    }
    after = deployment.rows()
    assert_same_views(after, before)
    assert of_kind(after, RawChange) == of_kind(before, RawChange)


def test_what_a_change_brings_about_that_comes_meanwhile_is_told_apart(
    deployment: Deployment,
) -> None:
    """A contact changes its name while the tables are rebuilt: that is no fault of the rebuild."""
    before = deployment.rows()
    settled = wall_clock()
    proof = Proof(deployment.client)
    proof.keep()
    [raw, *_] = [
        row
        for row in before
        if isinstance(row, RawChange) and row.source == "hubspot" and row.object_type == "contact"
    ]
    [person] = [row for row in of_kind(before, Person) if row.change_id == raw.change_id]  # type: ignore[attr-defined]
    newer = {"change_id": "f" * 32, "version_stamp": raw.version_stamp + 1, "written_at": settled}
    told = msgspec.structs.replace(raw, **newer, message_id="m-new", publish_time=settled)
    named = msgspec.structs.replace(person, **newer, given_name="Another")
    sink = StorageSink(deployment.endpoint)
    sink.write([told, named])
    assert sink.flush() == []
    sink.close()
    [people] = [one for one in proof.compare(from_us(settled)) if one.table == "sales.people"]
    assert (people.differing, people.meanwhile) == (0, 1)
    assert people.checksum_before != people.checksum_after
    [people] = [one for one in proof.compare(from_us(settled + 1)) if one.table == "sales.people"]
    assert (people.differing, people.samples) == (1, (raw.record_key,))
    proof.drop()
    for table in ("raw.changes", "sales.people"):
        deployment.run(f"DELETE FROM `{PROJECT}.{table}` WHERE change_id = '{'f' * 32}'")
    assert deployment.rows() == before, "and nothing of the comparison is left"


def test_rows_whose_change_is_no_longer_there_stay_as_they_are(deployment: Deployment) -> None:
    [*_, person] = of_kind(deployment.rows(), Person)
    assert isinstance(person, Person)
    old = msgspec.structs.replace(
        person, change_id="0" * 32, record_key="files:contact:old", written_at=1
    )
    sink = StorageSink(deployment.endpoint)
    sink.write([old])
    assert sink.flush() == []
    sink.close()
    result = deployment.rebuilt()
    assert result.after["sales.people"] == result.before["sales.people"]
    assert [row for row in deployment.rows() if row == old] == [old]


def test_the_tables_are_read_as_seeds_of_every_record(deployment: Deployment) -> None:
    seeds = read_seeds(deployment.client)
    rows = deployment.rows()
    assert {seed.rows[0].record_key for seed in seeds} == {  # type: ignore[attr-defined]
        row.record_key for row in rows if isinstance(row, StoredRecord)
    }
    for seed in seeds:
        seed_element(seed, 4)
        stored = seed.rows[0]
        assert isinstance(stored, StoredRecord)
        if stored.is_deleted:
            assert len(seed.rows) == 1, "it was gone before anything was known of it"
            continue
        _, link, entity, *pairs = seed.rows
        assert all(isinstance(one, PairEvidence | PairCandidate) for one in pairs)
        assert isinstance(link, Link) and isinstance(entity, Entity)
        assert link.record_key == stored.record_key and link.entity_id == entity.entity_id


def test_a_record_without_a_link_is_a_seed_all_the_same(deployment: Deployment) -> None:
    key = read_seeds(deployment.client)[0].rows[0].record_key  # type: ignore[attr-defined]
    deployment.run(f"DELETE FROM `{PROJECT}.identity.links` WHERE record_key = '{key}'")
    [seed] = [
        seed
        for seed in read_seeds(deployment.client)
        if seed.rows[0].record_key == key  # type: ignore[attr-defined]
    ]
    assert not any(isinstance(row, Link | Entity) for row in seed.rows)


def test_a_name_whose_mail_is_no_longer_there_outlives_mails_without_one(
    deployment: Deployment,
) -> None:
    table = BY_ROW[StoredRecord]
    newest = latest_sql(table, table_reference(deployment.client, table))
    rows = {row.record_key: row for row in select(deployment.client, StoredRecord, newest)}
    bare = next(
        found
        for row in rows.values()
        if is_observed(row.record_key)
        and (found := from_stored(row)).emails
        and not (found.full_name or found.deleted)
    )
    gone = {"stamp": 1, "fetched": 1, "digest": "0" * 32}
    named = msgspec.structs.replace(bare, full_name="Erika Beispiel", **gone)
    where = f"WHERE record_key = '{bare.record_key}'"
    deployment.run(f"DELETE FROM {table_reference(deployment.client, table)} {where}")
    sink = StorageSink(deployment.endpoint)
    sink.write([stored_record(named, named.version, wall_clock())])
    assert sink.flush() == []
    sink.close()
    deployment.rebuilt()
    [row] = select(deployment.client, StoredRecord, f"SELECT * FROM ({newest}) {where}")
    assert from_stored(row).full_name == "Erika Beispiel"


def test_where_no_change_is_left_to_read_every_row_stays(deployment: Deployment) -> None:
    deployment.run(f"DELETE FROM `{PROJECT}.raw.changes` WHERE TRUE")
    before = of_kind(deployment.rows(), *(table.row for table in DERIVED), StoredRecord)
    assert deployment.rebuilt().changes == 0
    assert of_kind(deployment.rows(), *(table.row for table in DERIVED), StoredRecord) == before
