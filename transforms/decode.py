"""From a message that nothing has believed yet to a change."""

from collections.abc import Callable

from schemas import envelope
from schemas.change import Change
from schemas.errors import InvalidEnvelope, SkippableError
from schemas.flow import Arrival, Received
from schemas.topology import GIVEN_UP_BY

IMPORT_ERROR = "ce-import-error"
"""Attribute of a message that carries an input which an import could not read: the reason."""

SECRET_ATTRIBUTES = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-hubspot-signature",
        "x-hubspot-signature-v3",
    }
)
"""No dead letter holds one; nothing else of the graph keeps attributes."""

Fetch = Callable[[str], bytes]
"""Returns the bytes at an address (claim check); LookupError where there are none."""


class InvalidInput(SkippableError):
    """An input that an import could not read; the reason names file and line."""

    stage = "import"


class GivenUp(SkippableError):
    """A message that was delivered in vain until Pub/Sub gave it up."""

    stage = "fetch"


def without_secrets(received: Received) -> Received:
    """The message without the attributes that are secrets."""
    if not any(name.lower() in SECRET_ATTRIBUTES for name in received.attributes):
        return received
    kept = {
        name: value
        for name, value in received.attributes.items()
        if name.lower() not in SECRET_ATTRIBUTES
    }
    return Received(received.data, kept, received.message_id, received.publish_time)


def decode_message(received: Received, fetch: Fetch) -> Arrival:
    """The change in a message; SkippableError says why there is none."""
    reason = received.attributes.get(IMPORT_ERROR)
    if reason is not None:
        raise InvalidInput(reason)
    giver = received.attributes.get(GIVEN_UP_BY)
    if giver is not None:
        raise GivenUp(f"{giver} could not be served with it, however often it was tried")
    change = envelope.decode(received.data, received.attributes)
    if change.dataref:
        change = _claimed(change, fetch)
    return Arrival(change, received.message_id, received.publish_time)


def _claimed(change: Change, fetch: Fetch) -> Change:
    try:
        payload = fetch(change.dataref)
    except LookupError:
        raise InvalidEnvelope("ce-dataref names nothing that is there") from None
    fields = {name: getattr(change, name) for name in change.__struct_fields__}
    return envelope.verify(Change(**{**fields, "payload": payload}))
