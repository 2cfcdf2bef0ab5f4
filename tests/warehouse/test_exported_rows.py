"""What is held of a person, for whoever asks for it: payloads that are kept apart are in it."""

import base64
from pathlib import Path

import pytest
from rows import a_row
from view_warehouse import served_warehouse

from connectors.objects import FolderStore
from operations.privacy.export_person import GONE, held_of
from schemas.columns import Row
from schemas.operations import DeadLetter
from schemas.records import RawChange
from schemas.tables import BY_ROW
from transforms.erasure import Marks
from transforms.traces import Identifiers, Traces
from warehouse.sink import StorageSink
from warehouse.subject import Subject
from warehouse.traced import Person

ANN = "files:contact:c-ann"
KNOWN = Identifiers(emails=("ann@acme.test",), records=(ANN,))
LONG = b"x" * 100_000
MAIL = b'{"raw": "' + base64.b64encode(LONG + b" To: ann@acme.test") + b'"}'


def change(number: int, dataref: str, record_key: str = "gmail:message:1") -> Row:
    nothing = {"payload": b"", "successor_key": None}
    ids = {"change_id": f"c{number}", "record_key": record_key, "dataref": dataref}
    return a_row(BY_ROW[RawChange], **nothing, **ids)


def letter(payload_uri: str) -> Row:
    nothing = {"payload": b"", "attributes": "{}", "object_id": None}
    return a_row(BY_ROW[DeadLetter], payload_uri=payload_uri, **nothing)


@pytest.mark.slow
def test_payloads_that_are_kept_apart_are_searched_and_stand_in_their_rows(tmp_path: Path) -> None:
    objects = FolderStore(tmp_path / "objects")
    theirs, others = objects.put("payloads/1", MAIL), objects.put("payloads/2", LONG)
    rows = [
        change(1, theirs),
        change(2, others),
        change(3, "folder:payloads/gone"),
        change(4, "folder:payloads/gone", ANN),
        letter(theirs),
        letter(others),
    ]
    subject = Subject((), KNOWN, (), 0)
    person = Person(subject, Traces(KNOWN), Marks(subject.marks(b"key", "US"), b"key"))
    with served_warehouse(tmp_path) as (client, endpoint):
        sink = StorageSink(endpoint)
        sink.write(rows)
        assert sink.flush() == []
        sink.close()
        held = dict(held_of(client, person, objects))
    assert held.keys() == {"raw.changes", "ops.dead_letters"}
    shown = sorted((one["Change id"], one["Payload"]) for one in held["raw.changes"])
    assert shown == [("c1", MAIL.decode()), ("c4", GONE)]
    assert [one["Payload"] for one in held["ops.dead_letters"]] == [MAIL.decode()]
