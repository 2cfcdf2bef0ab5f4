"""A working day on the phone: calls that begin, are answered or missed, and end; what is said of
them later; text messages; and people whose entries change.

Whatever Dialpad would tell a subscriber of waits in `outbox`.
"""

import random

from sandbox.company.words import FAMILY, GIVEN, TITLES, TOPICS
from sandbox.vendors.dialpad.events import Outbox, call_event, sms_event
from sandbox.vendors.dialpad.seed import Record, has_recap
from sandbox.vendors.dialpad.state import DialpadState
from sandbox.vendors.happening import Happening, one_of

WEIGHTS = {
    "ring": 8,
    "connect": 8,
    "hang up": 8,
    "miss": 2,
    "add": 12,
    "text": 5,
    "edit user": 1,
    "edit contact": 2,
    "new contact": 1,
    "delete contact": 1,
}
AFTERTHOUGHTS = ("call_transcription", "recap_summary", "recap_action_items")
IN_PROGRESS_MS = 30 * 86_400_000
"""Where the end of a call in progress is put, so that no list has it yet."""


class DialpadLife:
    """What happens at one company. Moments are those of the state's clock."""

    def __init__(self, state: DialpadState) -> None:
        self.state = state
        self.outbox = Outbox(state)
        self._ringing: dict[str, int] = {}
        self._connected: dict[str, int] = {}
        """Call id to the moment (ms) of its last event."""
        self._later: list[tuple[int, str, str]] = []
        """When it is due (us), call id, and what is told of the call then."""
        self._touched: dict[str, int] = {}

    def happen(self, rng: random.Random) -> Happening:
        """One thing happens."""
        steps = {
            "ring": self._ring,
            "connect": self._connect,
            "hang up": self._hang_up,
            "miss": self._miss,
            "add": self._add,
            "text": self._text,
            "edit user": self._edit_user,
            "edit contact": self._edit_contact,
            "new contact": self._new_contact,
            "delete contact": self._delete_contact,
        }
        with self.state.lock:
            return one_of(rng, steps, WEIGHTS)

    def _now_ms(self, after: int = 0) -> int:
        """The present, and later than what happened to the same call before."""
        return max(self.state.clock() // 1_000, after + 1)

    def _ring(self, rng: random.Random) -> Happening:
        call_id = self.state.new_call(
            direction=rng.choice(("inbound", "outbound")), date_connected=None
        )
        started = int(self.state.calls[call_id]["date_started"])
        self.state.edit_call(call_id, date_ended=str(started + IN_PROGRESS_MS))
        self._ringing[call_id] = started
        self._tell(call_id, "ringing", started)
        return Happening("dialpad", "ring", "call", call_id)

    def _connect(self, rng: random.Random) -> Happening | None:
        if not self._ringing:
            return None
        call_id = rng.choice(list(self._ringing))
        now = self._connected[call_id] = self._now_ms(self._ringing.pop(call_id))
        self.state.edit_call(call_id, date_connected=str(now))
        self._tell(call_id, "connected", now)
        return Happening("dialpad", "connect", "call", call_id)

    def _hang_up(self, rng: random.Random) -> Happening | None:
        if not self._connected:
            return None
        call_id = rng.choice(list(self._connected))
        last = self._connected.pop(call_id)
        now = self._now_ms(last)
        self._end(call_id, "hangup", now, float(now - last))
        due = now * 1_000 + self.state.transcript_after_us
        self._later.append((due, call_id, "call_transcription"))
        if has_recap(self.state.calls[call_id]):
            due = now * 1_000 + self.state.recap_after_us
            self._later += [(due, call_id, name) for name in AFTERTHOUGHTS[1:]]
        return Happening("dialpad", "hang up", "call", call_id)

    def _miss(self, rng: random.Random) -> Happening | None:
        if not self._ringing:
            return None
        call_id = rng.choice(list(self._ringing))
        self._end(call_id, "missed", self._now_ms(self._ringing.pop(call_id)), 0.0)
        return Happening("dialpad", "miss", "call", call_id)

    def _end(self, call_id: str, state: str, now: int, duration: float) -> None:
        started = int(self.state.calls[call_id]["date_started"])
        self.state.edit_call(
            call_id,
            state=state,
            date_ended=str(now),
            event_timestamp=str(now),
            duration=duration,
            total_duration=float(now - started),
        )
        self._tell(call_id, state, now)

    def _add(self, rng: random.Random) -> Happening | None:
        """What Dialpad finds in a call minutes after its end."""
        now = self.state.clock()
        due = [one for one in self._later if one[0] <= now]
        if not due:
            return None
        found = rng.choice(due)
        self._later.remove(found)
        _, call_id, name = found
        self._tell(call_id, name, self._now_ms(int(self.state.calls[call_id]["date_ended"])))
        return Happening("dialpad", name, "call_event", f"{call_id}:{name}")

    def _tell(self, call_id: str, name: str, at_ms: int) -> None:
        base = call_event(self.state, call_id, name)["event_timestamp"]
        event = call_event(self.state, call_id, name, (at_ms - base) * 1_000)
        self.outbox.add("call", event)

    def _text(self, rng: random.Random) -> Happening:
        event = sms_event(self.state, inbound=rng.random() < 0.6, text=rng.choice(TOPICS))
        self.outbox.add("sms", event)
        return Happening("dialpad", "text", "sms", str(event["id"]))

    def _edit_user(self, rng: random.Random) -> Happening | None:
        user_id = self._untouched(rng, list(self.state.users))
        if user_id is None:
            return None
        self.state.edit_user(user_id, job_title=f"{rng.choice(TITLES)} {rng.randrange(100)}")
        return Happening("dialpad", "edit", "user", user_id)

    def _edit_contact(self, rng: random.Random) -> Happening | None:
        contact_id = self._untouched(rng, list(self.state.contacts))
        if contact_id is None:
            return None
        self._put(contact_id, job_title=f"{rng.choice(TITLES)} {rng.randrange(100)}")
        return Happening("dialpad", "edit", "contact", contact_id)

    def _new_contact(self, rng: random.Random) -> Happening:
        given, family = rng.choice(GIVEN), rng.choice(FAMILY)
        number = f"+1{rng.randrange(212, 990)}{rng.randrange(220, 500)}{rng.randrange(10_000):04d}"
        contact_id = f"ag5kZXZ-{self.state.new_id()}"
        self._touched[contact_id] = self.state.clock() // 1_000_000
        self._put(
            contact_id,
            first_name=given,
            last_name=family,
            display_name=f"{given} {family}",
            emails=[],
            phones=[number],
            primary_email=None,
            primary_phone=number,
        )
        return Happening("dialpad", "create", "contact", contact_id)

    def _delete_contact(self, rng: random.Random) -> Happening | None:
        contact_id = self._untouched(rng, list(self.state.contacts))
        if contact_id is None:
            return None
        self.state.delete_contact(contact_id)
        return Happening("dialpad", "delete", "contact", contact_id)

    def _put(self, contact_id: str, **fields: object) -> None:
        self.state.put_contact(contact_id, **fields)
        event: Record = {
            **self.state.contacts[contact_id],
            "event_timestamp": self.state.clock() // 1_000,
        }
        self.outbox.add("contact", event)

    def _untouched(self, rng: random.Random, ids: list[str]) -> str | None:
        """Of what bears no stamp of its own, one that has not changed within this second: a reader
        dates it by the second of the answer."""
        now = self.state.clock() // 1_000_000
        free = [one for one in ids if self._touched.get(one) != now]
        if not free:
            return None
        chosen = rng.choice(free)
        self._touched[chosen] = now
        return chosen
