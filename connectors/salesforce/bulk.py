"""Bulk API 2.0 query jobs: many rows for few calls, and every row accounted for.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from connectors.salesforce.client import Rows, SalesforceClient
from connectors.salesforce.records import Record
from connectors.salesforce.refusals import LocatorGone
from connectors.salesforce.shapes import Shape
from connectors.salesforce.soql import Bounds, Key, select, where
from schemas.errors import RetriableError, SkippableError

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 30.0
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)
_NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
_LARGEST_CELL = 1 << 27

csv.field_size_limit(_LARGEST_CELL)


class BulkFailed(Exception):
    """The job does not give what it should: read by REST instead. The message is our own."""


class Part(NamedTuple):
    """Records of a part of the result; `locator` is where the next begins, empty at the end."""

    records: list[Record]
    locator: str
    read: int
    server_us: int | None


def start(client: SalesforceClient, shape: Shape, since: int | None, until: int) -> str:
    """Starts a job over all rows stamped within [since, until); its id. BulkFailed where the org
    takes none: the object is not for Bulk, or the day's jobs are spent."""
    bounds = Bounds(Key(since) if since is not None else None, None, until)
    fields = (*shape.keys, *(one for one in sorted(shape.types) if one not in shape.keys))
    try:
        body = client.start_job(select(fields, shape.name, where(shape.stamp, bounds))).body
    except SkippableError as error:
        raise BulkFailed(str(error)) from None
    job_id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(job_id, str) or not job_id.isalnum():
        raise BulkFailed("a job without an id")
    return job_id


def looked_at(client: SalesforceClient, job_id: str) -> Iterator[int | None]:
    """Waits for the job's end: None before every pause, and at last the number of rows it found.
    RetriableError where it takes longer than we wait: it can be looked at again."""
    waited, pause = 0.0, FIRST_WAIT_S
    while True:
        try:
            body = client.job(job_id).body or {}
        except SkippableError as error:
            raise BulkFailed(str(error)) from None
        state = body.get("state")
        if state == "JobComplete":
            found = body.get("numberRecordsProcessed")
            if not isinstance(found, int):
                raise BulkFailed("a finished job that does not count its rows")
            yield found
            return
        if state in ("Failed", "Aborted"):
            raise BulkFailed(f"the job has {str(state).lower()}")
        if waited >= client.settings.bulk_wait_s:
            raise RetriableError("salesforce job: not finished yet; it is looked at again")
        yield None
        client.sleep(pause)
        waited += pause
        pause = min(pause * 2, LONGEST_WAIT_S)


def parts(
    client: SalesforceClient, shape: Shape, job_id: str, found: int, locator: str, read: int
) -> Iterator[Part]:
    """The result from a locator on; `read` rows came before. BulkFailed where rows are missing, by
    the count of the part or of the job."""
    while True:
        try:
            rows = client.rows(job_id, locator, client.settings.bulk_page_rows)
        except (SkippableError, LocatorGone) as error:
            raise BulkFailed(str(error)) from None
        records = list(_records(shape, rows))
        if len(records) != rows.stated:
            raise BulkFailed(f"{len(records)} rows where {rows.stated} are stated")
        read += len(records)
        if read > found or (not rows.locator and read < found):
            raise BulkFailed(f"{read} rows of a job that found {found}")
        if rows.locator and not records:
            raise BulkFailed("a part that does not lead on")
        yield Part(records, rows.locator, read, rows.server_us)
        if not rows.locator:
            return
        locator = rows.locator


def _records(shape: Shape, rows: Rows) -> Iterator[Record]:
    """Rows as REST gives them: of their types, an empty cell as null."""
    try:
        lines = csv.reader(io.StringIO(rows.csv.decode("utf-8"), newline=""), strict=True)
        heading = next(lines, [])
        if rows.stated and "Id" not in heading:
            raise BulkFailed("a result without ids")
        for cells in lines:
            if len(cells) != len(heading):
                raise BulkFailed("a row that is broken off")
            yield _typed(shape.types, dict(zip(heading, cells, strict=True)))
    except (csv.Error, UnicodeDecodeError):
        raise BulkFailed("a result that is no CSV") from None


def _typed(types: Mapping[str, str], cells: Mapping[str, str]) -> Record:
    return {name: _value(types.get(name, "string"), cell) for name, cell in cells.items()}


def _value(kind: str, cell: str) -> Any:
    # A text "NA" or "null" is a text; only an empty cell is none.
    if cell == "":
        return None
    if kind == "boolean" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if kind in _NUMBERS and _NUMBER.match(cell):
        return msgspec.Raw(cell.encode())
    if kind == "datetime" and cell.endswith("Z"):
        return f"{cell[:-1]}+0000"
    return cell
