"""Dead letters: the exact original with the reason why it could not be processed."""

import json
import traceback
from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.change import SOURCES, stable_hash
from schemas.clock import DAY_US
from schemas.envelope import SOURCE_PREFIX, TYPE_PREFIX, encode, topic_of
from schemas.errors import SkippableError
from schemas.flow import Arrival, Normalised, Received
from schemas.operations import DeadLetter
from schemas.version import PIPELINE_VERSION
from transforms.decode import without_secrets

MAX_STACK_BYTES = 8_192
MAX_ERROR_CHARACTERS = 1_000
MAX_PAYLOAD_BYTES = 9 * 1024 * 1024
"""Above this a payload does not fit a row of 10 MB and goes by claim check.
https://cloud.google.com/bigquery/quotas#write-api-limits"""

Store = Callable[[str, bytes], str]
"""Keeps bytes under a name and returns their address."""


class Original(NamedTuple):
    """The message that an element comes from."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    publish_time: int


def original(element: Received | Arrival | Normalised) -> Original:
    """The message behind an element of any step before Dedupe, without what is secret."""
    if isinstance(element, Received):
        clean = without_secrets(element)
        return Original(clean.data, clean.attributes, clean.message_id, clean.publish_time)
    arrival = element.arrival if isinstance(element, Normalised) else element
    message = encode(arrival.change)
    return Original(message.data, message.attributes, arrival.message_id, arrival.publish_time)


def dead_letter(
    source: Original,
    stage: str,
    error: BaseException,
    *,
    now: int,
    job_name: str,
    store: Store | None = None,
) -> DeadLetter:
    """The row of a message that could not be processed.

    The id is the same for the same message, stage and attempt, so that a retried bundle writes the
    same row. A topic stands in it only where the source could be read: replay needs one.
    """
    attributes = dict(source.attributes)
    expected = isinstance(error, SkippableError)
    name = attributes.get("ce-source", "").removeprefix(SOURCE_PREFIX)
    known = name if name in SOURCES else None
    attempt = attributes.get("ce-attempt", "1")
    identity = source.message_id or stable_hash(source.data, json.dumps(sorted(attributes.items())))
    dead_letter_id = stable_hash(identity, stage, attempt)
    payload, uri = source.data, None
    if len(payload) > MAX_PAYLOAD_BYTES and store is not None:
        uri, payload = store(f"dead-letters/{dead_letter_id}", payload), b""
    kind = attributes.get("ce-type", "")
    return DeadLetter(
        dead_letter_id=dead_letter_id,
        failed_at=now,
        failed_date=now // DAY_US,
        stage=getattr(error, "stage", stage),
        error_type=type(error).__name__,
        error_message=_readable(str(error))[:MAX_ERROR_CHARACTERS],
        stack_trace=None if expected else _stack(error),
        source=known,
        object_type=kind.removeprefix(TYPE_PREFIX) if kind.startswith(TYPE_PREFIX) else None,
        object_id=attributes.get("ce-objectid"),
        change_id=attributes.get("ce-id"),
        message_id=source.message_id or None,
        publish_time=source.publish_time or None,
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 9 else 1,
        retriable=not expected,
        pipeline_version=PIPELINE_VERSION,
        job_name=job_name,
        topic=topic_of(known) if known else None,
        attributes=json.dumps(attributes, ensure_ascii=False),
        payload=payload,
        payload_uri=uri,
    )


def _readable(text: str) -> str:
    """Lone surrogates escaped: a dead letter that could not be encoded would stop the stream."""
    return text.encode("utf-8", "backslashreplace").decode()


def _stack(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text.encode("utf-8", "replace")[-MAX_STACK_BYTES:].decode("utf-8", "replace")
