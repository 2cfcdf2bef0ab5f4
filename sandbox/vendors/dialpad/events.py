"""The events that Dialpad sends: the whole body is a compact HS256 JWT whose claims are the event.

https://developers.dialpad.com/docs/call-events
"""

from collections.abc import Iterator
from dataclasses import dataclass

import jwt
import requests

from sandbox.vendors.dialpad.seed import MINUTE_US, Record
from sandbox.vendors.dialpad.state import DialpadState

TRIES = 3
TIMEOUT_S = 10.0
_IDS = ("call_id", "master_call_id", "entry_point_call_id", "operator_call_id")
_TIMES = ("date_started", "date_rang", "date_connected", "date_ended", "event_timestamp")


def call_event(state: DialpadState, call_id: str, name: str, after_us: int = 0) -> Record:
    """An event of a call, in live form: ids are numbers, and fields come that no document has.

    Before the end nothing is known of it; `after_us` counts from the end, or from the start.
    """
    record = dict(state.calls[call_id])
    over = name in ("hangup", "missed") or _is_afterthought(name)
    base = int(record["date_ended" if over else "date_started"])
    record |= {
        **{one: None if record[one] is None else int(record[one]) for one in (*_IDS, *_TIMES)},
        "state": name,
        "event_timestamp": base + after_us // 1_000,
        "hold_time": None,
        "talk_time": record["duration"],
        "callback_requested": None,
        "date_first_rang": None,
        "target_availability_status": "open",
    }
    if not over:
        record |= {"date_ended": None, "duration": None, "total_duration": None, "talk_time": None}
    if name == "recap_summary":
        record["recap_summary"] = "They spoke of the quote."
    if name == "recap_action_items":
        record["recap_action_items"] = ["Send the quote"]
    if name == "call_transcription":
        record["transcription_text"] = "hello, about the quote"
    return record


def _is_afterthought(name: str) -> bool:
    return name.startswith(("recap_", "transcription", "call_transcription", "recording"))


def life_of(state: DialpadState, call_id: str) -> list[Record]:
    """All events of a call in their order: ringing to the recap."""
    return [
        call_event(state, call_id, "ringing", 1_000_000),
        call_event(state, call_id, "connected", 9_000_000),
        call_event(state, call_id, "hangup", 250_000),
        call_event(state, call_id, "call_transcription", 1 * MINUTE_US),
        call_event(state, call_id, "recap_summary", 3 * MINUTE_US),
        call_event(state, call_id, "recap_action_items", 3 * MINUTE_US + 1_000),
    ]


def sms_event(state: DialpadState, *, inbound: bool = True, text: str = "see you at ten") -> Record:
    """A text message, which only an event tells of."""
    rep = state.rng.choice(state.company.reps)
    person = state.rng.choice([one for one in state.company.people if one.numbers])
    ours, theirs = rep.number, person.numbers[0]
    now = state.clock() // 1_000
    return {
        "id": int(state.new_id()),
        "created_date": now,
        "event_timestamp": now,
        "direction": "inbound" if inbound else "outbound",
        "from_number": theirs if inbound else ours,
        "to_number": [ours if inbound else theirs],
        "text": text,
        "text_content": "",
        "mms": False,
        "mms_url": None,
        "message_status": "success",
        "message_delivery_result": None,
        "contact": {"id": "ag5kZXZ-x", "name": f"{person.given} {person.family}"},
        "target": {"id": int(state.user_ids[rep.user_id]), "type": "user", "name": rep.given},
        "sender_id": None,
    }


def signed(event: Record, secret: str) -> bytes:
    """The body that is sent."""
    return jwt.encode(event, secret, algorithm="HS256").encode()


def deliver(url: str, event: Record, secret: str | None = None) -> int:
    """Sends an event until it is taken, three times at the most; the last status. Without a secret
    it goes as plain JSON."""
    status = 0
    for _ in range(TRIES):
        if secret:
            answer = requests.post(url, data=signed(event, secret), timeout=TIMEOUT_S)
        else:
            answer = requests.post(url, json=event, timeout=TIMEOUT_S)
        status = answer.status_code
        if status < 500:
            return status
    return status


@dataclass(eq=False)
class Waiting:
    """An event on its way: to which address, and how often it was tried."""

    event: Record
    url: str
    tries: int = 0


class Outbox:
    """Events for whoever has subscribed: sent in their order, each until it is taken, three times
    at the most. How often Dialpad tries is written nowhere; a reader must not count on it."""

    def __init__(self, state: DialpadState) -> None:
        self._state = state
        self._waiting: list[Waiting] = []
        self._told: list[Waiting] = []
        self.given_up = 0

    def add(self, kind: str, event: Record) -> None:
        """Of a kind of subscription: call, sms or contact. Nobody hears of what nobody has asked
        for, later either."""
        for one in self._state.subscriptions[kind]:
            states = one.get("call_states") or ["all"]
            if one["enabled"] and (kind != "call" or {"all", event["state"]}.intersection(states)):
                waiting = Waiting(event, one["webhook"]["hook_url"])
                self._waiting.append(waiting)
                self._told.append(waiting)

    def told(self) -> Iterator[Record]:
        """Events that were taken, or will be; in their order."""
        return (one.event for one in list(self._told))

    def send(self, secret: str) -> list[int]:
        """Tries every event that waits once; the statuses, 0 where nobody answered."""
        with self._state.lock:
            waiting, self._waiting = self._waiting, []
        statuses, again = [], []
        for one in waiting:
            statuses.append(_posted(one.url, signed(one.event, secret)))
            one.tries += 1
            if 200 <= statuses[-1] < 300:
                continue
            if one.tries < TRIES:
                again.append(one)
            else:
                self.given_up += 1
                self._told.remove(one)
        with self._state.lock:
            self._waiting = again + self._waiting
        return statuses


def _posted(url: str, body: bytes) -> int:
    try:
        return requests.post(url, data=body, timeout=TIMEOUT_S).status_code
    except requests.RequestException:
        return 0
