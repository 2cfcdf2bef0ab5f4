"""Names of topics and subscriptions, once, for all who publish, read or provision them."""

from typing import NamedTuple

from schemas.change import SOURCES
from schemas.envelope import topic_of

DEAD_LETTERS_TOPIC = "dead-letters"
DECISIONS_TOPIC = "decisions"
IDENTITY_CHANGES_TOPIC = "identity-changes"
NOTIFICATIONS_TOPIC = "notifications"
HINT_SOURCES = ("gmail", "hubspot")
"""Whose webhooks say only that something has changed: fetchers read the whole of it."""


def hints_topic(source: str) -> str:
    """Name of the topic that carries a source's hints."""
    return f"hints-{source}"


class Subscription(NamedTuple):
    """A subscription; `ack_deadline_s` in seconds."""

    name: str
    topic: str
    ack_deadline_s: int = 60
    given_up_to: str = ""
    """Topic to which Pub/Sub forwards what was delivered `HINT_ATTEMPTS` times in vain. Empty: what
    is not acknowledged is delivered again as long as it is kept."""
    pauses_s: tuple[int, int] | None = None
    """Least and longest, between two deliveries of what was given back; None: at once.
    https://cloud.google.com/pubsub/docs/handling-failures"""


RETENTION_S = 7 * 86_400
"""How long messages stay, acknowledged or not: seek is the rewind button."""

PIPELINE_SUBSCRIPTIONS: tuple[Subscription, ...] = tuple(
    Subscription(f"pipeline-{topic_of(source)}", topic_of(source)) for source in SOURCES
)
DECISIONS_SUBSCRIPTION = Subscription(f"pipeline-{DECISIONS_TOPIC}", DECISIONS_TOPIC)
HINT_ATTEMPTS = 100
"""The most that Pub/Sub allows; with the pauses that is most of a day, and a poll meets meanwhile
what a hint would have told. https://cloud.google.com/pubsub/docs/dead-letter-topics"""
HINT_PAUSES_S = (10, 600)
GIVEN_UP_BY = "CloudPubSubDeadLetterSourceSubscription"
"""Attribute that Pub/Sub adds to what it forwards: the subscription's name."""

# To the source's own changes, where it is no change and so a row of ops.dead_letters, as everything
# that fails: no topic that nobody reads, and it holds where the fetcher dies of a hint, too.
FETCH_SUBSCRIPTIONS: dict[str, Subscription] = {
    source: Subscription(
        f"fetch-{source}",
        hints_topic(source),
        ack_deadline_s=60,
        given_up_to=topic_of(source),
        pauses_s=HINT_PAUSES_S,
    )
    for source in HINT_SOURCES
}
"""Source to the subscription that its fetcher reads."""

# Never given up: an alert that cannot be delivered stays until it can, or a week is over.
NOTIFY_SUBSCRIPTION = Subscription(
    "notify", NOTIFICATIONS_TOPIC, ack_deadline_s=60, pauses_s=(10, 600)
)

TOPICS: tuple[str, ...] = (
    *(topic_of(source) for source in SOURCES),
    *(hints_topic(source) for source in HINT_SOURCES),
    DECISIONS_TOPIC,
    DEAD_LETTERS_TOPIC,
    IDENTITY_CHANGES_TOPIC,
    NOTIFICATIONS_TOPIC,
)
