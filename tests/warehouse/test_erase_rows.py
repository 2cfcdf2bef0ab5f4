"""A person goes out of every table, pass by pass, and everybody else's rows stay as they were."""

import base64
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.cloud import bigquery
from rows import a_row

from embedded.directory import DataDirectory
from embedded.warehouse import WarehouseServer
from operations.holding import refuse_held
from operations.person import Scene
from operations.place import StackHere
from schemas.columns import Row
from schemas.current import CURRENT
from schemas.errors import ConfigurationError, RetriableError
from schemas.identity import Entity, EntityChange, IdentityRecord, Link, Override, StoredRecord
from schemas.operations import Audit, DeadLetter
from schemas.records import Interaction, Participant, RawChange
from schemas.records import Person as PersonRow
from schemas.tables import BY_ROW, TABLES
from transforms.erasure import Marks
from transforms.forget import ERASED
from transforms.settings import Retention, Settings
from transforms.traces import Traces
from warehouse.clients import Endpoint, bigquery_client
from warehouse.compaction import clear
from warehouse.erase import Erasing, Pass
from warehouse.latest import select, table_reference
from warehouse.provision import provision
from warehouse.sink import MemorySink, StorageSink
from warehouse.subject import Subject, subject_of
from warehouse.traced import Person

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder: Path = tmp_path_factory.mktemp("erase")
    server = WarehouseServer(folder / "warehouse", log=folder / "warehouse.log")
    endpoint = server.start()
    client = bigquery_client(endpoint)
    provision(client)
    client.close()
    yield endpoint
    server.stop()


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[bigquery.Client]:
    client = bigquery_client(endpoint)
    fill(endpoint)
    yield client
    client.close()


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


def erased(client: bigquery.Client, endpoint: Endpoint, person: Person) -> Pass:
    """What the first pass did; the second finds nothing."""
    sink = StorageSink(endpoint)
    erasing = Erasing(client, sink, person)
    done = erasing.once()
    assert done.rows and erasing.once().rows == {}
    sink.close()
    return done


def test_a_person_is_known_by_all_records_and_by_what_nobody_else_bears(
    client: bigquery.Client,
) -> None:
    subject = subject_of(client, address="Ann@ACME.test")
    assert subject.entities == ("p-ann",)
    assert subject.identifiers.records == (ANN, SEEN)
    assert subject.identifiers.emails == ("ann@acme.test",)
    assert subject.identifiers.names == ("Ann Lee",)
    assert subject.identifiers.longer == (BOS_OTHER,)
    # Bo answers at the same number.
    assert (subject.identifiers.phones, subject.shared) == ((), 1)
    assert subject.interactions == ("i-3",)
    assert subject_of(client, named=[SEEN]) == subject


def test_whom_nobody_can_be_meant_by_is_refused(client: bigquery.Client) -> None:
    for asked, said in (
        ({"address": "ann@"}, "no e-mail address"),
        ({"number": "12"}, "no phone number"),
        ({"number": "+14152340100"}, "2 people are known by that"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            subject_of(client, **asked)


@pytest.mark.parametrize(
    ("hold", "says"),
    [
        (True, "everything is on legal hold"),
        ((ANN,), "of theirs are on legal hold"),
        (("ann@acme.test",), "of theirs are on legal hold"),
        # Of the mailbox in which the mail with Ann lies.
        (("bo@acme.test",), "1 records or interactions of theirs"),
        (("files:contact:c-else", "else@acme.test"), ""),
        (False, ""),
    ],
)
def test_whoever_is_held_is_not_erased_and_it_is_said_who_says_so(
    client: bigquery.Client, endpoint: Endpoint, hold: bool | tuple[str, ...], says: str
) -> None:
    settings = Settings(retention=Retention(legal_hold=hold))
    scene = Scene(StackHere(DataDirectory(Path("nowhere"))), endpoint, settings, "s.toml", KEY)
    subject = subject_of(client, address="ann@acme.test")
    if not says:
        refuse_held(scene, client, subject)
        return
    with pytest.raises(ConfigurationError, match=f"{says}.*legal_hold in s.toml"):
        refuse_held(scene, client, subject)


def test_copies_of_the_latest_rows_are_seen_and_go_whole(
    client: bigquery.Client, endpoint: Endpoint
) -> None:
    current = CURRENT["sales.people"]
    erasing = Erasing(
        client, MemorySink([]), person_of(subject_of(client, address="ann@acme.test"))
    )
    put = f"INSERT INTO `{current.id}` SELECT *, CURRENT_TIMESTAMP() FROM `sales.people`"
    counted = f"SELECT COUNT(*) AS n FROM `{current.id}`"
    client.query_and_wait(put)
    assert [row.n for row in client.query_and_wait(counted)] == [2]
    assert erasing.look(copies=True).rows[current.id] == 1
    clear(client)
    assert [row.n for row in client.query_and_wait(counted)] == [0]


def test_every_table_is_treated_and_the_others_stay(
    client: bigquery.Client, endpoint: Endpoint
) -> None:
    # Of what stands beside an address nothing says that it is somebody else's.
    doubted = "export-ann@acme.test.eml"
    fill(endpoint, [change_row(Interaction, "5", subject=doubted, mailbox="bo@acme.test")])
    before = all_rows(client)
    person = person_of(subject_of(client, address="ann@acme.test"))
    done = erased(client, endpoint, person)
    after = all_rows(client)
    text = repr(after).replace(BOS_OTHER, "")
    assert not any(one in text for one in ("ann@", "Ann Lee", ANN, SEEN, "QW5uIExlZ"))
    for table_id in ("raw.changes", "sales.interactions", "sales.participants", "ops.audit"):
        assert len(after[table_id]) == len(before[table_id]), table_id
    assert [one.full_name for one in after["sales.people"]] == ["Bo Ray"]
    assert [one.entity_id for one in after["identity.entities"]] == ["p-bo"]
    assert [one.record_key for one in after["identity.records"]] == [BO]
    assert [one.reason for one in after["identity.changes"]] == [ERASED]
    assert after["identity.overrides"] == []
    kept = {one.change_id: one for one in after["raw.changes"]}
    assert kept["4"] == next(one for one in before["raw.changes"] if one.change_id == "4")
    assert (kept["1"].payload, kept["3"].payload) == (b"", b"")
    mails = {one.change_id: one for one in after["sales.interactions"]}
    assert (mails["3"].subject, mails["4"].subject) == (None, f"Lunch, {BOS_OTHER}")
    assert mails["5"].subject is None
    assert mails["3"].mailbox == "bo@acme.test"
    letters = {one.dead_letter_id: one for one in after["ops.dead_letters"]}
    assert letters["d-1"].object_id is letters["d-1"].payload_uri is letters["d-1"].topic is None
    assert letters["d-1"].payload == letters["d-2"].payload == b""
    # Payloads that lie elsewhere are named, for whoever can reach them.
    assert (set(done.changes), set(done.objects)) == ({"1", "3", "5"}, {"folder:x"})


def test_what_a_backup_brings_back_goes_by_the_marks_alone(
    client: bigquery.Client, endpoint: Endpoint
) -> None:
    fill(endpoint)
    marks = subject_of(client, address="ann@acme.test").marks(KEY, "US")
    erased(client, endpoint, Person.forgotten(Marks(marks, KEY)))
    text = repr(all_rows(client)).replace(BOS_OTHER, "")
    assert not any(one in text for one in ("ann@", "Ann Lee", ANN, SEEN))


def test_a_pass_that_breaks_off_leaves_who_it_is_and_the_rows_that_name_payloads(
    client: bigquery.Client, endpoint: Endpoint
) -> None:
    fill(endpoint)
    theirs = msgspec.structs.replace(rows_of_the_world()[8], dataref="folder:y")
    fill(endpoint, [theirs])
    before = subject_of(client, address="ann@acme.test")
    dropped: list[str] = []

    def away(addresses: Collection[str]) -> None:
        dropped.extend(addresses)
        if "folder:y" in addresses:
            raise RetriableError("the bucket does not answer")

    with pytest.raises(RetriableError, match="does not answer"):
        Erasing(client, StorageSink(endpoint), person_of(before), drop=away).once()
    assert dropped == ["folder:x", "folder:y"]
    assert "folder:y" in {one.dataref for one in all_rows(client)["raw.changes"]}
    assert subject_of(client, address="ann@acme.test") == before
