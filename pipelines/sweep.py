"""What a rebuild has replaced goes: rows of changes that it has read, made before it began."""

from datetime import datetime
from typing import NamedTuple

from google.cloud import bigquery

from schemas.operations import DeadLetter
from schemas.records import RawChange
from schemas.tables import BY_ROW, TABLES
from warehouse.bounded import changed, rows
from warehouse.latest import table_reference

DERIVED = tuple(table for table in TABLES if table.dataset == "sales")
RAW = BY_ROW[RawChange]
DEAD = BY_ROW[DeadLetter]
TIMEOUT_S = 600.0
READABLE = "NOT (operation = 'upsert' AND LENGTH(payload) = 0 AND dataref IS NULL)"
"""The payload of a person who was erased is gone: the rows that the change has are all there is."""


class Cut(NamedTuple):
    """Which rows a rebuild replaces: those made before it `began`, of changes that were published
    before `until`, and from `since` on where that is not None; dead letters of `job` tell what it
    could not read."""

    began: datetime
    until: datetime
    job: str
    since: datetime | None = None


def sweep(client: bigquery.Client, cut: Cut, dataset_prefix: str = "") -> None:
    """Takes the replaced rows out of every derived table; those of a change that this run could not
    read stay: there are no others of it."""
    raw, dead = (table_reference(client, t, dataset_prefix) for t in (RAW, DEAD))
    read = f"publish_time < @until AND {READABLE}"
    if cut.since is not None:
        read += " AND publish_time >= @since"
    for table in DERIVED:
        statement = (
            f"DELETE FROM {table_reference(client, table, dataset_prefix)} "  # noqa: S608
            f"WHERE written_at < @began AND change_id IN (SELECT change_id FROM {raw} WHERE {read})"
            f" AND change_id NOT IN (SELECT change_id {_unread(dead)} AND change_id IS NOT NULL)"
        )
        changed(client, statement, _parameters(cut), timeout_s=TIMEOUT_S)


def unread(client: bigquery.Client, cut: Cut, dataset_prefix: str = "") -> int:
    """How many changes became dead letters."""
    dead = table_reference(client, DEAD, dataset_prefix)
    letters = f"SELECT COUNT(DISTINCT dead_letter_id) AS n {_unread(dead)}"
    return int(next(iter(rows(client, letters, _parameters(cut), timeout_s=TIMEOUT_S))).n)


def _unread(dead: str) -> str:
    return f"FROM {dead} WHERE failed_at >= @began AND job_name = @job"


def _parameters(cut: Cut) -> list[bigquery.ScalarQueryParameter]:
    moments = {"began": cut.began, "until": cut.until, "since": cut.since}
    return [
        *(bigquery.ScalarQueryParameter(n, "TIMESTAMP", at) for n, at in moments.items() if at),
        bigquery.ScalarQueryParameter("job", "STRING", cut.job),
    ]
