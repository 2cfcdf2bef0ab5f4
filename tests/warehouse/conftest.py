"""A warehouse with Ann and Bo in every table, made once for the tests of a module."""

from collections.abc import Iterator

import pytest
from erased_world import warehouse_of_the_world
from google.cloud import bigquery

from warehouse.clients import Endpoint, bigquery_client


@pytest.fixture(scope="module")
def world_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with warehouse_of_the_world(tmp_path_factory.mktemp("erase")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def world_client(world_endpoint: Endpoint) -> Iterator[bigquery.Client]:
    client = bigquery_client(world_endpoint)
    yield client
    client.close()
