"""Rows arrive, refused ones are led off, outages are waited out: against the embedded warehouse."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import msgspec
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from google.cloud import bigquery
from rows import a_row, one_of_each

from embedded.warehouse import WarehouseServer
from schemas.change import new_change
from schemas.columns import Row, columns
from schemas.errors import FatalError, RetriableError
from schemas.flow import Arrival, Normalised, RowBatch
from schemas.operations import DeadLetter
from schemas.records import Person, RawChange
from schemas.tables import BY_ID, BY_ROW, TABLES
from transforms.accept import accepted_rows, change_of
from warehouse.clients import Endpoint, bigquery_client
from warehouse.protobuf import encode
from warehouse.provision import provision
from warehouse.row_writer import RowWriter
from warehouse.sink import DiscardSink, StorageSink, WriteRowsFn
from warehouse.storage_write import RefusedRow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseServer]:
    warehouse = WarehouseServer(tmp_path_factory.mktemp("sink") / "data")
    warehouse.start()
    yield warehouse
    warehouse.stop()


@pytest.fixture(scope="module")
def client(server: WarehouseServer) -> bigquery.Client:
    made = bigquery_client(server.endpoint)
    provision(made)
    return made


def count(client: bigquery.Client, table: str, where: str = "TRUE") -> int:
    rows = client.query_and_wait(f"SELECT COUNT(*) AS n FROM `{table}` WHERE {where}")
    return int(next(iter(rows)).n)


def stored(row: Row) -> dict[str, Any]:
    """A row as a query gives it back."""
    expected = {}
    for column in columns(type(row)):
        value = getattr(row, column.name)
        if column.kind == "TIMESTAMP":
            value = datetime.fromtimestamp(value / 1e6, UTC)
        elif column.kind == "DATE":
            value = date.fromordinal(date(1970, 1, 1).toordinal() + value)
        elif column.kind == "JSON":
            value = json.loads(value)
        expected[column.name] = list(value) if column.mode == "REPEATED" else value
    return expected


def test_a_row_of_every_table_comes_back_as_it_went_in(
    server: WarehouseServer, client: bigquery.Client
) -> None:
    provision(client, "each_")
    sink = StorageSink(server.endpoint, "each_")
    rows = one_of_each()
    sink.write(rows)
    assert sink.flush() == []
    for row in rows:
        table = BY_ROW[type(row)]
        [found] = list(client.query_and_wait(f"SELECT * FROM `each_{table.id}`"))
        got = dict(found.items())
        for column in columns(type(row)):
            if column.kind == "JSON" and isinstance(got[column.name], str):
                got[column.name] = json.loads(got[column.name])
        assert got == stored(row), table.id
    sink.close()


def test_provisioning_twice_changes_nothing(client: bigquery.Client) -> None:
    assert provision(client, "twice_")
    assert provision(client, "twice_") == []
    people = client.get_table("twice_sales.people")
    assert people.clustering_fields == ["record_key"]
    interactions = client.get_table("twice_sales.interactions")
    assert interactions.time_partitioning.field == "event_date"


class PersonWithMore(Person, frozen=True, kw_only=True):
    pronouns: str | None = None


class PersonWithRequired(Person, frozen=True, kw_only=True):
    pronouns: str = ""


def test_a_column_is_added_while_rows_flow_and_nothing_else_is_changed(
    server: WarehouseServer, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = BY_ID["sales.people"]
    provision(client, "more_", [table])
    sink = StorageSink(server.endpoint, "more_")
    sink.write([a_row(table)])
    assert sink.flush() == []
    more = table._replace(row=PersonWithMore)
    assert provision(client, "more_", [more]) == ["added to more_sales.people: pronouns"]
    monkeypatch.setitem(BY_ROW, PersonWithMore, more)
    sink.write([a_row(table)])
    assert sink.flush() == []
    newer = StorageSink(server.endpoint, "more_")
    newer.write([a_row(more)])
    assert newer.flush() == []
    newer.close()
    assert count(client, "more_sales.people") == 3
    assert count(client, "more_sales.people", "pronouns IS NOT NULL") == 1
    with pytest.raises(FatalError, match=r"sales\.people\.pronouns exists"):
        provision(client, "more_", [table])
    client.delete_table("more_sales.people")
    provision(client, "more_", [table])
    with pytest.raises(FatalError, match="REQUIRED"):
        provision(client, "more_", [table._replace(row=PersonWithRequired)])
    sink.close()


def test_a_bad_row_among_many_becomes_a_dead_letter_and_the_others_stand(
    server: WarehouseServer, client: bigquery.Client
) -> None:
    provision(client, "bad_")
    table = BY_ID["sales.people"]
    rows = [a_row(table, record_key=f"k{i}") for i in range(500)]
    rows[77] = msgspec.structs.replace(rows[77], source=None)
    opener = StorageSink.opener(server.endpoint, "bad_")
    with TestPipeline(runner="FnApiRunner", options=PipelineOptions([])) as pipeline:
        batches = pipeline | beam.Create([0]) | beam.Map(lambda _: RowBatch(tuple(rows)))
        batches | beam.ParDo(WriteRowsFn(RowWriter(opener, "test", 1, lambda: 5)))
    assert count(client, "bad_sales.people") == 499
    [letter] = list(client.query_and_wait("SELECT * FROM `bad_ops.dead_letters`"))
    assert letter.stage == "write" and letter.table_id == "sales.people"
    assert "column source is required" in letter.error_message
    assert json.loads(letter.payload)["record_key"] == "k77"


def test_an_outage_is_waited_out_and_nothing_is_lost(
    server: WarehouseServer, client: bigquery.Client
) -> None:
    provision(client, "outage_")
    sink = StorageSink(server.endpoint, "outage_")
    table = BY_ID["sales.people"]
    sink.write([a_row(table, record_key="before")])
    assert sink.flush() == []
    server.kill()
    sink.write([a_row(table, record_key=f"during-{i}") for i in range(1_200)])
    flushed = threading.Event()
    writing = threading.Thread(target=lambda: (sink.flush(), flushed.set()))
    writing.start()
    assert not flushed.wait(1.0)
    server.start()
    assert flushed.wait(60)
    writing.join()
    distinct = "SELECT COUNT(DISTINCT record_key) AS n FROM `outage_sales.people`"
    assert next(iter(client.query_and_wait(distinct))).n == 1_201
    sink.close()


def test_a_warehouse_that_stays_away_fails_the_bundle_where_that_is_wanted(tmp_path: Path) -> None:
    nowhere = Endpoint(project="p", rest="http://127.0.0.1:9", grpc="127.0.0.1:9")
    sink = StorageSink(nowhere, give_up_after_s=0.1)
    sink.write([a_row(BY_ID["ops.runs"])])
    began = time.monotonic()
    with pytest.raises(RetriableError, match=r"ops\.runs cannot be written"):
        sink.flush()
    assert time.monotonic() - began < 30
    sink.discard()
    assert sink.flush() == []
    sink.close()


def test_text_that_is_no_unicode_is_written_with_replacements() -> None:
    row = a_row(BY_ID["sales.people"], full_name="a\ud800b")
    assert "a\ufffdb".encode() in encode(row)


class RefusingSink(DiscardSink):
    """Refuses every row, dead letters too."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def write(self, rows: Any) -> None:
        self.rows += rows

    def flush(self) -> list[RefusedRow]:
        refused, self.rows = [RefusedRow(row, "no") for row in self.rows], []
        return refused


def test_a_dead_letter_that_is_refused_fails_the_bundle() -> None:
    fn = WriteRowsFn(RowWriter(RefusingSink, "test", 1, lambda: 5))
    fn.start_bundle()
    fn.process(RowBatch((a_row(BY_ID["ops.runs"]),)))
    with pytest.raises(RetriableError, match="dead letter was refused"):
        fn.finish_bundle()


def test_a_refused_raw_change_can_be_published_again() -> None:
    from warehouse.row_writer import refused_letter

    change = new_change(
        "files", "contact", "1", b"{}", stamp=5, fetched=6, operation="merge", successor="2"
    )
    element = Normalised(Arrival(change, "m-1", 7), (), ())
    [raw] = accepted_rows(element, 9).rows
    assert isinstance(raw, RawChange) and change_of(raw) == change
    letter = refused_letter(RefusedRow(raw, "no"), 9, "test", 1)
    assert isinstance(letter, DeadLetter)
    assert (letter.topic, letter.payload, letter.message_id) == ("changes-files", b"{}", "m-1")
    assert json.loads(letter.attributes)["ce-id"] == change.change_id


def test_every_table_has_its_own_row_class() -> None:
    assert len(BY_ROW) == len(TABLES)
