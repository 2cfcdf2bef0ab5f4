"""Which permissions the code needs: calls of Google's clients, found in the syntax tree of every
module that a duty's command can reach."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "connectors", "transforms", "warehouse", "pipelines", "operations")
"""Rooms that run in the cloud."""
VENDORS = ("gmail", "salesforce", "hubspot", "dialpad")
CLIENTS = ("google.cloud", "apache_beam.io.gcp")
AMBIGUOUS = frozenset({"publish", "pull", "seek", "query", "delete"})
"""Names that others have, too: they count where a client of Google's is imported."""

PERMISSIONS: dict[str, frozenset[str]] = {
    name: frozenset(permissions.split())
    for name, permissions in {
        # Pub/Sub. https://cloud.google.com/pubsub/docs/access-control
        "publish": "pubsub.topics.publish",
        "get_topic": "pubsub.topics.get",
        "pull": "pubsub.subscriptions.consume",
        "acknowledge": "pubsub.subscriptions.consume",
        "modify_ack_deadline": "pubsub.subscriptions.consume",
        "seek": "pubsub.subscriptions.consume",
        "create_snapshot": "pubsub.snapshots.create pubsub.subscriptions.consume "
        "pubsub.topics.attachSubscription",
        "get_snapshot": "pubsub.snapshots.get",
        "delete_snapshot": "pubsub.snapshots.delete",
        "ReadFromPubSub": "pubsub.subscriptions.consume pubsub.subscriptions.get",
        "WriteToPubSub": "pubsub.topics.publish",
        # BigQuery. https://cloud.google.com/bigquery/docs/access-control
        "query": "bigquery.jobs.create bigquery.tables.getData",
        "dml": "bigquery.jobs.create bigquery.tables.getData bigquery.tables.updateData",
        "query_and_wait": "bigquery.jobs.create bigquery.tables.getData",
        "append_rows": "bigquery.tables.updateData",
        "get_table": "bigquery.tables.get",
        "list_rows": "bigquery.tables.getData",
        "create_table": "bigquery.tables.create",
        "create_dataset": "bigquery.datasets.create",
        "update_table": "bigquery.tables.update",
        "delete_table": "bigquery.tables.delete",
        "load_table_from_file": "bigquery.jobs.create bigquery.tables.updateData",
        # Cloud Storage. https://cloud.google.com/storage/docs/access-control/iam-json
        "download_as_bytes": "storage.objects.get storage.objects.list",
        "upload_from_string": "storage.objects.create storage.objects.delete",
        "delete": "storage.objects.delete",
        "list_blobs": "storage.objects.list",
        # Secret Manager. https://cloud.google.com/secret-manager/docs/access-control
        "access_secret_version": "secretmanager.versions.access",
    }.items()
}
"""Names of methods that call Google, and of Beam's transforms that do."""

WRAPPERS = {"warehouse.bounded": {"changed": "dml", "rows": "query", "submit": "query"}}
"""Functions of ours that call Google for others: who imports and calls them is who asks."""

BY_ADDRESS = {":signJwt": "iam.serviceAccounts.signJwt"}
"""Calls over plain HTTP, by what stands in their address."""


class Call(NamedTuple):
    """A call of Google's, and where it stands."""

    module: str
    name: str
    permissions: frozenset[str]


@cache
def modules() -> dict[str, Path]:
    """Every module of the rooms by its name."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """All that it imports, within functions too; what is imported for types alone aside."""
    found: set[str] = set()
    skipped: set[ast.AST] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped |= {inner for part in node.body for inner in ast.walk(part)}
    for node in ast.walk(_tree(module)):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def reached(roots: Iterable[str], source: str | None, cut: Iterable[str] = ()) -> frozenset[str]:
    """Modules that are reached from the roots: the vendors' rooms but for that of `source`, and
    what is cut, are not entered."""
    closed = {f"connectors.{vendor}" for vendor in VENDORS if vendor != source} | set(cut)
    todo, seen = list(roots), set[str]()
    while todo:
        module = todo.pop()
        if module in seen or module not in modules():
            continue
        if any(module == one or module.startswith(f"{one}.") for one in closed):
            continue
        seen.add(module)
        todo += imports(module)
    return frozenset(seen)


def _has_client(module: str) -> bool:
    return any(name.startswith(CLIENTS) for name in imports(module))


def _by_address(module: str) -> Iterator[Call]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for part, permission in BY_ADDRESS.items():
                if node.value.endswith(part):
                    yield Call(module, part, frozenset({permission}))


def calls(module: str) -> frozenset[Call]:
    """The calls of Google's in a module."""
    if module in WRAPPERS:
        return frozenset()
    wrapped = {
        name: method
        for wrapper, names in WRAPPERS.items()
        for name, method in names.items()
        if {f"{wrapper}.{name}", wrapper} & set(imports(module))
    }
    found = set(_by_address(module))
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name in wrapped:
                found.add(Call(module, name, PERMISSIONS[wrapped[name]]))
            elif name in PERMISSIONS and (name not in AMBIGUOUS or _has_client(module)):
                found.add(Call(module, name, PERMISSIONS[name]))
    return frozenset(found)
