"""What is left of rows once a person is forgotten: the facts of others, and nothing of theirs."""

from typing import Any

import msgspec
from elements import a_change, a_normalised

from schemas.columns import Row, columns
from schemas.flow import Normalised
from schemas.identity import EntityChange, IdentityRecord, Link, StoredRecord
from schemas.operations import DeadLetter
from schemas.records import (
    Body,
    Interaction,
    Participant,
    Person,
    RawChange,
    Transcript,
    lineage,
)
from schemas.tables import TABLES
from transforms.accept import accepted_rows
from transforms.erasure import NOBODY, Kind, Marks, marks_of
from transforms.forget import ERASED, Forget, forget_rows

KEY = b"key"
NAMING = ("_id", "_ids", "_key", "_keys", "_digest")
ANN: tuple[tuple[Kind, str], ...] = (
    ("record", "files:contact:c-1"),
    ("record", "gmail:address:h-ann"),
    ("email", "ann@acme.test"),
    ("phone", "+14152340100"),
    ("name", "Ann Lee"),
    ("interaction", "i-call"),
)
MARKS = Marks([one for kind, value in ANN for one in marks_of(KEY, kind, value)], KEY)


def lines(number: int = 1) -> dict[str, Any]:
    return lineage(a_change(number), 1, 1)  # type: ignore[return-value]


def a_person(number: int = 1, **fields: Any) -> Person:
    return Person(**lines(number), **fields)


def a_participant(number: int, **fields: Any) -> Participant:
    told = {"interaction_id": "i-1", "event_date": 1, "ordinal": 0, "role": "to", **fields}
    return Participant(**lines(number), **told)


def a_mail(number: int, **fields: Any) -> Interaction:
    told = {"interaction_id": "i-1", "part": "message", "kind": "email", "event_date": 1, **fields}
    return Interaction(**lines(number), **told)


def text_of(rows: list[Row]) -> str:
    return "\n".join(msgspec.json.encode(row).decode() for row in rows).casefold()


def test_their_own_rows_go_and_the_change_stays_accounted_for() -> None:
    raw = accepted_rows(a_normalised(), 1).rows[0]
    assert isinstance(raw, RawChange)
    raw = msgspec.structs.replace(raw, payload=b'{"email": "ann@acme.test"}')
    link = Link(
        record_key="files:contact:c-1",
        kind="person",
        entity_id="e",
        confidence=1.0,
        method="single",
        is_deleted=False,
        revision=1,
        resolved_at=1,
    )
    [left] = forget_rows([raw, a_person(full_name="Ann Lee"), link], MARKS)
    assert isinstance(left, RawChange)
    assert left.payload == b"" and left.record_key == "files:contact:erased"
    assert left.change_id == raw.change_id and left.object_id == ERASED
    assert left.content_type == ERASED, "not lost by a fault"


def test_a_new_record_with_their_address_goes_and_one_with_their_number_alone_stays() -> None:
    theirs = a_person(7, emails=("Ann@acme.test",))
    flatmate = a_person(8, full_name="Bo Lee", phones=("+14152340100", "+14152340199"))
    [left] = forget_rows([theirs, flatmate], MARKS)
    assert left == msgspec.structs.replace(flatmate, phones=("+14152340199",))


def test_of_a_mail_with_others_the_fact_stays_and_what_was_written_goes() -> None:
    mail = a_mail(3, subject="Offer", snippet="Dear", mailbox="rep@own.test")
    told = {"interaction_id": "i-1", "part": "message", "event_date": 1}
    body = Body(**lines(3), **told, body="Dear all")
    said = Transcript(**lines(3), **told, transcript="Hello")
    ann = a_participant(
        3, participant_key="gmail:address:h-ann", email="ann@acme.test", display_name="Ann Lee"
    )
    bo = a_participant(3, participant_key="gmail:address:h-bo", email="bo@acme.test", ordinal=1)
    left = forget_rows([mail, body, said, ann, bo], MARKS)
    assert len(left) == 3
    assert isinstance(left[0], Interaction)
    assert (left[0].subject, left[0].snippet) == (None, None)
    assert left[0].mailbox == "rep@own.test" and left[0].kind == "email"
    assert left[1] == msgspec.structs.replace(
        ann, participant_key=ERASED, email=None, display_name=None
    )
    assert left[2] == bo


def test_what_was_said_in_their_call_goes_though_it_names_nobody() -> None:
    recap = a_mail(4, interaction_id="i-call", kind="call", part="recap", snippet="They agreed")
    [left] = forget_rows([recap], MARKS)
    assert isinstance(left, Interaction) and left.snippet is None


def test_a_note_of_others_that_names_them_is_blanked_and_other_rows_are_not_touched() -> None:
    note = a_mail(5, kind="note", subject="Met Ann Lee")
    other = a_mail(6, kind="note", subject="Met Bo Lee")
    [blank, whole] = forget_rows([note, other], MARKS)
    assert isinstance(blank, Interaction) and blank.subject is None
    assert whole is other


def test_a_dead_letter_keeps_its_account_and_not_their_address() -> None:
    letter = DeadLetter(
        dead_letter_id="d",
        failed_at=1,
        failed_date=1,
        stage="decode",
        error_type="InvalidPayload",
        error_message="no JSON",
        attempt=1,
        retriable=False,
        pipeline_version=1,
        job_name="job",
        payload=b"{broken ann@acme.test",
    )
    [left] = forget_rows([letter], MARKS)
    assert left == msgspec.structs.replace(letter, payload=b"")


def test_the_feed_of_entities_does_not_name_their_record() -> None:
    told = EntityChange(
        entity_id="e",
        kind="person",
        what="retired",
        other_ids=(),
        reason="files:contact:c-1 deleted",
        revision=1,
        resolved_at=1,
    )
    assert forget_rows([told], MARKS) == [msgspec.structs.replace(told, reason=ERASED)]


def test_no_class_of_rows_lets_them_through() -> None:
    """Whatever table: with their identifiers in every column that may hold text."""
    said = "Ann Lee ann@acme.test +1 415 234 0100"
    for table in TABLES:
        values: dict[str, Any] = {}
        for column in columns(table.row):
            one: Any = {
                "STRING": "x" if column.name.endswith(NAMING) else said,
                "JSON": f'{{"a": "{said}"}}',
                "BYTES": said.encode(),
                "BOOL": True,
                "FLOAT64": 1.0,
            }.get(column.kind, 1)
            values[column.name] = (one,) if column.mode == "REPEATED" else one
        left = text_of(forget_rows([table.row(**values)], MARKS))
        assert not any(word in left for word in ("ann lee", "ann@", "234 0100")), table.id


def test_the_resolver_is_told_of_nobody_who_is_forgotten() -> None:
    def record(key: str, **fields: Any) -> IdentityRecord:
        return IdentityRecord(
            record_key=key, kind="person", stamp=1, fetched=1, digest="", **fields
        )

    ann = record("hubspot:contact:9", emails=("ann@acme.test",))
    shared = record("hubspot:contact:8", emails=("bo@acme.test",), phones=("+14152340100",))
    number = record("dialpad:number:h-1", phones=("+14152340100",))
    other = record("hubspot:contact:7", emails=("cy@acme.test",))
    element = msgspec.structs.replace(a_normalised(), identities=(ann, shared, number, other))
    left = Forget(lambda: lambda: MARKS)(element)
    assert left.identities == (msgspec.structs.replace(shared, phones=()), other)
    assert Forget(lambda: lambda: NOBODY)(element) is element


def test_nobody_to_forget_changes_nothing() -> None:
    rows: list[Row] = [a_person(emails=("ann@acme.test",))]
    assert forget_rows(rows, NOBODY) == rows


def test_the_step_travels_to_a_worker_without_what_it_has_opened() -> None:
    step = Forget(_open)
    step(Normalised(a_normalised().arrival, (), ()))
    assert step.__getstate__()["_known"] is None


def _open() -> Any:
    return lambda: MARKS


def test_a_record_of_somebody_else_that_names_them_can_still_be_read_by_the_resolver() -> None:
    employer = IdentityRecord(
        record_key="files:account:9",
        kind="account",
        stamp=1,
        fetched=1,
        digest="d",
        organisation="Ann Lee Consulting",
        phones=("+14152340100", "+14152340199"),
    )
    row = StoredRecord(
        record_key="files:account:9",
        kind="account",
        version_stamp=1,
        version_fetched=1,
        version_digest="d",
        is_deleted=False,
        record=msgspec.json.encode(employer).decode(),
        written_at=1,
    )
    [left] = forget_rows([row], MARKS)
    assert isinstance(left, StoredRecord)
    assert msgspec.json.decode(left.record, type=IdentityRecord) == msgspec.structs.replace(
        employer, organisation="", phones=("+14152340199",)
    )


def test_what_is_found_by_other_means_is_treated_as_theirs() -> None:
    mail = a_mail(5, subject="Offer")
    [left] = forget_rows([mail], MARKS, {mail.change_id})
    assert isinstance(left, Interaction) and left.subject is None
