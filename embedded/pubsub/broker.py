"""Topics and subscriptions: what the two services do, without gRPC."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.pubsub_v1 import types

from embedded.pubsub.deliveries import Delivered
from embedded.pubsub.faults import ANSWER_BYTES
from embedded.pubsub.store import Publication, Store, Stored, StoredSubscription
from embedded.pubsub.subscribed import RETENTION_S, Received, Subscribed, completed, updated
from schemas.clock import Clock, rfc3339

TopicPb = types.Topic.pb()
SubscriptionPb = types.Subscription.pb()

TOPIC_NAME = re.compile("projects/[^/]+/topics/[^/]+")
DELETED_TOPIC = "_deleted-topic_"
LONG_POLL_S = 1.0
RECHECK_S = 0.1
"""How often a waiting pull looks for leases that have expired."""


class NotFound(LookupError):
    """No topic or subscription of that name."""


class AlreadyExists(ValueError):
    """The name is taken."""


class Broker:
    """All topics and subscriptions of one directory.

    Two locks. `_changes` is held by whoever creates, changes or deletes, also while that is written
    to disk. `_routes` is held while a commit is told to the subscriptions, and while a subscription
    reads its backlog and is put among them, so that none misses a message; whoever holds it never
    waits for a write, because the writer itself takes it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._changes = threading.Lock()
        self._routes = threading.Lock()
        self._topics: dict[str, tuple[int, Any]] = {
            name: (number, TopicPb.FromString(body)) for number, name, body in store.topics()
        }
        self._subscriptions: dict[str, Subscribed] = {
            stored.name: Subscribed(stored, store, clock) for stored in store.subscriptions()
        }

    def create_topic(self, topic: Any) -> Any:
        """The topic; AlreadyExists where the name is taken."""
        if not TOPIC_NAME.fullmatch(topic.name):
            raise ValueError("a topic is called projects/PROJECT/topics/NAME")
        with self._changes:
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

    def topic_name(self, number: int) -> str:
        """Of a topic by its number, as its subscriptions have it once it is deleted."""
        return next((n for n, (one, _) in self._topics.items() if one == number), DELETED_TOPIC)

    def topics(self, project: str) -> list[Any]:
        """Topics of a project, by name."""
        prefix = f"{project}/topics/"
        with self._changes:
            return [pb for name, (_, pb) in sorted(self._topics.items()) if name.startswith(prefix)]

    def delete_topic(self, name: str) -> None:
        """Its subscriptions stay, with what they have, and see nothing more, as in Pub/Sub."""
        with self._changes:
            number, _ = self._topic(name)
            self._store.delete_topic(number)
            del self._topics[name]
            for subscribed in self._subscriptions.values():
                if subscribed.stored.topic == number:
                    pb = SubscriptionPb()
                    pb.CopyFrom(subscribed.pb)
                    pb.topic = DELETED_TOPIC
                    self._change(subscribed, pb)

    def subscriptions_of(self, topic: str) -> list[str]:
        """Names of the subscriptions of a topic."""
        number, _ = self._topic(topic)
        with self._changes:
            return sorted(n for n, s in self._subscriptions.items() if s.stored.topic == number)

    def create_subscription(self, pb: Any) -> Any:
        """The subscription, its defaults filled in; it sees what is published from now on."""
        pb = completed(pb)
        with self._changes:
            if pb.name in self._subscriptions:
                raise AlreadyExists(pb.name)
            number, _ = self._topic(pb.topic)
            stored = self._store.create_subscription(pb.name, number, pb.SerializeToString())
            with self._routes:
                self._subscriptions[pb.name] = Subscribed(stored, self._store, self._clock)
        return pb

    def update_subscription(self, pb: Any, paths: Sequence[str]) -> Any:
        """Changes the named fields."""
        with self._changes:
            subscribed = self.subscribed(pb.name)
            changed = updated(subscribed.pb, pb, paths)
            self._change(subscribed, changed)
        return changed

    def _change(self, subscribed: Subscribed, pb: Any) -> None:
        self._store.update_subscription(subscribed.stored.id, pb.SerializeToString())
        subscribed.change(pb)

    def subscribed(self, name: str) -> Subscribed:
        """The subscription of a name; NotFound."""
        try:
            return self._subscriptions[name]
        except KeyError:
            raise NotFound(name) from None

    def subscriptions(self, project: str) -> list[Any]:
        """Subscriptions of a project, by name."""
        prefix = f"{project}/subscriptions/"
        with self._changes:
            return [s.pb for n, s in sorted(self._subscriptions.items()) if n.startswith(prefix)]

    def delete_subscription(self, name: str) -> None:
        """Forgets a subscription and what it had acknowledged."""
        with self._changes:
            subscribed = self.subscribed(name)
            self._store.delete_subscription(subscribed.stored.id)
            with self._routes:
                del self._subscriptions[name]
        subscribed.deliveries.wake()

    def publish(self, topic: str, messages: Sequence[Publication]) -> list[int]:
        """Ids of the messages, when they are on disk."""
        number, _ = self._topic(topic)

        def committed(ids: list[int]) -> None:
            arrived = [(i, m.ordering) for i, m in zip(ids, messages, strict=True)]
            with self._routes:
                for subscribed in self._subscriptions.values():
                    if subscribed.stored.topic == number:
                        subscribed.deliveries.arrive(arrived)

        return self._store.publish(number, messages, committed)

    def pull(
        self,
        name: str,
        most: int,
        wait_s: float = LONG_POLL_S,
        *,
        most_bytes: int = ANSWER_BYTES,
        deadline_s: float = 0.0,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Received]:
        """At most `most` messages; waits a while where there are none.

        `deadline_s` 0 is the subscription's own. Whoever is no longer `wanted` takes nothing.
        """
        end = time.monotonic() + wait_s
        while wanted():
            subscribed = self.subscribed(name)
            deliveries = subscribed.deliveries
            seen = deliveries.version
            self._dead_letter(subscribed)
            taken = deliveries.take(most, deadline_s or subscribed.pb.ack_deadline_seconds)
            received = self._received(subscribed, taken, most_bytes) if taken else []
            if received and not wanted():
                deliveries.put_back(taken)
                break
            left = end - time.monotonic()
            if received or left <= 0:
                return received
            if not taken:
                deliveries.wait(seen, min(left, RECHECK_S))
        return []

    def _received(
        self, subscribed: Subscribed, taken: Sequence[Delivered], most_bytes: int
    ) -> list[Received]:
        found, last = self._store.fetch([delivered.message for delivered in taken], most_bytes)
        counts = subscribed.pb.HasField("dead_letter_policy")
        received, too_much = [], []
        for delivered in taken:
            stored = found.get(delivered.message)
            if stored is not None:
                attempt = delivered.attempt if counts else 0
                received.append(Received(delivered.ack_id, stored, attempt))
            elif delivered.message > last:
                too_much.append(delivered)
            else:
                # Its retention has ended in the meantime.
                subscribed.deliveries.drop(delivered.message)
        if too_much:
            subscribed.deliveries.put_back(too_much)
        return received

    def _dead_letter(self, subscribed: Subscribed) -> None:
        policy = subscribed.pb.dead_letter_policy
        if policy.dead_letter_topic not in self._topics:
            # None named, or deleted since: messages stay and are delivered again.
            return
        with subscribed.forwarding:
            for message in subscribed.deliveries.exhausted(policy.max_delivery_attempts):
                stored = self._store.fetch([message], 0)[0].get(message)
                if stored is not None:
                    letter = _dead_letter(stored, subscribed.pb)
                    self.publish(policy.dead_letter_topic, [letter])
                done, floor = subscribed.deliveries.drop(message)
                self._acknowledged(subscribed, done, floor)

    def acknowledge(self, name: str, ack_ids: Sequence[str]) -> None:
        """Acknowledged messages are not delivered again; on disk when this returns."""
        subscribed = self.subscribed(name)
        done, floor = subscribed.deliveries.acknowledge(ack_ids)
        self._acknowledged(subscribed, done, floor)

    def _acknowledged(self, subscribed: Subscribed, done: list[int], floor: int) -> None:
        if done:
            stored = subscribed.stored
            self._store.acknowledge(stored.id, stored.seeks, done, floor)

    def leased(self, name: str, ack_ids: Iterable[str]) -> list[str]:
        """Those of the ack ids whose lease still holds."""
        return self.subscribed(name).deliveries.leased(ack_ids)

    def version(self, name: str) -> int:
        """Rises when something arrives, is acknowledged or given back."""
        return self.subscribed(name).deliveries.version

    def wait(self, name: str, seen: int, most_s: float) -> None:
        """Returns when the version is no longer the one seen, or after `most_s` seconds."""
        self.subscribed(name).deliveries.wait(seen, most_s)

    def modify(self, name: str, ack_ids: Sequence[str], deadline_s: float) -> None:
        """New deadlines; 0 gives back."""
        self.subscribed(name).deliveries.modify(ack_ids, deadline_s)

    def seek(self, name: str, published: int) -> None:
        """To a moment (microseconds): before it all is acknowledged, from it on nothing."""
        self._seek(name, lambda subscription: self._store.seek(subscription, published))

    def seek_snapshot(self, name: str, snapshot: int) -> None:
        """To what was acknowledged when the snapshot was made."""
        self._seek(name, lambda subscription: self._store.seek_snapshot(subscription, snapshot))

    def _seek(self, name: str, to: Callable[[int], StoredSubscription]) -> None:
        with self._changes:
            before = self.subscribed(name)
            stored = to(before.stored.id)
            with self._routes:
                self._subscriptions[name] = Subscribed(stored, self._store, self._clock)
        before.deliveries.wake()

    def prune(self) -> int:
        """Drops what no subscription has to keep any longer; returns how many."""
        with self._changes:
            kept = [s.pb.message_retention_duration.seconds for s in self._subscriptions.values()]
        before = self._clock() - max(kept, default=RETENTION_S) * 1_000_000
        pruned = 0
        while dropped := self._store.prune(before):
            pruned += dropped
        return pruned


def _dead_letter(stored: Stored, pb: Any) -> Publication:
    """As forwarded by Pub/Sub: https://cloud.google.com/pubsub/docs/dead-letter-topics."""
    _, project, _, subscription = pb.name.split("/", 3)
    attempts = pb.dead_letter_policy.max_delivery_attempts
    attributes = {
        **stored.attributes,
        "CloudPubSubDeadLetterSourceDeliveryCount": str(attempts),
        "CloudPubSubDeadLetterSourceSubscription": subscription,
        "CloudPubSubDeadLetterSourceSubscriptionProject": project,
        "CloudPubSubDeadLetterSourceTopicPublishTime": rfc3339(stored.published),
    }
    return Publication(stored.data, attributes, stored.ordering)
