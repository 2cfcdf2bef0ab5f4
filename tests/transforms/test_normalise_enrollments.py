"""What a HubSpot contact tells of sequences becomes enrolments, and nothing else does."""

import json
from typing import Any

import msgspec

from schemas.change import new_change
from schemas.records import Enrollment, Person
from transforms.normalise import normalise
from transforms.settings import Settings

ENROLLED, LATER, EARLIER = (f"2026-0{n}-01T08:00:00.000Z" for n in (2, 3, 1))
DETAIL = {
    "id": "901",
    "toEmail": "Ada@Customer.example",
    "enrolledAt": ENROLLED,
    "updatedAt": LATER,
    "enrolledBy": "70000",
    "enrolledByEmail": "rep@own.example",
    "sequenceId": "77",
    "sequenceName": "First steps",
}
LATEST = {
    "hs_sequences_is_enrolled": "true",
    "hs_latest_sequence_enrolled": "77",
    "hs_latest_sequence_enrolled_date": ENROLLED,
}


def read(properties: dict[str, Any], **whole: Any) -> tuple[Person, dict[str, Enrollment]]:
    payload = msgspec.json.encode({"id": "1", "properties": properties, **whole})
    change = new_change("hubspot", "contact", "1", payload, stamp=5, fetched=6)
    (person, *rest), _ = normalise(change, Settings(), 7)
    assert isinstance(person, Person)
    found = {one.part: one for one in rest if isinstance(one, Enrollment)}
    assert len(found) == len(rest)
    return person, found


def test_a_contact_that_was_never_enrolled_has_no_enrolment() -> None:
    _, found = read({"hs_sequences_is_enrolled": "false", "hs_latest_sequence_enrolled": ""})
    assert found == {}


def test_the_latest_enrolment_stands_with_its_sequence_and_its_beginning() -> None:
    person, found = read(dict(LATEST))
    status = found["status"]
    assert (status.person_key, status.sequence_id) == ("hubspot:contact:1", "77")
    assert (status.is_active, status.ended_at, status.end_reason) == (True, None, None)
    assert status.enrolled_at == 1_769_932_800_000_000
    assert person.extra is None


def test_an_enrolment_that_ended_says_when_and_why() -> None:
    for name, reason in (("finished", "finished"), ("unenrolled", "unenrolled"), ("ended", None)):
        ends = {"hs_latest_sequence_ended_date": LATER, f"hs_latest_sequence_{name}_date": LATER}
        person, found = read({**LATEST, "hs_sequences_is_enrolled": "false", **ends})
        status = found["status"]
        assert (status.is_active, status.end_reason) == (False, reason)
        assert status.ended_at == 1_772_352_000_000_000
        assert person.extra is None


def test_who_is_enrolled_elsewhere_still_is_not_in_the_one_that_ended() -> None:
    _, found = read({**LATEST, "hs_latest_sequence_finished_date": LATER})
    assert (found["status"].is_active, found["status"].end_reason) == (False, "finished")


def test_the_end_of_an_earlier_enrolment_is_none_of_the_latest() -> None:
    ends = {"hs_latest_sequence_unenrolled_date": EARLIER}
    person, found = read({**LATEST, **ends})
    assert (found["status"].is_active, found["status"].ended_at) == (True, None)
    assert json.loads(person.extra or "") == ends


def test_of_an_enrolment_without_a_beginning_no_end_is_told() -> None:
    fields = {"hs_latest_sequence_enrolled": "77", "hs_latest_sequence_ended_date": LATER}
    _, found = read(fields)
    assert (found["status"].ended_at, found["status"].is_active) == (None, None)


def test_what_was_asked_for_is_a_part_of_the_same_enrolment() -> None:
    moments = (ENROLLED, "2026-02-01T08:00:00.731Z")
    for moment in moments:
        _, found = read(dict(LATEST), sequenceEnrollment={**DETAIL, "enrolledAt": moment})
        status, detail = found["status"], found["detail"]
        assert detail.enrollment_id == status.enrollment_id
        assert detail.sequence_name == "First steps"
        assert (detail.to_email, detail.enrolled_by_email) == (
            "ada@customer.example",
            "rep@own.example",
        )
        assert (detail.enrolled_by, detail.is_active) == ("70000", None)
        assert json.loads(detail.extra or "") == {"id": "901", "updatedAt": LATER}


def test_another_sequence_is_another_enrolment() -> None:
    _, found = read(dict(LATEST), sequenceEnrollment={**DETAIL, "sequenceId": "78"})
    assert found["detail"].enrollment_id != found["status"].enrollment_id
    _, again = read({**LATEST, "hs_latest_sequence_enrolled_date": LATER})
    assert again["status"].enrollment_id != found["status"].enrollment_id


def test_what_says_nothing_or_cannot_be_read_is_no_enrolment() -> None:
    for detail in ({}, "none", {"sequenceId": None, "enrolledAt": "soon"}):
        _, found = read({}, sequenceEnrollment=detail)
        assert found == {}
    person, found = read({**LATEST, "hs_latest_sequence_enrolled_date": "soon"})
    assert found["status"].enrolled_at is None
    assert json.loads(person.extra or "") == {"hs_latest_sequence_enrolled_date": "soon"}
