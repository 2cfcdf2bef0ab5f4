"""HubSpot's webhooks: up to 100 events a request, each of which becomes a hint to read a record.

HubSpot repeats what is answered 5xx or 429 up to ten times within a day, and nothing that is
answered 4xx; it keeps no order, and says of sensitive properties only REDACTED. So no value of an
event is ever used.
"""

import threading
from collections import Counter, OrderedDict
from typing import Any

import msgspec

from connectors.bad_input import BadInput
from connectors.hubspot.events import TEST_EVENT, coalesced, event_key, hints_of
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.signature import verify
from connectors.json_text import readable
from connectors.secrets import Secrets
from connectors.webhooks.receiver import Delivery, Hint, InvalidSignature, Received
from schemas.change import Source
from schemas.clock import Clock, wall_clock
from schemas.errors import ConfigurationError

REMEMBERED = 20_000
"""Events whose repetition is dropped here; what is repeated later costs a read and no more."""


class HubSpotReceiver:
    """A `Receiver`."""

    source: Source = "hubspot"

    def __init__(
        self, settings: HubSpotSettings, secrets: Secrets, clock: Clock = wall_clock
    ) -> None:
        if not settings.webhook_secrets:
            raise ConfigurationError(
                "hubspot: webhook_secrets is empty: name the secret that holds the app's client"
                " secret, or nobody can tell whose a request is"
            )
        self._settings = settings
        self._secrets = secrets
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, None] = OrderedDict()

    def receive(self, delivery: Delivery) -> Received:
        """As Receiver."""
        try:
            self._verify(delivery, renew=False)
        except InvalidSignature as refused:
            if str(refused) != "signature":
                raise
            self._verify(delivery, renew=True)
        try:
            events = msgspec.json.decode(readable(delivery.body))
        except (msgspec.DecodeError, RecursionError):
            events = None
        if not isinstance(events, list):
            return Received(bad=(_bad("no JSON array of events", delivery.body),))
        return self._read(events)

    def published(self, received: Received) -> None:
        """As Receiver."""
        with self._lock:
            for key in received.keys:
                self._known[key] = None
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _verify(self, delivery: Delivery, renew: bool) -> None:
        get = self._secrets.renew if renew else self._secrets.get
        found = [get(one).reveal().encode() for one in self._settings.webhook_secrets]
        if not all(found):
            raise ConfigurationError("hubspot: a secret of the webhook is empty: anybody has that")
        verify(delivery, found, self._settings.signatures, self._clock() // 1_000)

    def _read(self, events: list[Any]) -> Received:
        hints, bad, keys = [], [], []
        notes: Counter[str] = Counter(events=len(events))
        for event in events:
            found = hints_of(event) if isinstance(event, dict) else None
            if found is None:
                bad.append(_bad("not the fields of an event", msgspec.json.encode(event)))
                continue
            what = self._passed_over(event)
            if not what and not found:
                what = "other_objects"
            if what:
                notes[what] += 1
                continue
            keys.append(event_key(event))
            hints += [hint for hint in found if hint.object in self._settings.objects]
        data = [msgspec.json.encode(hint) for hint in coalesced(hints)]
        return Received(
            hints=tuple(Hint(self.source, one) for one in data),
            bad=tuple(bad),
            keys=tuple(keys),
            notes=notes,
        )

    def _passed_over(self, event: dict[str, Any]) -> str:
        portal = self._settings.portal_id
        if portal and str(event.get("portalId")) != str(portal):
            return "other_portals"
        if (event.get("eventId"), event.get("objectId")) == TEST_EVENT:
            return "test_events"
        with self._lock:
            return "repeated" if event_key(event) in self._known else ""


def _bad(reason: str, data: bytes) -> BadInput:
    return BadInput("hubspot", "hubspot webhook", reason, data, "live")
