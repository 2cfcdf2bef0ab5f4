"""HubSpot: enrolments in sequences, of which a contact tells.

There is no list of enrolments. The contact's properties know the latest one, and when any ended
last; while one lasts it can be asked for by its contact, which the connector does where it is told
to. Both are parts of one enrolment: what is asked for once stands when the enrolment is over.
https://developers.hubspot.com/docs/api-reference/latest/automation/sequences/get-enrollment
"""

from schemas.change import stable_hash
from schemas.records import Enrollment
from transforms.identifiers import email
from transforms.normalise.rows import Reading
from transforms.normalise.values import (
    Fields,
    as_bool,
    as_id,
    as_micros,
    extra,
    take,
    text,
)

_SEQUENCE = "hs_latest_sequence_enrolled"
_ENROLLED = "hs_latest_sequence_enrolled_date"
_ENDS = (
    ("hs_latest_sequence_finished_date", "finished"),
    ("hs_latest_sequence_unenrolled_date", "unenrolled"),
    ("hs_latest_sequence_ended_date", None),
)
"""When any enrolment of the contact ended last, and why; the last of them for whatever reason."""


def enrollments(reading: Reading, fields: Fields, whole: Fields) -> tuple[Enrollment, ...]:
    """The enrolments that a contact tells of; what they take leaves `fields` and `whole`."""
    detail = whole.pop("sequenceEnrollment", None)
    found = [_status(reading, fields)]
    if isinstance(detail, dict):
        found.append(_detail(reading, detail, found[0]))
    return tuple(one for one in found if one)


def _made(reading: Reading, part: str, sequence: str | None, enrolled: int | None) -> Fields:
    key = reading.change.record_key
    return {
        **reading.lineage(),
        "enrollment_id": stable_hash("enrollment", key, str(sequence), str(enrolled)),
        "part": part,
        "person_key": key,
        "sequence_id": sequence,
        "enrolled_at": enrolled,
    }


def _status(reading: Reading, fields: Fields) -> Enrollment | None:
    sequence = take(fields, _SEQUENCE, as_id)
    enrolled = take(fields, _ENROLLED, as_micros)
    if sequence is None and enrolled is None:
        return None
    made = _made(reading, "status", sequence, enrolled)
    ended, reason = _end(fields, enrolled)
    active = take(fields, "hs_sequences_is_enrolled", as_bool)
    # Enrolled in an older sequence still, perhaps: not in the one that has ended.
    made |= {
        "is_active": active if ended is None else False,
        "ended_at": ended,
        "end_reason": reason,
    }
    return Enrollment(**made)


def _end(fields: Fields, enrolled: int | None) -> tuple[int | None, str | None]:
    """When and why it ended. An end before its beginning is that of an earlier enrolment, and one
    whose beginning nobody knows may be that of any: it stays with the contact."""
    if enrolled is None:
        return None, None
    found: list[tuple[int, str | None]] = []
    for name, reason in _ENDS:
        ended = as_micros(fields[name]) if fields.get(name) else None
        if ended is not None and ended >= enrolled:
            del fields[name]
            found.append((ended, reason))
    # The newest, and of one moment the one with a reason: it is told first.
    return max(found, key=lambda one: one[0], default=(None, None))


def _detail(reading: Reading, detail: Fields, status: Enrollment | None) -> Enrollment | None:
    sequence = take(detail, "sequenceId", as_id)
    enrolled = take(detail, "enrolledAt", as_micros)
    if sequence is None and enrolled is None:
        return None
    if status is not None and status.sequence_id == sequence and status.enrolled_at is not None:
        # One enrolment, even where the two clocks differ by a moment.
        enrolled = status.enrolled_at
    made = _made(reading, "detail", sequence, enrolled)
    address = take(detail, "toEmail", lambda value: email.parse(str(value)))
    by = take(detail, "enrolledByEmail", lambda value: email.parse(str(value)))
    made |= {
        "sequence_name": text(detail, "sequenceName"),
        "enrolled_by": take(detail, "enrolledBy", as_id),
        "enrolled_by_email": by.address if by else None,
        "to_email": address.address if address else None,
    }
    return Enrollment(**made, extra=extra(detail))
