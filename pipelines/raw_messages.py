"""raw.changes read back as the messages that they came in, whole days or slice by slice."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from google.cloud import bigquery

from pipelines.sweep import RAW, READABLE, TIMEOUT_S
from schemas.envelope import encode
from schemas.flow import Received
from schemas.records import RawChange
from transforms.accept import change_of
from warehouse.bounded import WHOLE_TABLES_BYTES, rows
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import PAGE_ROWS, records, table_reference

SLICE_BYTES = 16_000_000
CHANGE_BYTES = 1_000
"""What a change weighs beside its payload, roughly."""


class Slice(NamedTuple):
    """Changes that were published from `since` on and before `until`; None: no end."""

    since: datetime
    until: datetime | None


def raw_messages(
    endpoint: Endpoint, dataset_prefix: str = "", day: date | None = None
) -> Iterator[Received]:
    """Every accepted change as the message that it came in; of all days, or of one (UTC)."""
    client = bigquery_client(endpoint)
    condition, asked = "TRUE", list[bigquery.ScalarQueryParameter]()
    if day is not None:
        condition = "publish_date = @day"
        asked.append(bigquery.ScalarQueryParameter("day", "DATE", day))
    yield from map(message_of, _changes(client, dataset_prefix, condition, asked)[1])


def slices(
    client: bigquery.Client, dataset_prefix: str = "", slice_bytes: int = SLICE_BYTES
) -> list[Slice]:
    """All changes, in slices of about so many bytes: the embedded warehouse holds the answer to a
    query whole. What was published in one moment is in one slice.

    BigQuery would bill each of them for the whole day; there days are what is read.
    """
    raw_changes = table_reference(client, RAW, dataset_prefix)
    # Summed by moment first: a window over the payloads would hold all of them.
    moments = (
        f"SELECT publish_time, SUM(LENGTH(payload) + {CHANGE_BYTES}) AS bytes "  # noqa: S608
        f"FROM {raw_changes} GROUP BY publish_time"
    )
    weighed = (
        f"SELECT publish_time, SUM(bytes) OVER (ORDER BY publish_time) AS weight FROM ({moments})"  # noqa: S608
    )
    sql = (
        f"SELECT MIN(publish_time) AS since FROM ({weighed}) "  # noqa: S608 (own names)
        f"GROUP BY DIV(weight, {slice_bytes}) ORDER BY since"
    )
    found = rows(client, sql, timeout_s=TIMEOUT_S, maximum_bytes_billed=WHOLE_TABLES_BYTES)
    begins = [row.since for row in found]
    ends = [*begins[1:], None]
    return [Slice(since, until) for since, until in zip(begins, ends, strict=False)]


def messages_of(
    client: bigquery.Client, one: Slice, dataset_prefix: str = ""
) -> Iterator[Received]:
    """The changes of a slice as the messages that they came in."""
    asked = [bigquery.ScalarQueryParameter("since", "TIMESTAMP", one.since)]
    condition = "publish_time >= @since"
    if one.until is not None:
        asked.append(bigquery.ScalarQueryParameter("until", "TIMESTAMP", one.until))
        condition += " AND publish_time < @until"
    answer, changes = _changes(client, dataset_prefix, condition, asked)
    yield from map(message_of, changes)
    # The embedded warehouse holds every answer until its job is deleted.
    client.delete_job_metadata(answer.job_id, location=answer.location)


def message_of(raw: RawChange) -> Received:
    """The message that a change came in."""
    data, attributes = encode(change_of(raw))
    return Received(data, attributes, raw.message_id, raw.publish_time)


def _changes(
    client: bigquery.Client,
    dataset_prefix: str,
    condition: str,
    asked: Sequence[bigquery.ScalarQueryParameter],
) -> tuple[Any, Iterator[RawChange]]:
    """The answer to a query, and the changes in it."""
    raw_changes = table_reference(client, RAW, dataset_prefix)
    answer = rows(
        client,
        f"SELECT * FROM {raw_changes} WHERE {READABLE} AND {condition}",  # noqa: S608 (own names)
        asked,
        timeout_s=TIMEOUT_S,
        maximum_bytes_billed=WHOLE_TABLES_BYTES,
        page_size=PAGE_ROWS,
    )
    return answer, records(RawChange, answer)
