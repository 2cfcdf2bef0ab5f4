"""Names of topics and subscriptions, once, for all who publish, read or provision them."""

from typing import NamedTuple

from schemas.change import SOURCES
from schemas.envelope import topic_of

DEAD_LETTERS_TOPIC = "dead-letters"
DECISIONS_TOPIC = "decisions"
IDENTITY_CHANGES_TOPIC = "identity-changes"
HINT_SOURCES = ("gmail", "hubspot")
"""Whose webhooks say only that something has changed: fetchers read the whole of it."""


def hints_topic(source: str) -> str:
    """Name of the topic that carries a source's hints."""
    return f"hints-{source}"


class Subscription(NamedTuple):
    """A subscription that the pipeline reads; `ack_deadline_s` in seconds."""

    name: str
    topic: str
    ack_deadline_s: int = 60


RETENTION_S = 7 * 86_400
"""How long messages stay, acknowledged or not: seek is the rewind button."""

PIPELINE_SUBSCRIPTIONS: tuple[Subscription, ...] = tuple(
    Subscription(f"pipeline-{topic_of(source)}", topic_of(source)) for source in SOURCES
)
TOPICS: tuple[str, ...] = (
    *(topic_of(source) for source in SOURCES),
    *(hints_topic(source) for source in HINT_SOURCES),
    DECISIONS_TOPIC,
    DEAD_LETTERS_TOPIC,
    IDENTITY_CHANGES_TOPIC,
)
