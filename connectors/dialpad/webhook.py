"""Dialpad's events as changes: each carries the whole record, so nothing has to be fetched.

An event of a state that a call is in is the call at that moment. Any other (a recap, a recording,
what nobody has told us of yet) is a part of its own under the call, so that it says nothing of how
the call went. https://developers.dialpad.com/docs/call-events
"""

import threading
from collections import OrderedDict

from connectors.bad_input import BadInput
from connectors.dialpad.records import (
    STATES,
    Fields,
    call_stamp,
    excludes,
    fields_of,
    first_of,
    id_of,
)
from connectors.dialpad.settings import DialpadSettings
from connectors.dialpad.signature import Opener
from connectors.exclusions import Excluder, Exclusions
from connectors.json_text import readable
from connectors.secrets import Secrets
from connectors.webhooks.receiver import Delivery, InvalidSignature, Received
from schemas.change import Change, Source, new_change
from schemas.clock import DAY_US, Clock, wall_clock
from schemas.errors import ConfigurationError, InvalidPayload

REMEMBERED = 100_000
_SMS = frozenset(("from_number", "to_number", "text_content", "message_status"))
_CONTACT = frozenset(("phones", "emails", "primary_email", "primary_phone", "display_name"))


class DialpadReceiver:
    """A `Receiver`."""

    source: Source = "dialpad"

    def __init__(
        self,
        settings: DialpadSettings,
        secrets: Secrets,
        exclusions: Exclusions | None = None,
        *,
        clock: Clock = wall_clock,
    ) -> None:
        if not settings.webhook_secrets and not settings.allow_unsigned:
            raise ConfigurationError(
                "dialpad: webhook_secrets is empty: name the secret that the webhook was made with,"
                " or anybody can send us events"
            )
        self._opener = Opener(settings.webhook_secrets, secrets)
        self._signed = bool(settings.webhook_secrets)
        self._oldest_us = int(settings.webhook_oldest_days * DAY_US)
        self._excluder = Excluder(exclusions or Exclusions())
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def receive(self, delivery: Delivery) -> Received:
        """As Receiver."""
        if delivery.method != "POST":
            raise InvalidSignature("no POST")
        signed = self._opener.open(delivery.body) if self._signed else delivery.body
        payload = readable(signed)
        try:
            fields = fields_of(payload)
            change = read_event(fields, payload)
        except InvalidPayload as error:
            bad = BadInput("dialpad", "dialpad event", str(error), signed, "live")
            return Received(bad=(bad,))
        if change is None:
            return Received(notes={"left_to_the_poller": 1})
        if excludes(self._excluder, change, fields):
            return Received(excluded=1)
        if change.fetched < self._clock() - self._oldest_us:
            return Received(notes={"too_old": 1})
        with self._lock:
            # The call, its state, the event's time and all that it says: one that says more under
            # the same three is no repetition.
            if change.change_id in self._seen:
                return Received(notes={"repeated": 1})
        return Received(changes=(change,), keys=(change.change_id,))

    def published(self, received: Received) -> None:
        """As Receiver: from now on the same event is a repetition."""
        with self._lock:
            for key in received.keys:
                self._seen[key] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def read_event(fields: Fields, payload: bytes) -> Change | None:
    """The change that an event is; None where a poll will tell better. InvalidPayload where it is
    of no kind that we know, or lacks its id or every time."""
    happened = first_of(fields, "event_timestamp")
    call_id = id_of(fields.get("call_id"))
    if call_id:
        state = str(fields.get("state") or "").strip().lower()
        stamp = call_stamp(fields) if state in STATES else happened
        stamp = call_stamp(fields) if stamp is None else stamp
        kind = "call" if state in STATES else "call_event"
        object_id = call_id if kind == "call" else f"{call_id}:{state}"
        return _change(kind, object_id, payload, stamp, happened)
    object_id = id_of(fields.get("id"))
    if object_id and fields.keys() & _SMS:
        stamp = first_of(fields, "event_timestamp", "created_date")
        return _change("sms", object_id, payload, stamp, happened)
    if object_id and fields.keys() & _CONTACT:
        # Listed whole at every poll, and only a list that lacks it tells that one is gone: one that
        # was told here, and went before any list had it, would live on for ever.
        return None
    raise InvalidPayload("an event of no kind that we know")


def _change(
    kind: str, object_id: str, payload: bytes, stamp: int | None, happened: int | None
) -> Change:
    if stamp is None:
        raise InvalidPayload("an event without a time")
    fetched = stamp if happened is None else happened
    return new_change("dialpad", kind, object_id, payload, stamp=stamp, fetched=fetched)
