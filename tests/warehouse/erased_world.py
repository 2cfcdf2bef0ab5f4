"""Ann, who is erased, and Bo, in every table."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from google.cloud import bigquery
from rows import a_row

from embedded.warehouse import WarehouseServer
from schemas.columns import Row
from schemas.identity import Entity, EntityChange, IdentityRecord, Link, Override, StoredRecord
from schemas.operations import Audit, DeadLetter
from schemas.records import Interaction, Participant, RawChange
from schemas.records import Person as PersonRow
from schemas.tables import BY_ROW, TABLES
from transforms.erasure import Marks
from transforms.traces import Traces
from warehouse.clients import Endpoint, bigquery_client
from warehouse.latest import select, table_reference
from warehouse.provision import provision
from warehouse.sink import StorageSink
from warehouse.subject import Subject
from warehouse.traced import Person

KEY = b"key of the deployment"
ANN, BO = "files:contact:c-ann", "files:contact:c-bo"
SEEN = "gmail:address:h-ann"
MAIL = b'{"raw": "' + base64.urlsafe_b64encode(b"To: Ann Lee <ann@acme.test>") + b'"}'
BOS_OTHER = "lee.ann@acme.test"
STAMP = 1_767_225_600_000_000


def stored(key: str, **fields: Any) -> StoredRecord:
    record = IdentityRecord(record_key=key, kind="person", stamp=1, fetched=1, digest="d", **fields)
    return StoredRecord(
        record_key=key,
        kind="person",
        version_stamp=1,
        version_fetched=1,
        version_digest="d",
        is_deleted=False,
        record=msgspec.json.encode(record).decode(),
        written_at=STAMP,
    )


def link(key: str, entity: str) -> Row:
    return a_row(BY_ROW[Link], record_key=key, kind="person", entity_id=entity, revision=1)


def change_row(row: type[Row], change: str, **fields: Any) -> Row:
    """Of a change of Bo's mailbox."""
    bare: dict[str, Any] = {
        "change_id": change,
        "record_key": f"gmail:message:{change}",
        "object_id": change,
        "successor_key": None,
        "written_at": STAMP,
    }
    sample = a_row(BY_ROW[row])
    empty = ("person_keys", "account_keys", "deal_keys", "owner_key", "dataref", "extra")
    nothing: dict[str, Any] = {
        name: () if isinstance(getattr(sample, name), tuple) else None
        for name in empty
        if name in row.__struct_fields__
    }
    return a_row(BY_ROW[row], **{**nothing, **bare, **fields})


def rows_of_the_world() -> list[Row]:
    """Ann has a contact and a sighting in a mail with Bo; a mail of Bo's to others is not hers."""
    return [
        stored(ANN, full_name="Ann Lee", emails=("ann@acme.test",), phones=("+14152340100",)),
        stored(SEEN, emails=("ann@acme.test",)),
        stored(BO, full_name="Bo Ray", emails=("bo@acme.test", BOS_OTHER),
               phones=("+14152340100",)),
        link(ANN, "p-ann"),
        link(SEEN, "p-ann"),
        link(BO, "p-bo"),
        change_row(PersonRow, "1", record_key=ANN, full_name="Ann Lee", emails=("ann@acme.test",),
                   phones=("+14152340100",)),
        change_row(PersonRow, "2", record_key=BO, full_name="Bo Ray", emails=("bo@acme.test",),
                   phones=("+14152340100",)),
        change_row(RawChange, "1", record_key=ANN, payload=b'{"Email": "ann@acme.test"}'),
        change_row(RawChange, "2", record_key=BO, payload=b"{}"),
        change_row(RawChange, "3", payload=MAIL),
        change_row(RawChange, "4", payload=b'{"raw": "bm9ib2R5"}'),
        change_row(Interaction, "3", interaction_id="i-3", subject="Offer", mailbox="bo@acme.test"),
        change_row(Interaction, "4", interaction_id="i-4", subject=f"Lunch, {BOS_OTHER}",
                   mailbox="bo@acme.test"),
        change_row(Participant, "3", interaction_id="i-3", participant_key=SEEN, ordinal=0,
                   email="ann@acme.test", phone=None, display_name="Ann Lee"),
        change_row(Participant, "3", interaction_id="i-3", participant_key="gmail:address:h-bo",
                   ordinal=1, email="bo@acme.test", phone=None, display_name="Bo Ray"),
        a_row(BY_ROW[Entity], entity_id="p-ann", display_name="Ann Lee", is_retired=False,
              primary_email="ann@acme.test"),
        a_row(BY_ROW[Entity], entity_id="p-bo", display_name="Bo Ray", is_retired=False,
              primary_email="bo@acme.test"),
        a_row(BY_ROW[EntityChange], entity_id="p-ann", reason=f"{ANN} email"),
        a_row(BY_ROW[Override], left_key=SEEN, right_key=BO),
        a_row(BY_ROW[DeadLetter], dead_letter_id="d-1", source="files", object_type="contact",
              object_id="c-ann", payload=b"{broken", change_id="9", payload_uri="folder:x"),
        a_row(BY_ROW[DeadLetter], dead_letter_id="d-2", payload=MAIL, change_id="8",
              payload_uri=None, attributes="{}"),
        a_row(BY_ROW[Audit], parameters='{"sql": "SELECT 1 WHERE x = \'ann@acme.test\'"}'),
    ]  # fmt: skip


@contextmanager
def warehouse_of_the_world(folder: Path) -> Iterator[Endpoint]:
    """A warehouse with the tables, and with the world in them."""
    server = WarehouseServer(folder / "warehouse", log=folder / "warehouse.log")
    endpoint = server.start()
    client = bigquery_client(endpoint)
    provision(client)
    client.close()
    fill(endpoint)
    try:
        yield endpoint
    finally:
        server.stop()


def fill(endpoint: Endpoint, rows: Sequence[Row] | None = None) -> None:
    sink = StorageSink(endpoint)
    sink.write(rows_of_the_world() if rows is None else rows)
    assert sink.flush() == []
    sink.close()


def all_rows(client: bigquery.Client) -> dict[str, list[Any]]:
    found = {}
    for table in TABLES:
        sql = f"SELECT * FROM {table_reference(client, table)}"
        found[table.id] = sorted(select(client, table.row, sql), key=repr)
    return found


def person_of(subject: Subject) -> Person:
    return Person(subject, Traces(subject.identifiers), Marks(subject.marks(KEY, "US"), KEY))


def empty(client: bigquery.Client) -> None:
    """Nothing is in the tables any more."""
    for table in TABLES:
        client.query_and_wait(f"DELETE FROM {table_reference(client, table)} WHERE TRUE")
