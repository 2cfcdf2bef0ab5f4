"""A column is added while rows flow: writers of before and after, and the views, all go on."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.cloud import bigquery
from rows import a_row
from view_warehouse import PROJECT, served_warehouse

from schemas.columns import Row, Table, columns
from schemas.current import CURRENT
from schemas.errors import FatalError
from schemas.tables import BY_ID
from warehouse import compaction
from warehouse.catalogue import provision_views
from warehouse.clients import Endpoint, write_client
from warehouse.compaction import compact
from warehouse.protobuf import encode
from warehouse.provision import provision
from warehouse.storage_write import Appender, Encoded

pytestmark = pytest.mark.slow

LINKS = BY_ID["identity.links"]
ADDED = "seen_in"


def grown(table: Table) -> Table:
    """The table with one more column, as the next version of the code has it."""
    row: Any = msgspec.defstruct(
        table.row.__name__,
        [(ADDED, str | None, None)],
        bases=(table.row,),
        frozen=True,
        kw_only=True,
    )
    return table._replace(row=row)


class Writer:
    """A job of one version of the code: it knows its own columns and no others."""

    def __init__(self, endpoint: Endpoint, table: Table) -> None:
        self._client = write_client(endpoint)
        self._appender = Appender(self._client, PROJECT)
        self._table = table
        self.written: list[str] = []

    def write(self, key: str, **fields: Any) -> None:
        row: Row = a_row(self._table, record_key=key, is_deleted=False, **fields)
        self._appender.add(self._table, Encoded(row, encode(row)))
        self._appender.send()
        self._appender.settle()
        assert self._appender.take_refused() == []
        self.written.append(key)

    def until(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self.write(f"before-{len(self.written)}")

    def close(self) -> None:
        self._appender.close()
        self._client.transport.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[bigquery.Client, Endpoint]]:
    with served_warehouse(tmp_path) as made:
        yield made


def shown(client: bigquery.Client, column: str = "record_key") -> dict[str, Any]:
    sql = f"SELECT record_key, {column} AS shown FROM `{PROJECT}.identity.links_latest`"
    return {row.record_key: row.shown for row in client.query(sql, retry=None).result()}


def test_old_and_new_writers_and_the_views_go_on_while_a_column_is_added(
    served: tuple[bigquery.Client, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, endpoint = served
    monkeypatch.setattr(compaction, "COMPACTED", (LINKS,))
    old, new = Writer(endpoint, LINKS), Writer(endpoint, grown(LINKS))
    old.write("first")
    # The view goes by a current table when the column comes.
    assert compact(client, 1, small=0) == {LINKS.id: 1}
    ended = threading.Event()
    flowing = threading.Thread(target=old.until, args=(ended,))
    flowing.start()
    try:
        current = grown(CURRENT[LINKS.id])
        assert provision(client, tables=[grown(LINKS)]) == [f"added to {LINKS.id}: {ADDED}"]
        assert "first" in shown(client)
        assert provision(client, tables=[current]) == [f"added to {current.id}: {ADDED}"]
        provision_views(client)
        new.write("second", **{ADDED: "a mail"})
        assert shown(client, ADDED)["second"] == "a mail"
        compact(client, 1, small=0)
    finally:
        ended.set()
        flowing.join()
    old.write("last")
    found = shown(client, ADDED)
    assert found.keys() == {*old.written, *new.written}
    assert {key for key, value in found.items() if value is not None} == {"second"}
    old.close()
    new.close()


def test_anything_but_a_new_column_is_refused(served: tuple[bigquery.Client, Endpoint]) -> None:
    client, _ = served
    provision(client, tables=[grown(LINKS)])
    with pytest.raises(FatalError, match=f"{ADDED} exists in the warehouse"):
        provision(client, tables=[LINKS])
    retyped: Any = msgspec.defstruct(
        "Link", [("revision", str)], bases=(LINKS.row,), frozen=True, kw_only=True
    )
    with pytest.raises(FatalError, match="give the changed column a new name"):
        provision(client, tables=[LINKS._replace(row=retyped)])
    required: Any = msgspec.defstruct(
        "Link", [("needed", str)], bases=(grown(LINKS).row,), frozen=True, kw_only=True
    )
    with pytest.raises(FatalError, match="make it NULLABLE"):
        provision(client, tables=[LINKS._replace(row=required)])
    assert ADDED in {field.name for field in client.get_table(f"{PROJECT}.{LINKS.id}").schema}
    assert len(columns(LINKS.row)) == len(LINKS.row.__struct_fields__)
