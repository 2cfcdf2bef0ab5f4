"""Rows that a query gives back are the records that were written."""

import json
from collections.abc import Iterator

import pytest
from google.cloud import bigquery
from rows import a_row, one_of_each

from embedded.warehouse import WarehouseServer
from schemas.columns import Row, columns
from schemas.tables import BY_ID, BY_ROW
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import latest
from warehouse.provision import provision
from warehouse.sink import StorageSink

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bigquery.Client, Endpoint]]:
    server = WarehouseServer(tmp_path_factory.mktemp("latest") / "data")
    client = bigquery_client(server.start())
    provision(client)
    yield client, server.endpoint
    server.stop()


def write(endpoint: Endpoint, rows: list[Row]) -> None:
    sink = StorageSink(endpoint)
    sink.write(rows)
    assert sink.flush() == []
    sink.close()


def parsed(row: Row) -> list[object]:
    """The row's values, documents as what they say: spaces in JSON are not kept."""
    return [
        json.loads(getattr(row, c.name)) if c.kind == "JSON" else getattr(row, c.name)
        for c in columns(type(row))
    ]


def test_the_newest_row_of_every_record_class_comes_back_equal(
    written: tuple[bigquery.Client, Endpoint],
) -> None:
    client, endpoint = written
    rows = [row for row in one_of_each() if BY_ROW[type(row)].key]
    write(endpoint, rows)
    for row in rows:
        [found] = latest(client, type(row))
        assert parsed(found) == parsed(row), type(row).__name__


def test_a_document_that_is_a_single_string_stays_a_document(
    written: tuple[bigquery.Client, Endpoint],
) -> None:
    client, endpoint = written
    deals = BY_ID["sales.deals"]
    documents = ['"text"', '"5"', "5", "true", '{"a":null}', '"null"']
    write(endpoint, [a_row(deals, record_key=f"d{i}", extra=x) for i, x in enumerate(documents)])
    found = {row.record_key: row.extra for row in latest(client, deals.row)}
    assert [found[f"d{i}"] for i in range(len(documents))] == documents
