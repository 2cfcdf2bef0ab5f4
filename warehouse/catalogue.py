"""The views: read from warehouse/views, put in order by what they read, and provisioned.

A folder a view, `<dataset>/<view>/`: `view.sql` is its SELECT under a comment that states the rule,
`metadata.yaml` says what it is for, `tests/*.yaml` what it must give. SQL refers to tables and
views as `` `dataset.table` ``; the project, and a prefix of the dataset, are put in here, because
BigQuery takes no reference without a project in a view that others query.
https://cloud.google.com/bigquery/docs/views
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import bigquery

from schemas.change import stable_hash
from schemas.columns import columns
from schemas.current import CURRENT, newest_sql
from schemas.errors import ConfigurationError, FatalError
from schemas.tables import BY_ID, latest_sql
from warehouse.bounded import rows

VIEWS = Path(__file__).parent / "views"
DDL_TIMEOUT_S = 60.0
FINGERPRINT_LABEL = "definition"
"""Label of a view that holds the fingerprint it was made under."""

_CURRENT = frozenset(table.id for table in CURRENT.values())
_REFERENCE = re.compile(r"`([a-z_]+\.[a-z_]+)`")

Reader = Literal["rep", "manager", "operator"]


class Narrowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the first rows of a view are looked up that makes each of its rows of many."""

    key: str
    """A column of the view, and of the views below: the rows of one key are made together."""
    by: str
    """A view with the columns of the order, of the time and, where `accounts` is none, of the
    account: what it says is little, and asked first."""
    accounts: str | None = None
    """A view that has the accounts of each key."""
    texts: str | None = None
    """A view that has the words of each key, in a column `text` in lower case."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What metadata.yaml says of a view."""

    description: str
    owner: str
    readers: tuple[Reader, ...]
    freshness: str
    """How old a row may be when it is seen."""
    cost: Literal["small", "medium", "large"]
    """What is scanned: current records (small), a log (medium), all interactions (large)."""
    account: Literal["account_entity_id", "account_entity_ids"] | None
    """The column that holds an account's entity, or all that there are; null where it has none."""
    since: str | None
    """The column of time by which the view may be cut, if it has one."""
    order: tuple[str, ...]
    """Columns of a complete order, most significant first, with DESC where it falls."""
    narrowed: Narrowed | None = None
    """Where whoever wants the first rows looks up which they are."""


class View(NamedTuple):
    """A view: `id` is `dataset.name`, `sql` its SELECT with the comment above it."""

    id: str
    sql: str
    metadata: Metadata
    folder: Path

    @property
    def sources(self) -> frozenset[str]:
        """Ids of the tables and views that it reads."""
        return frozenset(_REFERENCE.findall(self.sql))


@cache
def views() -> Mapping[str, View]:
    """Every view by id, each after the views that it reads.

    FatalError where a view reads what is neither table nor view, or views read each other in a
    ring.
    """
    found = {view.id: view for view in _read(VIEWS)}
    for view in found.values():
        unknown = view.sources - found.keys() - BY_ID.keys()
        if unknown:
            raise FatalError(f"view {view.id} reads {', '.join(sorted(unknown))}: no such table")
    graph = {view.id: sorted(view.sources & found.keys()) for view in found.values()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise FatalError(f"views read each other in a ring: {' -> '.join(error.args[1])}") from None
    return {view_id: found[view_id] for view_id in order}


def _read(root: Path) -> Iterator[View]:
    for sql in sorted(root.glob("*/*/view.sql")):
        folder = sql.parent
        name = f"{folder.parent.name}.{folder.name}"
        text = (folder / "metadata.yaml").read_bytes()
        try:
            metadata = msgspec.yaml.decode(text, type=Metadata)
        except msgspec.DecodeError as error:
            raise FatalError(f"metadata.yaml of view {name}: {error}") from error
        yield View(name, sql.read_text(encoding="utf-8"), metadata, folder)


def view_of(view_id: str) -> View:
    """The view of that id; ConfigurationError says which there are."""
    try:
        return views()[view_id]
    except KeyError:
        known = ", ".join(sorted(views()))
        raise ConfigurationError(f"there is no view {view_id!r}; there are: {known}") from None


def qualified(sql: str, project: str, dataset_prefix: str = "") -> str:
    """The SQL with every `` `dataset.table` `` of ours under its project and dataset."""

    def full(match: re.Match[str]) -> str:
        known = match[1] in BY_ID or match[1] in _CURRENT or match[1] in views()
        return f"`{project}.{dataset_prefix}{match[1]}`" if known else match[0]

    return _REFERENCE.sub(full, sql)


def definition(
    view: View, project: str, dataset_prefix: str = "", marks: Mapping[str, int] | None = None
) -> str:
    """The statement that creates the view, or replaces it.

    `marks` are those of the last compaction, by the id of the table: where the view reads the
    latest rows of one, it reads its current table and what came since. It shows the same.
    """
    name = f"`{project}.{dataset_prefix}{view.id}`"
    description = msgspec.json.encode(view.metadata.description).decode()
    body = qualified(compacted(view.sql, marks or {}), project, dataset_prefix)
    return f"CREATE OR REPLACE VIEW {name}\nOPTIONS (description = {description})\nAS\n{body}"


def compacted(sql: str, marks: Mapping[str, int]) -> str:
    """The SQL with the latest rows of each table of `marks` read from its current table."""
    for table_id, mark in marks.items():
        sql = sql.replace(latest_text(table_id), newest_sql(BY_ID[table_id], mark))
    return sql


def latest_text(table_id: str) -> str:
    """How the SQL of a view reads the latest rows of a table."""
    return latest_sql(BY_ID[table_id], f"`{table_id}`")


def fingerprint(view: View, project: str, dataset_prefix: str = "") -> str:
    """Changes whenever the view has to be replaced.

    The columns of the tables and the views that it reads belong to it: a view holds those that were
    there when it was made.
    """
    seen = [column.name for table in _tables(view) for column in columns(BY_ID[table].row)]
    below = [fingerprint(one, project, dataset_prefix) for one in _views(view)]
    return stable_hash(definition(view, project, dataset_prefix), *seen, *below)


def _tables(view: View) -> list[str]:
    return sorted(view.sources & BY_ID.keys())


def _views(view: View) -> list[View]:
    return [views()[source] for source in sorted(view.sources & views().keys())]


def provision_views(client: bigquery.Client, dataset_prefix: str = "") -> list[str]:
    """Creates what is missing and replaces what has changed; returns what it did, a line a view.

    The tables must be there. By DDL, because the embedded warehouse makes an empty table of a view
    that comes by tables.insert. FatalError names the view that was refused.
    """
    done = []
    for view in views().values():
        name = f"{client.project}.{dataset_prefix}{view.id}"
        wanted = fingerprint(view, client.project, dataset_prefix)
        found = made(client, name)
        if found is not None and found.labels.get(FINGERPRINT_LABEL) == wanted:
            continue
        replace_view(client, view, dataset_prefix)
        done.append(f"{'created' if found is None else 'replaced'} view {dataset_prefix}{view.id}")
    return done


def replace_view(
    client: bigquery.Client,
    view: View,
    dataset_prefix: str = "",
    marks: Mapping[str, int] | None = None,
    *,
    signed: bool = True,
) -> None:
    """Creates a view or replaces it; FatalError where it is refused.

    Without its fingerprint, as when killed in between, `provision_views` makes it anew.
    """
    name = f"{client.project}.{dataset_prefix}{view.id}"
    statement = definition(view, client.project, dataset_prefix, marks)
    try:
        rows(client, statement, timeout_s=DDL_TIMEOUT_S, retry=None)
        if not signed:
            return
        signed_view = client.get_table(name, retry=None, timeout=DDL_TIMEOUT_S)
        signed_view.labels = {FINGERPRINT_LABEL: fingerprint(view, client.project, dataset_prefix)}
        client.update_table(signed_view, ["labels"], retry=None, timeout=DDL_TIMEOUT_S)
    except GoogleAPICallError as error:
        reason = error.message.partition("; reason:")[0]
        raise FatalError(f"view {view.id} was refused: {reason}") from error


def made(client: bigquery.Client, name: str) -> bigquery.Table | None:
    """A view under its full name; None where it has not been made."""
    try:
        return client.get_table(name, retry=None, timeout=DDL_TIMEOUT_S)
    except NotFound:
        return None
