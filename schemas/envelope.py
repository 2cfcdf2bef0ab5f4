"""A change as a Pub/Sub message: CloudEvents 1.0 in binary mode.

The payload is the message's data, byte for byte; everything else stands in attributes.
Specification: https://github.com/cloudevents/spec (Pub/Sub protocol binding, binary content mode).
Limits: https://cloud.google.com/pubsub/quotas#resource_limits
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

from schemas.change import (
    LANES,
    OBJECT_ID,
    OBJECT_TYPE,
    OPERATIONS,
    SOURCES,
    Change,
    Lane,
    Operation,
    Source,
    payload_digest,
    stable_hash,
)
from schemas.clock import MAX_US, MIN_US, rfc3339
from schemas.errors import InvalidEnvelope

MAX_MESSAGE_BYTES = 10_000_000
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1_024
MAX_ORDERING_KEY_BYTES = 1_024
CLAIM_CHECK_BYTES = 7_000_000
"""Above this a payload goes to the object store and the message carries its address."""

MAX_ATTEMPT = 1_000
SPEC_VERSION = "1.0"
TYPE_PREFIX = "salesintel.change."
SOURCE_PREFIX = "//salesintel/"


class Message(NamedTuple):
    """What Pub/Sub carries: `data` and string `attributes`."""

    data: bytes
    attributes: dict[str, str]


def topic_of(source: str) -> str:
    """Name of the topic that carries a source's changes."""
    return f"changes-{source}"


def subject_of(change: Change) -> str:
    """The object, hashed: the CloudEvents subject and the ordering key."""
    return stable_hash(change.source, change.object_type, change.object_id)


def encode(change: Change) -> Message:
    """The message that carries a change."""
    attributes = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": change.change_id,
        "ce-source": SOURCE_PREFIX + change.source,
        "ce-type": TYPE_PREFIX + change.object_type,
        "ce-subject": subject_of(change),
        "ce-time": rfc3339(change.stamp),
        "ce-objectid": change.object_id,
        "ce-operation": change.operation,
        "ce-stamp": str(change.stamp),
        "ce-fetched": str(change.fetched),
        "ce-digest": change.digest,
        "ce-lane": change.lane,
        "ce-attempt": str(change.attempt),
        "content-type": change.content_type,
    }
    if change.successor:
        attributes["ce-successor"] = change.successor
    if change.dataref:
        attributes["ce-dataref"] = change.dataref
        return Message(b"", attributes)
    return Message(change.payload, attributes)


def decode(data: bytes, attributes: Mapping[str, str]) -> Change:
    """The change that a message carries; InvalidEnvelope says which attribute is at fault.

    A claim-checked payload is not fetched here: `verify` is for the step that has fetched it.
    """
    if attributes.get("ce-specversion") != SPEC_VERSION:
        raise InvalidEnvelope("ce-specversion is not 1.0")
    change = Change(
        source=cast(Source, _one_of(attributes, "ce-source", SOURCES, SOURCE_PREFIX)),
        object_type=_object_type(attributes),
        object_id=_object_id(attributes, "ce-objectid"),
        operation=cast(Operation, _one_of(attributes, "ce-operation", OPERATIONS)),
        stamp=_integer(attributes, "ce-stamp", MIN_US, MAX_US),
        fetched=_integer(attributes, "ce-fetched", MIN_US, MAX_US),
        payload=data,
        digest=_text(attributes, "ce-digest"),
        content_type=attributes.get("content-type", "application/json"),
        lane=cast(Lane, _one_of(attributes, "ce-lane", LANES)),
        attempt=_integer(attributes, "ce-attempt", 1, MAX_ATTEMPT),
        successor=_object_id(attributes, "ce-successor") if attributes.get("ce-successor") else "",
        dataref=attributes.get("ce-dataref", ""),
    )
    if change.operation == "merge" and not change.successor:
        raise InvalidEnvelope("ce-successor is missing: a merge names the record that lives on")
    if attributes.get("ce-id") != change.change_id:
        raise InvalidEnvelope("ce-id does not match the attributes that it is made of")
    return change if change.dataref else verify(change)


def verify(change: Change) -> Change:
    """The change itself when its payload has the digest it names, else InvalidEnvelope."""
    if payload_digest(change.operation, change.payload, change.successor) != change.digest:
        raise InvalidEnvelope("ce-digest does not match the payload")
    return change


def _text(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name, "")
    if not value:
        raise InvalidEnvelope(f"{name} is missing")
    return value


def _one_of(
    attributes: Mapping[str, str], name: str, known: tuple[str, ...], prefix: str = ""
) -> str:
    value = _text(attributes, name)
    if not value.startswith(prefix) or value[len(prefix) :] not in known:
        raise InvalidEnvelope(f"{name} is none of {', '.join(known)}")
    return value[len(prefix) :]


def _object_type(attributes: Mapping[str, str]) -> str:
    value = _text(attributes, "ce-type")
    object_type = value.removeprefix(TYPE_PREFIX)
    if object_type == value or not OBJECT_TYPE.match(object_type):
        raise InvalidEnvelope(f"ce-type is not {TYPE_PREFIX}<object type>")
    return object_type


def _object_id(attributes: Mapping[str, str], name: str) -> str:
    value = _text(attributes, name)
    if not OBJECT_ID.match(value):
        raise InvalidEnvelope(f"{name} has characters that an object id cannot have")
    return value


def _integer(attributes: Mapping[str, str], name: str, low: int, high: int) -> int:
    value = _text(attributes, name)
    # isdigit alone lets "²" pass; int() alone lets "1_0" and " 1 " pass.
    if len(value) > 20 or not value.isascii() or not value.removeprefix("-").isdigit():
        raise InvalidEnvelope(f"{name} is not a whole number")
    number = int(value)
    if not low <= number <= high:
        raise InvalidEnvelope(f"{name} is outside {low} to {high}")
    return number
