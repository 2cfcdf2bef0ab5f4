"""What a plan of Terraform's would take away for good: tables, and columns of tables.

Columns are only ever added, so only the Terraform of an older release plans that, over tables that
a newer one has made. https://developer.hashicorp.com/terraform/internals/json-format
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TABLE = "google_bigquery_table"


def taken_away(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of what would be gone, `dataset.table` or `dataset.table.column`. Views hold nothing.

    `plan` is what `terraform show -json` says of a saved plan.
    """
    found: list[str] = []
    for resource in plan.get("resource_changes", ()):
        before, after = resource["change"]["before"], resource["change"]["after"]
        if resource["type"] != TABLE or before is None or before.get("view"):
            continue
        table = f"{before['dataset_id']}.{before['table_id']}"
        if "delete" in resource["change"]["actions"]:
            found.append(table)
            continue
        gone = set(_columns(before)) - set(_columns(after))
        found += [f"{table}.{column}" for column in sorted(gone)]
    return tuple(found)


def _columns(table: Mapping[str, Any]) -> Iterator[str]:
    yield from _named(json.loads(table.get("schema") or "[]"))


def _named(columns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for column in columns:
        yield column["name"]
        for inner in _named(column.get("fields", ())):
            yield f"{column['name']}.{inner}"
