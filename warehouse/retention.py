"""What expires: rows older than their class is kept, and versions that others have superseded.

BigQuery drops old partitions by itself (`warehouse.provision`), but knows no exceptions, and the
embedded warehouse drops nothing. There this step does it, once a day; rows on legal hold stay.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from google.cloud import bigquery

from schemas.clock import DAY_US, Clock, from_us, wall_clock
from schemas.columns import Table, columns
from schemas.current import COMPACTED, CURRENT, same_key_sql, written_column
from schemas.tables import TABLES
from transforms.settings import Retention
from warehouse.bounded import changed, rows
from warehouse.catalogue import qualified

TIMEOUT_S = 1_800.0

KEPT_WHOLE = frozenset({"identity.overrides"})
"""What people decided stays, and what they decided before: it is the account of it."""

STILL_BINDS: Mapping[str, str] = {
    # sales.consent: a restriction holds on when its record was deleted or merged away, and the
    # record is that of the person whom it belonged to last.
    "sales.people": "old.is_deleted OR NOT newer.is_deleted OR NOT (COALESCE(old.do_not_contact, "
    "FALSE) OR COALESCE(old.email_opt_out, FALSE) OR COALESCE(old.do_not_call, FALSE))",
    "identity.links": "old.entity_id IS NULL OR newer.entity_id IS NOT NULL",
}
"""By table, what a newer row has to be besides to let an older one go."""

HELD = """
SELECT record_key FROM `sales.interactions`
WHERE mailbox IN UNNEST(@mailboxes) OR record_key IN UNNEST(@keys) OR interaction_id IN (
  SELECT interaction_id FROM `sales.participants` WHERE participant_key IN UNNEST(@keys)
  UNION DISTINCT
  SELECT interaction_id FROM `sales.interactions`
  CROSS JOIN UNNEST(ARRAY_CONCAT(person_keys, account_keys, deal_keys)) AS named_key
  WHERE named_key IN UNNEST(@keys)
)
"""
"""The records on hold besides those named: of their mailboxes, and in which they take part."""

SAME_ENTITY = """
SELECT DISTINCT other.record_key AS record_key
FROM `identity.links` AS named
JOIN `identity.links` AS other ON other.entity_id = named.entity_id
WHERE named.record_key IN UNNEST(@keys)
"""
"""Of a person on hold every record, also under which the person was ever seen."""


class _Statement(NamedTuple):
    """A DELETE of a table's rows, with the day or moment before which they go."""

    table: Table
    sql: str
    kind: str
    cut: date | datetime


def expire(
    client: bigquery.Client,
    retention: Retention,
    dataset_prefix: str = "",
    clock: Clock = wall_clock,
) -> dict[str, int]:
    """Deletes what is older than it is kept; rows that went, by table, where any did."""
    if retention.holds_all:
        return {}
    hold = _Hold(client, retention.held, dataset_prefix)
    gone: dict[str, int] = {}
    now = clock()
    # Superseded rows of entities name no record: with anything on hold all of history stays.
    history = () if retention.legal_hold else _superseded(retention, now)
    for statement in (*_by_partition(retention, now), *history):
        sql = statement.sql + hold.condition(statement.table)
        cut = bigquery.ScalarQueryParameter("cut", statement.kind, statement.cut)
        whole = qualified(sql, client.project, dataset_prefix)
        count = changed(client, whole, [cut, *hold.parameters], timeout_s=TIMEOUT_S)
        if count:
            gone[statement.table.id] = gone.get(statement.table.id, 0) + count
    return gone


def _by_partition(retention: Retention, now: int) -> Iterator[_Statement]:
    today = from_us(now // DAY_US * DAY_US).date()
    for table in (*TABLES, *CURRENT.values()):
        if table.retention is None:
            continue
        cut = today - timedelta(days=retention.days(table.retention))
        sql = f"DELETE FROM `{table.id}` AS old WHERE old.{table.partition} < @cut"  # noqa: S608
        yield _Statement(table, sql, "DATE", cut)


def _superseded(retention: Retention, now: int) -> Iterator[_Statement]:
    """Versions of current state that are older than the latest row, which stays however old."""
    cut = from_us(now - retention.days("history") * DAY_US)
    for table in COMPACTED:
        if table.retention is not None or table.id in KEPT_WHOLE:
            continue
        written, same = written_column(table), same_key_sql(table, "newer", "old")
        newer = f"SELECT 1 FROM `{table.id}` AS newer WHERE {same} AND ({_is_newer(table)})"  # noqa: S608
        if table.id in STILL_BINDS:
            newer += f" AND ({STILL_BINDS[table.id]})"
        sql = f"DELETE FROM `{table.id}` AS old WHERE old.{written} < @cut AND EXISTS ({newer})"  # noqa: S608
        yield _Statement(table, sql, "TIMESTAMP", cut)


def _is_newer(table: Table) -> str:
    """By the table's order, column after column."""
    alternatives = []
    for place, column in enumerate(table.order):
        equal = [f"newer.{one} = old.{one}" for one in table.order[:place]]
        alternatives.append(" AND ".join([*equal, f"newer.{column} > old.{column}"]))
    return " OR ".join(f"({one})" for one in alternatives)


def held_records(
    client: bigquery.Client, held: Collection[str], dataset_prefix: str = ""
) -> frozenset[str]:
    """Every record on hold where these records and mailboxes are: those of the same people and
    accounts, and all interactions in which they take part."""
    if not held:
        return frozenset()
    keys, mailboxes = _apart(held)
    same = _ask(client, SAME_ENTITY, dataset_prefix, _array("keys", keys))
    keys |= {row.record_key for row in same}
    both = (_array("keys", keys), _array("mailboxes", mailboxes))
    found = _ask(client, HELD, dataset_prefix, *both)
    return frozenset(keys | {row.record_key for row in found})


def _apart(held: Collection[str]) -> tuple[set[str], set[str]]:
    """Records, and mailboxes."""
    keys = {one for one in held if one.count(":") >= 2}
    return keys, set(held) - keys


class _Hold:
    """What may not go, and how a DELETE says so."""

    def __init__(self, client: bigquery.Client, held: tuple[str, ...], prefix: str) -> None:
        self.parameters: list[bigquery.ArrayQueryParameter] = []
        if held:
            records = set(held_records(client, held, prefix))
            self.parameters = [_array("held", records), _array("mailboxes", _apart(held)[1])]

    def condition(self, table: Table) -> str:
        """What is added to the DELETE; nothing where nothing is on hold."""
        names = {column.name for column in columns(table.row)}
        if not self.parameters or not names & {"record_key", "object_id", "mailbox"}:
            return ""
        said = []
        if "record_key" in names:
            said.append("old.record_key NOT IN UNNEST(@held)")
        elif "object_id" in names:
            key = "CONCAT(old.source, ':', old.object_type, ':', old.object_id)"
            said.append(f"COALESCE({key}, '') NOT IN UNNEST(@held)")
        if "mailbox" in names:
            said.append("COALESCE(old.mailbox, '') NOT IN UNNEST(@mailboxes)")
        return f" AND {' AND '.join(said)}"


def _array(name: str, values: set[str]) -> bigquery.ArrayQueryParameter:
    return bigquery.ArrayQueryParameter(name, "STRING", sorted(values))


def _ask(client: bigquery.Client, sql: str, prefix: str, *parameters: Any) -> Iterator[Any]:
    statement = qualified(sql, client.project, prefix)
    yield from rows(client, statement, parameters, timeout_s=TIMEOUT_S)
