"""Dead letters back into the stream, exactly as they came, attempt + 1."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from google.cloud import bigquery

from connectors.objects import ObjectStore
from connectors.publisher import ChangePublisher
from schemas.errors import ConfigurationError
from schemas.operations import DeadLetter
from schemas.tables import BY_ID
from schemas.topology import FETCH_SUBSCRIPTIONS, GIVEN_UP_BY
from transforms.decode import IMPORT_ERROR
from warehouse.latest import select, table_reference


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters; an empty field means any."""

    stage: str = ""
    error_type: str = ""
    source: str = ""
    dead_letter_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 10_000


_SOURCE = r"COALESCE(source, REGEXP_EXTRACT(topic, r'^changes-(.+)$'), 'unknown')"
"""As ops.dead_letters_summary names it, from where a person has it."""

Message = tuple[str, bytes, dict[str, str]]
"""Topic, data and attributes."""


class Replayed(NamedTuple):
    """How many were published, and how many have nothing that could be published."""

    published: int
    left: int


def dead_letters(client: bigquery.Client, chosen: Selection) -> Iterator[DeadLetter]:
    """The dead letters that are meant, oldest first, each once."""
    table = BY_ID["ops.dead_letters"]
    conditions, parameters = ["TRUE"], []
    for name in ("stage", "error_type", "source", "dead_letter_id"):
        value = getattr(chosen, name)
        if value:
            conditions.append(f"{_SOURCE if name == 'source' else name} = @{name}")
            parameters.append(bigquery.ScalarQueryParameter(name, "STRING", value))
    for name, sign in (("since", ">="), ("until", "<")):
        moment = getattr(chosen, name)
        if moment is not None:
            conditions.append(f"failed_at {sign} @{name}")
            parameters.append(bigquery.ScalarQueryParameter(name, "TIMESTAMP", moment))
    if chosen.since is not None:
        # The partition says the same, and spares the days before.
        conditions.append("failed_date >= DATE(@since)")
    parameters.append(bigquery.ScalarQueryParameter("most", "INT64", chosen.limit))
    sql = (
        f"SELECT * FROM {table_reference(client, table)} "  # noqa: S608 (own names)
        f"WHERE {' AND '.join(conditions)} "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY dead_letter_id ORDER BY failed_at DESC) = 1 "
        "ORDER BY failed_at, dead_letter_id LIMIT @most"
    )
    yield from select(client, DeadLetter, sql, parameters)


def message_of(
    letter: DeadLetter, objects: ObjectStore
) -> tuple[str, bytes, dict[str, str]] | None:
    """Topic, data and attributes of a replay; None where the letter names no topic.

    An input that an import could not read is no change: it is mended in its file and imported anew.
    """
    attributes: dict[str, Any] = json.loads(letter.attributes)
    if not letter.topic or IMPORT_ERROR in attributes:
        return None
    payload = letter.payload
    if letter.payload_uri:
        try:
            payload = objects.get(letter.payload_uri)
        except LookupError:
            raise ConfigurationError(
                f"the payload of dead letter {letter.dead_letter_id} is gone: {letter.payload_uri}"
            ) from None
    attributes["ce-attempt"] = str(letter.attempt + 1)
    attributes["ce-lane"] = "replay"
    return _topic(letter.topic, attributes), payload, attributes


def _topic(topic: str, attributes: dict[str, Any]) -> str:
    """Where it came from: a hint that was given up goes to the fetchers again, without what Pub/Sub
    had added to it."""
    giver = attributes.get(GIVEN_UP_BY)
    given = [name for name in attributes if name.startswith("CloudPubSubDeadLetter")]
    for name in given:
        del attributes[name]
    origins = [one.topic for one in FETCH_SUBSCRIPTIONS.values() if one.name == giver]
    return origins[0] if origins else topic


def replay(letters: list[DeadLetter], publisher: ChangePublisher, objects: ObjectStore) -> Replayed:
    """Publishes the letters and waits until all are taken."""
    published = 0
    for letter in letters:
        message = message_of(letter, objects)
        if message is not None:
            publisher.publish_message(*message)
            published += 1
    publisher.flush()
    return Replayed(published, len(letters) - published)
