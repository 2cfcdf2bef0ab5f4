"""Datasets and tables, made by the API; the same code for BigQuery and the embedded warehouse.

Idempotent. An existing table is only ever given new columns, and the days after which its
partitions expire: anything else would break the jobs that write to it, and is refused by name.

A primary key is declared, not enforced, where it holds: of current tables. Others have many
versions of a key, and BigQuery believes a declared key when it plans joins.
https://cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from collections.abc import Iterable

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery
from google.cloud.bigquery.table import PrimaryKey, TableConstraints

from schemas.columns import Table, columns
from schemas.current import CURRENT
from schemas.errors import FatalError
from schemas.tables import DATASETS, TABLES
from transforms.settings import Retention
from warehouse.bounded import rows
from warehouse.catalogue import made, replace_view
from warehouse.compaction import compacted_views

TIMEOUT_S = 60.0
DAY_MS = 86_400_000
ALL: tuple[Table, ...] = (*TABLES, *CURRENT.values())
DEFAULT_RETENTION = Retention()


def fields(table: Table) -> list[bigquery.SchemaField]:
    """A table's columns as the client takes them."""
    return [
        bigquery.SchemaField(c.name, c.kind, mode=c.mode, description=c.description)
        for c in columns(table.row)
    ]


def expiry_days(table: Table, retention: Retention) -> int | None:
    """Days after which BigQuery itself drops a partition; None of what it may not drop.

    It knows no exceptions: with anything on legal hold `warehouse.retention.expire` does it all.
    """
    if table.retention is None or retention.legal_hold:
        return None
    return retention.days(table.retention)


def provision(
    client: bigquery.Client,
    dataset_prefix: str = "",
    tables: Iterable[Table] = ALL,
    retention: Retention = DEFAULT_RETENTION,
) -> list[str]:
    """Makes what is missing; returns what it did, a line each. FatalError names a conflict."""
    done = []
    wanted = list(tables)
    for name in dict.fromkeys(table.dataset for table in wanted):
        dataset = bigquery.Dataset(f"{client.project}.{dataset_prefix}{name}")
        dataset.description = DATASETS[name]
        try:
            client.create_dataset(dataset, timeout=TIMEOUT_S)
            done.append(f"created dataset {dataset_prefix}{name}")
        except Conflict:
            pass
    for table in wanted:
        reference = f"{client.project}.{dataset_prefix}{table.id}"
        try:
            existing = client.get_table(reference, timeout=TIMEOUT_S)
        except NotFound:
            # Another process may be provisioning too.
            schema = _schema(client, table, dataset_prefix)
            definition = _definition(table, reference, schema, retention)
            client.create_table(definition, exists_ok=True, timeout=TIMEOUT_S)
            done.append(f"created table {dataset_prefix}{table.id}")
            continue
        added = _additions(table, existing)
        if added:
            _let_go(client, table, dataset_prefix)
            _add(client, reference, added)
            names = ", ".join(field.name for field in added)
            done.append(f"added to {dataset_prefix}{table.id}: {names}")
        if _expires_otherwise(table, existing, retention):
            existing.time_partitioning = _partitioning(table, retention)
            client.update_table(existing, ["time_partitioning"], timeout=TIMEOUT_S)
            days = expiry_days(table, retention)
            kept = "partitions no longer expire" if days is None else f"kept {days} days"
            done.append(f"{dataset_prefix}{table.id}: {kept}")
    return done


def _schema(
    client: bigquery.Client, table: Table, dataset_prefix: str
) -> list[bigquery.SchemaField]:
    """Of a current table in the order of the table that it is of, which may have grown."""
    wanted = fields(table)
    of = next((whole for whole, current in CURRENT.items() if current == table), None)
    if of is None:
        return wanted
    grown = client.get_table(f"{client.project}.{dataset_prefix}{of}", timeout=TIMEOUT_S).schema
    place = {field.name: index for index, field in enumerate(grown)}
    return sorted(wanted, key=lambda field: place.get(field.name, len(place)))


def _definition(
    table: Table, reference: str, schema: list[bigquery.SchemaField], retention: Retention
) -> bigquery.Table:
    definition = bigquery.Table(reference, schema=schema)
    definition.description = table.description
    definition.time_partitioning = _partitioning(table, retention)
    if table.cluster:
        definition.clustering_fields = list(table.cluster)
    if table.primary_key:
        definition.table_constraints = TableConstraints(
            primary_key=PrimaryKey(columns=list(table.primary_key)), foreign_keys=None
        )
    return definition


def _partitioning(table: Table, retention: Retention) -> bigquery.TimePartitioning | None:
    if not table.partition:
        return None
    days = expiry_days(table, retention)
    expiry = None if days is None else days * DAY_MS
    return bigquery.TimePartitioning(field=table.partition, expiration_ms=expiry)


def _expires_otherwise(table: Table, existing: bigquery.Table, retention: Retention) -> bool:
    wanted, found = _partitioning(table, retention), existing.time_partitioning
    if wanted is None or found is None:
        return False
    return bool(wanted.expiration_ms != found.expiration_ms)


def _additions(table: Table, existing: bigquery.Table) -> list[bigquery.SchemaField]:
    present = {field.name: field for field in existing.schema}
    wanted = {field.name: field for field in fields(table)}
    for name, field in present.items():
        if name not in wanted:
            raise FatalError(
                f"{table.id}.{name} exists in the warehouse and not in schemas/: columns are never "
                "removed; put it back, or move the table's rows to a new table first"
            )
        if _kind(field) != _kind(wanted[name]):
            raise FatalError(
                f"{table.id}.{name} is {_kind(field)} in the warehouse and {_kind(wanted[name])} "
                "in schemas/: give the changed column a new name"
            )
    added = [field for name, field in wanted.items() if name not in present]
    for field in added:
        if field.mode == "REQUIRED":
            raise FatalError(
                f"{table.id}.{field.name} is new and REQUIRED: rows that are there have no value "
                "for it; make it NULLABLE"
            )
    return added


def _add(client: bigquery.Client, reference: str, added: list[bigquery.SchemaField]) -> None:
    """By DDL, then by the API: the embedded warehouse adds the column by the one and knows it by
    the other; BigQuery takes either and minds neither."""
    for field in added:
        kind = f"ARRAY<{field.field_type}>" if field.mode == "REPEATED" else field.field_type
        sql = f"ALTER TABLE `{reference}` ADD COLUMN IF NOT EXISTS {field.name} {kind}"
        rows(client, sql, timeout_s=TIMEOUT_S)
    table = client.get_table(reference, timeout=TIMEOUT_S)
    names = {field.name for field in added}
    table.schema = [*(field for field in table.schema if field.name not in names), *added]
    client.update_table(table, ["schema"], timeout=TIMEOUT_S)


def _let_go(client: bigquery.Client, table: Table, prefix: str) -> None:
    """Views of the table and its current table read the table alone while only one of the two has
    the new column; `provision_views` makes them anew."""
    if table.id in CURRENT:
        for view in compacted_views([table]):
            if made(client, f"{client.project}.{prefix}{view.id}") is not None:
                replace_view(client, view, prefix, signed=False)


_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def _kind(field: bigquery.SchemaField) -> str:
    kind = _ALIASES.get(field.field_type, field.field_type)
    return f"{kind} {field.mode or 'NULLABLE'}"
