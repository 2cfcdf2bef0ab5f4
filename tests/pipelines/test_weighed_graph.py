"""The graph under a model: in any order, in one bundle or many, it comes to the same people."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from company_messages import CompanyMessages
from graph_runs import (
    again,
    assert_same_views,
    in_bundles_of,
    latest,
    partition,
    rows_of,
    rows_of_stream,
)

from sandbox.company.world import AS_OF_US
from schemas.change import new_change
from schemas.columns import Row
from schemas.envelope import encode
from schemas.flow import Received
from schemas.identity import StoredRecord
from transforms.identity.records import from_stored
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import SHIPPED, write_model
from transforms.settings import Settings


@pytest.fixture(scope="module")
def company(company: CompanyMessages) -> CompanyMessages:
    settings = msgspec.structs.replace(company.settings, identity_model="shipped")
    return company._replace(settings=settings)


@pytest.fixture(scope="module")
def undisturbed(company: CompanyMessages) -> list[Row]:
    return rows_of(company.messages, company.settings)


@pytest.mark.no_cover
def test_every_message_twice_in_any_order_comes_to_the_same_people(
    company: CompanyMessages, undisturbed: list[Row]
) -> None:
    twice = [*company.messages, *again(company.messages)]
    messages = random.Random(3).sample(twice, len(twice))
    rows = rows_of(messages, company.settings)
    assert_same_views(rows, undisturbed)
    assert partition(rows) == partition(undisturbed)


def test_the_engine_of_the_commands_finds_the_entities_that_the_graph_publishes(
    company: CompanyMessages, undisturbed: list[Row]
) -> None:
    """What `explain` weighs is what the tables hold: identity.records, in any order."""
    stored = [row for row in undisturbed if isinstance(row, StoredRecord)]
    resolver = Resolver(settings=company.settings)
    for row in random.Random(5).sample(stored, len(stored)):
        resolver.receive(from_stored(row))
    weighed = {key: placed.entity_id for key, placed in resolver.placed().items()}
    links = latest(undisturbed)["identity.links"].values()
    assert weighed == {one["record_key"]: one["entity_id"] for one in links if one["entity_id"]}


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_stream_in_bundles_comes_to_the_same_people(
    company: CompanyMessages, undisturbed: list[Row]
) -> None:
    messages = random.Random(4).sample(company.messages, len(company.messages))
    rows = rows_of_stream(in_bundles_of(50, messages), messages, company.settings)
    assert partition(rows) == partition(undisturbed)


def test_a_model_of_a_file_decides_as_the_same_model_that_is_shipped(
    company: CompanyMessages, undisturbed: list[Row], tmp_path: Path
) -> None:
    path = tmp_path / "model.json"
    write_model(SHIPPED, path)
    settings = msgspec.structs.replace(company.settings, identity_model=str(path))
    assert partition(rows_of(company.messages, settings)) == partition(undisturbed)


def contact(source: str, object_id: str, told: dict[str, Any]) -> Received:
    stamp = AS_OF_US
    payload = msgspec.json.encode(told)
    change = new_change(source, "contact", object_id, payload, stamp=stamp, fetched=stamp)
    return Received(*encode(change), f"m-{source}", stamp)


def test_what_no_identifier_says_is_found_by_name_and_place() -> None:
    told = [
        contact(
            "salesforce",
            "0035w0000000IPpAAM",
            {
                "FirstName": "Matthew",
                "LastName": "Olszewski",
                "MailingStreet": "17 Harbour Road",
                "MailingCity": "Gdynia",
                "MailingPostalCode": "81-364",
                "Email": "molszewski@thistle.example",
            },
        ),
        contact(
            "hubspot",
            "301",
            {
                "properties": {
                    "firstname": "Matt",
                    "lastname": "Olszewski",
                    "address": "17 Harbour Road",
                    "city": "Gdynia",
                    "zip": "81-364",
                    "phone": "+48585550101",
                }
            },
        ),
    ]
    for model, people in (("exact", 2), ("shipped", 1)):
        rows = rows_of(told, Settings(identity_model=model))
        assert len(partition(rows)) == people, model
