"""Rows that break rules: each rule that ships is broken by one of them at least."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime.now(UTC)
TODAY = NOW.date()
HOUR_AGO = NOW - timedelta(hours=1)
YESTERDAY = TODAY - timedelta(days=1)
FUTURE = "2900-01-01T00:00:00Z"
Tables = Mapping[str, list[dict[str, Any]]]

WRONG: Tables = {
    "raw.changes": [
        {
            "record_key": "gmail:message:2",
            "operation": "destroy",
            "lane": "live",
            "message_id": "",
            "version_digest": "d",
            "version_stamp": "2900-01-01T00:00:00Z",
            "publish_time": NOW,
            "publish_date": TODAY,
            "written_at": NOW - timedelta(hours=100),
        },
    ]
    * 2
    + [
        {
            "record_key": f"gmail:message:{content_type}",
            "operation": "upsert",
            "lane": "live",
            "content_type": content_type,
            "message_id": "m5",
            "attempt": place,
            "publish_date": TODAY,
            "written_at": NOW - timedelta(hours=100),
        }
        for place, content_type in enumerate(("5", "erased"))
    ],
    "sales.people": [
        {
            "record_key": "hubspot:contact:2",
            "emails": ["a@b.example", "not an address"],
            "phones": ["555"],
            "account_key": "hubspot:company:404",
        }
    ],
    "sales.deals": [
        {
            "record_key": "hubspot:deal:1",
            "name": "D",
            "stage": "won",
            "amount": -1.0,
            "currency": "dollars",
            "person_keys": ["hubspot:contact:2", "hubspot:contact:404"],
            "created_at": "2900-01-01T00:00:00Z",
        }
    ],
    "sales.enrollments": [
        {
            "record_key": "hubspot:contact:2",
            "enrollment_id": "e1",
            "part": "status",
            "person_key": "hubspot:contact:404",
            "enrolled_at": NOW,
            "ended_at": HOUR_AGO,
        }
    ],
    "sales.interactions": [
        {
            "record_key": "gmail:message:2",
            "part": "message",
            "kind": "letter",
            "interaction_id": "i2",
            "occurred_at": NOW - timedelta(days=9),
            "event_date": TODAY,
            "duration_s": 1e9,
        }
    ],
    "sales.participants": [
        {
            "record_key": "gmail:message:3",
            "interaction_id": "i404",
            "event_date": TODAY,
            "role": "bystander",
            "participant_key": "gmail:address:404",
        }
    ],
    "identity.links": [
        {"record_key": "hubspot:contact:2", "kind": "dog", "entity_id": "p404", "confidence": 1.5}
    ],
    "identity.overrides": [{"left_key": "b", "right_key": "a", "verdict": "perhaps"}],
    "identity.evidence": [
        {"left_key": "b", "right_key": "a", "entity_id": "p404", "probability": 1.5}
    ],
    "identity.candidates": [{"left_key": "b", "right_key": "a", "why": "chance"}],
    "ops.dead_letters": [
        {
            "dead_letter_id": "l1",
            "stage": "decode",
            "failed_date": TODAY,
            "attempt": 0,
            "topic": "changes-gmail",
        }
    ],
    "ops.runs": [{"run_id": "r1", "status": "failed", "noted_date": TODAY, "changes": -1}],
    "ops.source_counts": [
        {
            "source": "hubspot",
            "object_type": "contact",
            "records": 10,
            "counted_at": NOW - timedelta(hours=40),
            "counted_date": (NOW - timedelta(hours=40)).date(),
        }
    ],
}


def days(table: str, **yesterday: Any) -> list[dict[str, Any]]:
    """Many rows a week on four days, and on the fifth a few, which lack what those had."""
    partition = {"raw.changes": "publish_date"}.get(table, "event_date")
    old = {"written_at": NOW - timedelta(hours=100)}
    return [
        {"record_key": f"gmail:message:{day}-{number}", partition: day, **old, **fields}
        for week in range(5)
        for day, fields in [(YESTERDAY - timedelta(weeks=week), {} if week else yesterday)]
        for number in range(400 if week else 60)
    ]


def mails() -> list[dict[str, Any]]:
    """The same of mails, of which nothing else is known; in one week more there was no thread."""
    fields = {"part": "message", "kind": "email", "direction": "unknown"}
    threaded = {YESTERDAY - timedelta(weeks=week) for week in (1, 2, 3)}
    return [
        {
            **fields,
            "interaction_id": row["record_key"],
            **({} if row["event_date"] == YESTERDAY else {"owner_key": "hubspot:owner:404"}),
            **({"thread_id": "t"} if row["event_date"] in threaded else {}),
            **row,
        }
        for row in days("sales.interactions")
    ]


ALSO_WRONG: Tables = {
    "raw.changes": [
        *days("raw.changes"),
        {
            "record_key": "",
            "change_id": "",
            "source": "pigeon",
            "lane": "scenic",
            "version_digest": "",
            "publish_date": TODAY,
            "written_at": NOW - timedelta(hours=100),
        },
    ],
    "raw.duplicates": [
        {
            "message_id": "",
            "change_id": "",
            "source": "pigeon",
            "publish_time": NOW,
            "publish_date": TODAY,
            "written_at": HOUR_AGO,
        }
    ],
    "sales.people": [
        {
            "record_key": f"hubspot:contact:{number}",
            "owner_key": "hubspot:owner:404",
            "created_at": created_at,
        }
        for number, created_at in ((3, "1066-10-14T00:00:00Z"), (4, FUTURE))
    ],
    "sales.accounts": [
        {"record_key": f"hubspot:company:{number}", **fields}
        for number, fields in enumerate(
            [
                {"parent_key": "hubspot:company:404", "owner_key": "hubspot:owner:404"},
                {"employees": -1, "annual_revenue": -1.0, "created_at": FUTURE},
                {"phones": ["555"]},
                {"domains": ["https://b.example/"]},
            ]
        )
    ],
    "sales.deals": [
        {"record_key": f"hubspot:deal:1{number}", **fields}
        for number, fields in enumerate(
            [
                {"is_closed": True},
                {"account_key": "hubspot:company:404", "owner_key": "hubspot:owner:404"},
            ]
        )
    ],
    "sales.enrollments": [
        {
            "record_key": "hubspot:contact:2",
            "enrollment_id": f"e{number}",
            "part": "status",
            "enrolled_at": enrolled_at,
            "to_email": "nobody",
        }
        for number, enrolled_at in ((2, None), (3, FUTURE))
    ],
    "sales.interactions": [
        *mails(),
        *(
            {"record_key": f"gmail:message:{number}", "event_date": TODAY, "version_stamp": FUTURE}
            for number in (5, 6)
        ),
        {
            "record_key": "gmail:message:4",
            "part": "message",
            "kind": "email",
            "direction": "upwards",
            "event_date": TODAY,
            "version_stamp": FUTURE,
            "our_number": "555",
            "person_keys": ["hubspot:contact:404"],
            "account_keys": ["hubspot:company:404"],
            "deal_keys": ["hubspot:deal:404"],
        },
    ],
    "sales.participants": [
        *days("sales.participants"),
        {
            "record_key": "gmail:message:4",
            "interaction_id": "i404",
            "event_date": TODAY,
            "role": "from",
            "email": "nobody",
            "phone": "555",
        },
    ],
    "sales.bodies": [{"record_key": "", "part": "", "event_date": TODAY}],
    "sales.transcripts": [{"record_key": "", "part": "", "event_date": TODAY}],
    "identity.records": [
        {"record_key": "hubspot:contact:404", "kind": "dog", "written_at": HOUR_AGO}
    ],
    "identity.links": [{"record_key": "hubspot:contact:5", "kind": "person"}],
    "identity.entities": [
        {
            "entity_id": "p405",
            "kind": "dog",
            "record_count": 0,
            "account_confidence": 1.5,
            "account_entity_id": "a404",
            "resolved_at": HOUR_AGO,
        }
    ],
    "identity.changes": [{"entity_id": "", "what": "forgotten"}],
    "identity.overrides": [{"left_key": "a", "right_key": "b", "decided_by": ""}],
    "ops.dead_letters": [
        {"dead_letter_id": "l2", "stage": "", "failed_at": FUTURE, "failed_date": TODAY}
    ],
    "ops.runs": [
        {
            "run_id": "r2",
            "status": "asleep",
            "started_at": NOW,
            "noted_at": HOUR_AGO,
            "noted_date": TODAY,
        }
    ],
    "ops.schema_changes": [{"field": "", "event": "hidden", "noticed_date": TODAY}],
    "ops.source_counts": [
        {
            "source": "gmail",
            "object_type": "message",
            "records": -1,
            "uncounted": 1,
            "counted_at": NOW - timedelta(hours=40),
            "counted_date": (NOW - timedelta(hours=40)).date(),
        }
    ],
    "ops.quality": [
        {"severity": "shrug", "rows_checked": 1, "rows_failed": 2, "checked_date": TODAY}
    ],
    "ops.erasures": [{"erasure_id": "", "asked_by": "", "asked_at": FUTURE}],
    "ops.audit": [{"audit_id": "", "noted_date": TODAY}],
    "ops.readers": [{"reader": "", "mailbox": ""}],
    "ops.replays": [{"change_id": "", "written_date": TODAY}],
}
