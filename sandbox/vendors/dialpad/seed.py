"""The seeded company as Dialpad has it: ids and times as text, and nulls everywhere."""

from typing import Any

from sandbox.company import Company
from sandbox.company.world import AS_OF_US
from schemas.clock import from_us

Record = dict[str, Any]
MINUTE_US = 60_000_000
COMPANY_ID = "5085501938401280"
FIRST_USER_ID = 5_835_806_903_417_907
OFFICE_ID = "6422934115149452"
RECAP_SHARE = 3
"""Every third connected call has a recap; of the others there never is one."""


def call_records(company: Company) -> dict[str, Record]:
    """The legs of all calls, by id."""
    ids = user_ids(company)
    return {
        call.row["call_id"]: call_record({**call.row, "target_id": ids[call.row["target_id"]]})
        for call in company.calls
    }


def user_ids(company: Company) -> dict[str, str]:
    """Dialpad's ids of the reps, by those that the rest of the company knows them by."""
    return {rep.user_id: str(FIRST_USER_ID + 17 * n) for n, rep in enumerate(company.reps)}


def call_record(row: dict[str, str]) -> Record:
    """A leg from the columns of an export."""
    outside = {
        "id": None,
        "name": row["contact_name"] or row["external_number"],
        "phone": row["external_number"],
        "email": None,
        "type": "local",
    }
    target = {
        "id": row["target_id"],
        "name": row["target_name"],
        "email": row["target_email"] if row["target_type"] == "user" else None,
        "phone": row["internal_number"],
        "type": row["target_type"],
    }
    return {
        "call_id": row["call_id"],
        "master_call_id": row["master_call_id"] or None,
        "entry_point_call_id": row["entry_point_call_id"] or None,
        "operator_call_id": None,
        "direction": row["direction"],
        "state": row["state"],
        "date_started": row["date_started"],
        "date_rang": row["date_started"],
        "date_connected": row["date_connected"] or None,
        "date_ended": row["date_ended"],
        "event_timestamp": row["date_ended"],
        "duration": float(row["duration"] or 0),
        "total_duration": float(row["duration"] or 0) + 9_000.25,
        "external_number": row["external_number"],
        "internal_number": row["internal_number"],
        "contact": outside,
        "target": target,
        "entry_point_target": None,
        "proxy_target": None,
        "group_id": None,
        "is_transferred": bool(row["master_call_id"]),
        "labels": None,
        "was_recorded": False,
        "mos_score": 4.41,
    }


def user_records(company: Company) -> dict[str, Record]:
    """The reps, and one who has left."""
    made = {}
    ids = user_ids(company)
    for rep in company.reps:
        made[ids[rep.user_id]] = {
            "id": ids[rep.user_id],
            "company_id": COMPANY_ID,
            "office_id": OFFICE_ID,
            "admin_office_ids": [],
            "first_name": rep.given,
            "last_name": rep.family,
            "display_name": f"{rep.given} {rep.family}",
            "emails": [rep.email],
            "phone_numbers": [rep.number],
            "state": "active",
            "country": "us",
            "language": "en",
            "license": "talk",
            "date_added": "2024-06-20T19:18:00",
            "date_first_login": None,
            "is_online": True,
            "do_not_disturb": False,
            "onboarding_completed": True,
            "voicemail": {"is_default_voicemail": True, "name": "default"},
        }
    first = next(iter(made.values()))
    left = "4335858969377504"
    made[left] = {**first, "id": left, "emails": [], "phone_numbers": [], "state": "deleted"}
    return made


def contact_records(company: Company) -> dict[str, Record]:
    """Every other person with a number of their own, as the company's shared contacts."""
    known = [person for person in company.people if person.numbers][::2]
    return {
        f"ag5kZXZ-{person.id}": {
            "id": f"ag5kZXZ-{person.id}",
            "first_name": person.given,
            "last_name": person.family,
            "display_name": f"{person.given} {person.family}",
            "job_title": person.title,
            "company_name": person.account.name if person.account else None,
            "emails": list(person.emails[:1]),
            "primary_email": person.emails[0] if person.emails else None,
            "phones": list(person.numbers),
            "primary_phone": person.numbers[0],
            "type": "shared",
            "owner_id": COMPANY_ID,
            "urls": None,
        }
        for person in known
    }


def transcript_of(record: Record) -> Record:
    """What was said: lines in no order, their times without a zone, a word struck out."""
    theirs, ours = record["contact"]["name"], record["target"]["name"]
    return {
        "call_id": record["call_id"],
        "lines": [
            _line(record, 5, ours, "thanks, that is [expletive] good", user="2"),
            _line(record, 1, theirs, "hello, about the quote"),
            {**_line(record, 3, ours, "price_inquiry", user="2"), "type": "moment"},
            _line(record, 2, ours, "I have it here", user="2"),
        ],
    }


def _line(record: Record, second: int, name: str, said: str, user: str | None = None) -> Record:
    started = int(record["date_connected"]) * 1_000 + second * 1_000_000
    return {
        "type": "transcript",
        "time": naive(started),
        "name": name,
        "content": said,
        "user_id": user,
        "contact_id": None if user else "ag5kZXZ-x",
    }


def naive(us: int) -> str:
    """`2018-05-08T21:33:19.300000`: UTC, and it does not say so."""
    return from_us(us).replace(tzinfo=None).isoformat(timespec="microseconds")


def recap_of(record: Record) -> Record:
    """The recap of a call."""
    made = int(record["date_ended"]) + 120_000
    return {
        "call_id": record["call_id"],
        "date_created": str(made),
        "date_modified": str(made),
        "is_internal_call": False,
        "source": "dialpadgpt",
        "summary": {"id": "1", "content": "They spoke of the quote.", "format": "medium"},
        "action_items": [{"id": "2", "content": "Send the quote", "edited": False}],
        "disposition": {"id": "3", "content": "Interested"},
        "purposes": [{"id": "4", "category": "sales", "content": "Quote"}],
    }


def has_recap(record: Record) -> bool:
    """Whether there is to be one."""
    return bool(record["date_connected"]) and int(record["call_id"]) % RECAP_SHARE == 0


START_US = AS_OF_US
"""When the sandbox's clock starts: all of the seeded calls are over."""
