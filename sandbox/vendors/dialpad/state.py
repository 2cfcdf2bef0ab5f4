"""What the simulated company holds, and how it changes while somebody reads it."""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sandbox.company import Company
from sandbox.vendors.dialpad.seed import (
    COMPANY_ID,
    MINUTE_US,
    Record,
    call_record,
    call_records,
    contact_records,
    has_recap,
    recap_of,
    transcript_of,
    user_ids,
    user_records,
)
from schemas.clock import Clock

TRANSCRIPT_AFTER_US = 1 * MINUTE_US
"""After the end of a call; a recap takes six times as long."""
LIMITS = {"calls": 1_200, "call": 10, "recap": 12, "transcript": 1_200, "users": 1_200}
"""Calls a minute. https://developers.dialpad.com/docs/rate-limits"""


CONTACT: Record = {
    "company_name": None,
    "job_title": None,
    "owner_id": COMPANY_ID,
    "type": "shared",
    "urls": None,
}


class DialpadState:
    """Records by id. Thread-safe: the driver changes what the server shows.

    `lag_us`: how long after its end a call is listed. `limits`: calls a minute by operation; None:
    as many as anybody wants. `scopes`: what the key may do.
    """

    def __init__(
        self,
        company: Company,
        clock: Clock,
        *,
        seed: int = 7,
        page_size: int = 25,
        lag_us: int = 0,
        limits: Mapping[str, int] | None = None,
        key: str = "sandbox-key",
    ) -> None:
        self.company = company
        self.user_ids = user_ids(company)
        self.clock = clock
        self.page_size = page_size
        self.lag_us = lag_us
        self.limits = dict(limits or {})
        self.tokens = {key}
        self.scopes = {"calls:list", "ai_recap", "admin"}
        self.transcript_after_us = TRANSCRIPT_AFTER_US
        self.recap_after_us = 6 * TRANSCRIPT_AFTER_US
        self.lock = threading.RLock()
        self.rng = random.Random(seed)
        self.calls: dict[str, Record] = call_records(company)
        self.users: dict[str, Record] = user_records(company)
        self.contacts: dict[str, Record] = contact_records(company)
        self.webhooks: dict[str, Record] = {}
        self.subscriptions: dict[str, list[Record]] = {"call": [], "sms": [], "contact": []}
        self.drawn: Counter[str] = Counter()
        """Calls so far, by operation."""
        self._minute: Counter[tuple[str, int]] = Counter()
        self._next = 9_007_199_254_740_993
        """Above 2^53: a float would lose the last digit."""

    def new_id(self) -> str:
        """An id that nothing has yet."""
        with self.lock:
            self._next += self.rng.randrange(2, 99)
            return str(self._next)

    def new_call(
        self,
        *,
        started_us: int | None = None,
        length_s: int = 120,
        master: str = "",
        **fields: Any,
    ) -> str:
        """A call that starts now, or did then, and ends after `length_s`; returns its id. It is
        listed once the clock says that it is over."""
        with self.lock:
            rep = self.rng.choice(self.company.reps)
            person = self.rng.choice([one for one in self.company.people if one.numbers])
            started = (self.clock() if started_us is None else started_us) // 1_000
            ended = started + 9_000 + length_s * 1_000
            call_id = self.new_id()
            row = {
                "call_id": call_id,
                "master_call_id": master,
                "entry_point_call_id": master,
                "direction": "inbound",
                "state": "hangup",
                "date_started": str(started),
                "date_connected": str(started + 9_000),
                "date_ended": str(ended),
                "duration": str(length_s * 1_000),
                "external_number": person.numbers[0],
                "internal_number": rep.number,
                "contact_name": f"{person.given} {person.family}",
                "target_type": "user",
                "target_id": self.user_ids[rep.user_id],
                "target_name": f"{rep.given} {rep.family}",
                "target_email": rep.email,
            }
            self.calls[call_id] = {**call_record(row), **fields}
            return call_id

    def edit_call(self, call_id: str, /, **fields: Any) -> None:
        """Changes an ended call: labels, a transcription; its times stay."""
        with self.lock:
            self.calls[call_id] = {**self.calls[call_id], **fields}

    def edit_user(self, user_id: str, /, **fields: Any) -> None:
        """Changes a user; state="deleted" is how users go."""
        with self.lock:
            self.users[user_id] = {**self.users[user_id], **fields}

    def put_contact(self, contact_id: str, /, **fields: Any) -> None:
        """Makes a shared contact, or changes one."""
        with self.lock:
            known = self.contacts.get(contact_id, {"id": contact_id, **CONTACT})
            self.contacts[contact_id] = {**known, **fields}

    def delete_contact(self, contact_id: str) -> None:
        """Takes a contact away: it is listed no more."""
        with self.lock:
            del self.contacts[contact_id]

    def listed(self) -> list[Record]:
        """Calls that are over, newest start first."""
        now = self.clock()
        with self.lock:
            over = [
                one
                for one in self.calls.values()
                if int(one["date_ended"]) * 1_000 + self.lag_us <= now
            ]
        return sorted(over, key=order_of, reverse=True)

    def transcript(self, call_id: str) -> Record | None:
        """None: there is none, or none yet."""
        record = self.calls.get(call_id)
        if record is None or not self._ready(record, self.transcript_after_us):
            return None
        return transcript_of(record)

    def recap(self, call_id: str) -> Record | None:
        """None: there is none, or none yet."""
        record = self.calls.get(call_id)
        if record is None or not has_recap(record):
            return None
        return recap_of(record) if self._ready(record, self.recap_after_us) else None

    def _ready(self, record: Record, after_us: int) -> bool:
        if not record["date_connected"]:
            return False
        return int(record["date_ended"]) * 1_000 + after_us <= self.clock()

    def within_limit(self, operation: str) -> bool:
        """Draws one call of this minute's."""
        with self.lock:
            self.drawn[operation] += 1
            most = self.limits.get(operation)
            if most is None:
                return True
            minute = (operation, self.clock() // MINUTE_US)
            self._minute[minute] += 1
            return self._minute[minute] <= most


def order_of(record: Record) -> tuple[int, int]:
    """Of a list of calls."""
    return (int(record["date_started"]), int(record["call_id"]))
