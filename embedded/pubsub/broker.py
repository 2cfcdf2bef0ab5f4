"""Topics and subscriptions: what the two services do, without gRPC."""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from google.pubsub_v1 import types

from embedded.pubsub.deliveries import Deliveries
from embedded.pubsub.store import Publication, Store, Stored, StoredSubscription
from schemas.clock import Clock

TopicPb = types.Topic.pb()
SubscriptionPb = types.Subscription.pb()

ACK_DEADLINE_S = 10
RETENTION_S = 7 * 86_400
LONG_POLL_S = 1.0
RECHECK_S = 0.1
"""How often a waiting pull looks for leases that have expired."""


class NotFound(LookupError):
    """No topic or subscription of that name."""


class AlreadyExists(ValueError):
    """The name is taken."""


class Received(NamedTuple):
    """A message as it is delivered."""

    ack_id: str
    stored: Stored
    attempt: int
    """0 where the subscription has no dead-letter policy."""


class Subscribed:
    """A subscription with its deliveries."""

    def __init__(self, stored: StoredSubscription, store: Store, clock: Clock) -> None:
        self.stored = stored
        self.pb: Any = SubscriptionPb.FromString(stored.body)
        retry = self.pb.retry_policy
        least = retry.minimum_backoff.seconds * 1_000_000
        most = (retry.maximum_backoff.seconds or 600) * 1_000_000
        self.deliveries = Deliveries(
            store.unacknowledged(stored.id, stored.topic),
            stored.floor,
            clock,
            ordered=self.pb.enable_message_ordering,
            backoff_us=(least, most) if self.pb.HasField("retry_policy") else (0, 0),
        )


class Broker:
    """All topics and subscriptions of one directory."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._topics: dict[str, tuple[int, Any]] = {
            name: (number, TopicPb.FromString(body)) for number, name, body in store.topics()
        }
        self._subscriptions: dict[str, Subscribed] = {
            stored.name: Subscribed(stored, store, clock) for stored in store.subscriptions()
        }
        self._publish_locks: dict[int, threading.Lock] = {}

    def create_topic(self, topic: Any) -> Any:
        """The topic; AlreadyExists where the name is taken."""
        with self._lock:
            if topic.name in self._topics:
                raise AlreadyExists(topic.name)
            number = self._store.create_topic(topic.name, topic.SerializeToString())
            self._topics[topic.name] = (number, topic)
        return topic

    def topic(self, name: str) -> Any:
        """The topic of a name; NotFound."""
        return self._topic(name)[1]

    def _topic(self, name: str) -> tuple[int, Any]:
        try:
            return self._topics[name]
        except KeyError:
            raise NotFound(name) from None

    def topics(self, project: str) -> list[Any]:
        """Topics of a project, by name."""
        prefix = f"{project}/topics/"
        return [pb for name, (_, pb) in sorted(self._topics.items()) if name.startswith(prefix)]

    def delete_topic(self, name: str) -> None:
        """Its subscriptions stay and see nothing more, as in Pub/Sub."""
        with self._lock:
            number, _ = self._topic(name)
            self._store.delete_topic(number)
            del self._topics[name]
            for subscribed in self._subscriptions.values():
                if subscribed.stored.topic == number:
                    subscribed.pb.topic = "_deleted-topic_"

    def subscriptions_of(self, topic: str) -> list[str]:
        """Names of the subscriptions of a topic."""
        number, _ = self._topic(topic)
        return sorted(n for n, s in self._subscriptions.items() if s.stored.topic == number)

    def create_subscription(self, pb: Any) -> Any:
        """The subscription, its defaults filled in."""
        with self._lock:
            if pb.name in self._subscriptions:
                raise AlreadyExists(pb.name)
            number, _ = self._topic(pb.topic)
            pb.ack_deadline_seconds = pb.ack_deadline_seconds or ACK_DEADLINE_S
            if not pb.message_retention_duration.seconds:
                pb.message_retention_duration.seconds = RETENTION_S
            stored = self._store.create_subscription(pb.name, number, pb.SerializeToString())
            self._subscriptions[pb.name] = Subscribed(stored, self._store, self._clock)
        return pb

    def update_subscription(self, pb: Any, paths: Sequence[str]) -> Any:
        """Changes the named fields."""
        with self._lock:
            subscribed = self.subscribed(pb.name)
            changed = SubscriptionPb()
            changed.CopyFrom(subscribed.pb)
            for path in paths:
                changed.ClearField(path)
                field = getattr(pb, path)
                if hasattr(field, "CopyFrom"):
                    getattr(changed, path).CopyFrom(field)
                else:
                    setattr(changed, path, field)
            self._store.update_subscription(subscribed.stored.id, changed.SerializeToString())
            subscribed.pb = changed
        return changed

    def subscribed(self, name: str) -> Subscribed:
        """The subscription of a name; NotFound."""
        try:
            return self._subscriptions[name]
        except KeyError:
            raise NotFound(name) from None

    def subscriptions(self, project: str) -> list[Any]:
        """Subscriptions of a project, by name."""
        prefix = f"{project}/subscriptions/"
        return [s.pb for n, s in sorted(self._subscriptions.items()) if n.startswith(prefix)]

    def delete_subscription(self, name: str) -> None:
        """Forgets a subscription and what it had acknowledged."""
        with self._lock:
            subscribed = self.subscribed(name)
            del self._subscriptions[name]
            self._store.delete_subscription(subscribed.stored.id)

    def publish(self, topic: str, messages: Sequence[Publication]) -> list[int]:
        """Ids of the messages, when they are on disk."""
        number, _ = self._topic(topic)
        ids, _ = self._store.publish(number, messages)
        arrived = [(i, m.ordering) for i, m in zip(ids, messages, strict=True)]
        with self._lock:
            listening = [s for s in self._subscriptions.values() if s.stored.topic == number]
        for subscribed in listening:
            subscribed.deliveries.arrive(arrived)
        return ids

    def pull(self, name: str, most: int, wait_s: float = LONG_POLL_S) -> list[Received]:
        """At most `most` messages; waits a while where there are none."""
        end = time.monotonic() + wait_s
        while True:
            subscribed = self.subscribed(name)
            self._dead_letter(subscribed)
            taken = subscribed.deliveries.take(most, subscribed.pb.ack_deadline_seconds)
            if taken:
                return self._received(subscribed, taken)
            left = end - time.monotonic()
            if left <= 0:
                return []
            with subscribed.deliveries.changed:
                subscribed.deliveries.changed.wait(min(left, RECHECK_S))

    def _received(self, subscribed: Subscribed, taken: Sequence[Any]) -> list[Received]:
        found = self._store.fetch([delivered.message for delivered in taken])
        counts = subscribed.pb.HasField("dead_letter_policy")
        gone = [delivered.ack_id for delivered in taken if delivered.message not in found]
        if gone:
            # Their retention has ended in the meantime.
            subscribed.deliveries.acknowledge(gone)
        return [
            Received(d.ack_id, found[d.message], d.attempt if counts else 0)
            for d in taken
            if d.message in found
        ]

    def _dead_letter(self, subscribed: Subscribed) -> None:
        policy = subscribed.pb.dead_letter_policy
        if not policy.dead_letter_topic:
            return
        for message in subscribed.deliveries.exhausted(policy.max_delivery_attempts or 5):
            stored = self._store.fetch([message]).get(message)
            if stored is not None:
                attributes = {
                    **stored.attributes,
                    "CloudPubSubDeadLetterSourceDeliveryCount": str(policy.max_delivery_attempts),
                    "CloudPubSubDeadLetterSourceSubscription": subscribed.pb.name,
                }
                self.publish(
                    policy.dead_letter_topic,
                    [Publication(stored.data, attributes, stored.ordering)],
                )
            done, floor = subscribed.deliveries.drop([message])
            self._store.acknowledge(subscribed.stored.id, done, floor)

    def acknowledge(self, name: str, ack_ids: Sequence[str]) -> None:
        """Acknowledged messages are not delivered again; on disk when this returns."""
        subscribed = self.subscribed(name)
        done, floor = subscribed.deliveries.acknowledge(ack_ids)
        if done:
            self._store.acknowledge(subscribed.stored.id, done, floor)

    def leased(self, name: str, ack_ids: Iterable[str]) -> list[str]:
        """Those of the ack ids whose lease still holds."""
        return self.subscribed(name).deliveries.leased(ack_ids)

    def wait_for_change(self, name: str, most_s: float) -> None:
        """Returns when something arrives, is acknowledged or given back, or after `most_s`."""
        changed = self.subscribed(name).deliveries.changed
        with changed:
            changed.wait(most_s)

    def modify(self, name: str, ack_ids: Sequence[str], deadline_s: float) -> None:
        """New deadlines; 0 gives back."""
        self.subscribed(name).deliveries.modify(ack_ids, deadline_s)

    def seek(self, name: str, published: int) -> None:
        """To a moment (microseconds): before it all is acknowledged, from it on nothing."""
        with self._lock:
            subscribed = self.subscribed(name)
            self._store.seek(subscribed.stored.id, subscribed.stored.topic, published)
            rows = {stored.id: stored for stored in self._store.subscriptions()}
            stored = rows[subscribed.stored.id]._replace(body=subscribed.pb.SerializeToString())
            self._subscriptions[name] = Subscribed(stored, self._store, self._clock)
        with subscribed.deliveries.changed:
            subscribed.deliveries.changed.notify_all()

    def prune(self) -> int:
        """Drops what no subscription has to keep any longer."""
        longest = max(
            (s.pb.message_retention_duration.seconds for s in self._subscriptions.values()),
            default=RETENTION_S,
        )
        return self._store.prune(self._clock() - longest * 1_000_000)
