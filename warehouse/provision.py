"""Datasets and tables, made by the API; the same code for BigQuery and the embedded warehouse.

Idempotent. An existing table is only ever given new columns: anything else would break the jobs
that write to it, and is refused by name.

Tables carry no primary key: rows are appended and a key has many versions, and BigQuery believes a
declared key when it plans joins.
https://cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from collections.abc import Iterable

from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from schemas.columns import Table, columns
from schemas.errors import FatalError
from schemas.tables import DATASETS, TABLES
from warehouse.bounded import rows

TIMEOUT_S = 60.0
DAY_MS = 86_400_000


def fields(table: Table) -> list[bigquery.SchemaField]:
    """A table's columns as the client takes them."""
    return [
        bigquery.SchemaField(c.name, c.kind, mode=c.mode, description=c.description)
        for c in columns(table.row)
    ]


def provision(
    client: bigquery.Client, dataset_prefix: str = "", tables: Iterable[Table] = TABLES
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
            client.create_table(_definition(table, reference), exists_ok=True, timeout=TIMEOUT_S)
            done.append(f"created table {dataset_prefix}{table.id}")
            continue
        added = _additions(table, existing)
        if added:
            _add(client, reference, added)
            names = ", ".join(field.name for field in added)
            done.append(f"added to {dataset_prefix}{table.id}: {names}")
    return done


def _definition(table: Table, reference: str) -> bigquery.Table:
    definition = bigquery.Table(reference, schema=fields(table))
    definition.description = table.description
    if table.partition:
        expiry = table.expiry_days * DAY_MS if table.expiry_days else None
        definition.time_partitioning = bigquery.TimePartitioning(
            field=table.partition, expiration_ms=expiry
        )
    if table.cluster:
        definition.clustering_fields = list(table.cluster)
    return definition


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


_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def _kind(field: bigquery.SchemaField) -> str:
    kind = _ALIASES.get(field.field_type, field.field_type)
    return f"{kind} {field.mode or 'NULLABLE'}"
