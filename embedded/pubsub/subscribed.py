"""A subscription as its protobuf describes it, with its deliveries."""

import re
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf import field_mask_pb2
from google.pubsub_v1 import types

from embedded.pubsub.deliveries import Backoff, Deliveries
from embedded.pubsub.store import Store, Stored, StoredSubscription
from schemas.clock import Clock

SubscriptionPb = types.Subscription.pb()

# https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#subscription
ACK_DEADLINE_S = 10
MIN_ACK_DEADLINE_S = 10
MAX_ACK_DEADLINE_S = 600
RETENTION_S = 7 * 86_400
DELIVERY_ATTEMPTS = 5
MIN_DELIVERY_ATTEMPTS = 5
MAX_DELIVERY_ATTEMPTS = 100
MIN_BACKOFF_US = 10_000_000
MAX_BACKOFF_US = 600_000_000

NAME = re.compile("projects/[^/]+/subscriptions/[^/]+")

FIXED = ("name", "topic", "enable_message_ordering", "filter")
"""What an update may not change."""


class Received(NamedTuple):
    """A message as it is delivered."""

    ack_id: str
    stored: Stored
    attempt: int
    """0 where the subscription has no dead-letter policy."""


def completed(pb: Any) -> Any:
    """A copy with its defaults; NotImplementedError or ValueError for what cannot be served."""
    if not NAME.fullmatch(pb.name):
        raise ValueError("a subscription is called projects/PROJECT/subscriptions/NAME")
    if pb.filter:
        raise NotImplementedError("this server has no filters: filter in the subscriber")
    if pb.push_config.push_endpoint:
        raise NotImplementedError("this server does not push: pull instead")
    made = SubscriptionPb()
    made.CopyFrom(pb)
    made.ack_deadline_seconds = deadline = made.ack_deadline_seconds or ACK_DEADLINE_S
    if not MIN_ACK_DEADLINE_S <= deadline <= MAX_ACK_DEADLINE_S:
        raise ValueError(
            f"ack deadline {deadline} is not {MIN_ACK_DEADLINE_S} to {MAX_ACK_DEADLINE_S} s"
        )
    if not made.message_retention_duration.seconds:
        made.message_retention_duration.seconds = RETENTION_S
    if made.HasField("dead_letter_policy"):
        policy = made.dead_letter_policy
        policy.max_delivery_attempts = most = policy.max_delivery_attempts or DELIVERY_ATTEMPTS
        if not MIN_DELIVERY_ATTEMPTS <= most <= MAX_DELIVERY_ATTEMPTS:
            raise ValueError(
                f"max delivery attempts {most} is not "
                f"{MIN_DELIVERY_ATTEMPTS} to {MAX_DELIVERY_ATTEMPTS}"
            )
    return made


def updated(old: Any, new: Any, paths: Sequence[str]) -> Any:
    """A copy of `old` with the named fields of `new`; ValueError for a field that may not change.

    NotImplementedError as `completed`.
    """
    mask = field_mask_pb2.FieldMask(paths=paths)
    if not paths or not mask.IsValidForDescriptor(SubscriptionPb.DESCRIPTOR):
        raise ValueError("the update mask has to name fields of a subscription")
    for path in paths:
        if path in FIXED:
            raise ValueError(f"{path} of a subscription cannot be changed")
    made = SubscriptionPb()
    made.CopyFrom(old)
    mask.MergeMessage(new, made, True, True)
    return completed(made)


def backoff(pb: Any) -> Backoff:
    """The pauses of a subscription's retry policy; none where it has none."""
    if not pb.HasField("retry_policy"):
        return Backoff()
    policy = pb.retry_policy
    return Backoff(
        policy.minimum_backoff.ToMicroseconds()
        if policy.HasField("minimum_backoff")
        else MIN_BACKOFF_US,
        policy.maximum_backoff.ToMicroseconds()
        if policy.HasField("maximum_backoff")
        else MAX_BACKOFF_US,
    )


class Subscribed:
    """A subscription between two seeks."""

    def __init__(self, stored: StoredSubscription, store: Store, clock: Clock) -> None:
        self.stored = stored
        self.pb: Any = SubscriptionPb.FromString(stored.body)
        self.forwarding = threading.Lock()
        """Held while exhausted messages go to the dead-letter topic, so that each goes once."""
        self.deliveries = Deliveries(
            store.unacknowledged(stored.id, stored.topic),
            stored.floor,
            clock,
            ordered=self.pb.enable_message_ordering,
            backoff=backoff(self.pb),
        )

    def change(self, pb: Any) -> None:
        """Goes on under other settings."""
        self.pb = pb
        self.deliveries.backoff = backoff(pb)
