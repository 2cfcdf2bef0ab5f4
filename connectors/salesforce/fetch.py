"""Whole records by their ids: what a hint names, or what a comparison of ids found missing."""

from collections.abc import Iterable, Iterator, Sequence

from connectors.exclusions import Excluder
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.keyset import opened
from connectors.salesforce.polling import read_changes
from connectors.salesforce.records import Record
from connectors.salesforce.shapes import Shape, shape_of
from connectors.salesforce.soql import by_ids
from connectors.stream import Page
from schemas.change import Lane

MOST_IDS = 100
"""In one query: 24 bytes each beside the fields."""


def chunks(ids: Sequence[str], size: int = MOST_IDS) -> Iterator[Sequence[str]]:
    """Ids in parts of at most `size`."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def records_by_id(
    client: SalesforceClient, shape: Shape, fields: Sequence[str], ids: Sequence[str]
) -> tuple[list[Record], int | None]:
    """The rows of some ids, deleted and archived ones too, and the server's clock."""
    answer = client.query(by_ids(fields, shape.name, ids))
    records, done, next_url = opened(answer, shape.name)
    while not done:
        more, done, next_url = opened(client.more(next_url), shape.name)
        records += more
    return records, answer.server_us


def whole_records(
    client: SalesforceClient, shape: Shape, ids: Sequence[str]
) -> tuple[list[Record], int | None]:
    """The same with every field; a row that changes between the queries for its parts is left out,
    for its new version is met by the poller."""
    room = client.settings.uri_bytes - 30 * len(ids)
    whole: dict[tuple[object, object], Record] = {}
    server_us: int | None = None
    for place, fields in enumerate(shape.groups(room)):
        records, now = records_by_id(client, shape, fields, ids)
        parts = {(one.get("Id"), one.get(shape.stamp)): one for one in records}
        if place == 0:
            whole, server_us = parts, now
        else:
            whole = {key: {**whole[key], **parts[key]} for key in whole.keys() & parts.keys()}
    return list(whole.values()), server_us


def fetch(
    client: SalesforceClient,
    entity: str,
    ids: Iterable[str],
    excluder: Excluder,
    lane: Lane = "live",
) -> Iterator[Page]:
    """Pages without a cursor of the records of some ids; `notes` counts those that are nowhere."""
    shape = shape_of(client, entity)
    for chunk in chunks(sorted(set(ids))):
        yield fetched(client, shape, chunk, excluder, lane)


def fetched(
    client: SalesforceClient,
    shape: Shape,
    ids: Sequence[str],
    excluder: Excluder,
    lane: Lane = "live",
) -> Page:
    """One such page, of at most `MOST_IDS`."""
    records, server_us = whole_records(client, shape, ids)
    changes, bad, excluded = read_changes(shape, records, server_us, lane, excluder)
    missing = len(ids) - len(records)
    return Page(tuple(changes), {}, tuple(bad), excluded, {"missing": missing} if missing else {})
