"""`salesintel notify`: watches over the system, and tells people what is amiss with it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from google.cloud import pubsub_v1

from connectors.hints import PULL_S, Hints
from connectors.publisher import LIVE_BATCH_LATENCY_S, ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from operations.console import console
from operations.health_port import Pulse, health_served
from operations.notifications.channels import channels_of
from operations.notifications.ledger import Ledger
from operations.notifications.notifier import Notifier
from operations.notifications.settings import load_notification_settings
from operations.notifications.watch import SILENT_ROUNDS, Watch
from operations.place import Place, Reached
from operations.stopping import SLICE_S, say_failure, stopping_by
from schemas.errors import ConfigurationError, RetriableError
from schemas.notice import Notice, encode
from schemas.topology import NOTIFICATIONS_TOPIC, NOTIFY_SUBSCRIPTION

LEDGER = "notifications.db"
PUBLISH_S = 5.0
"""Before a notice goes to the channels without Pub/Sub."""


class Connection:
    """Pub/Sub of a place, wherever it answers now."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._reached: Reached | None = None

    def follow(self) -> None:
        """Opens it where it is another than before; ConfigurationError where no stack runs."""
        reached = self._place.reached()
        if reached == self._reached:
            return
        client = publisher_client(deadline_s=PUBLISH_S, batch_latency_s=LIVE_BATCH_LATENCY_S)
        self.publisher = ChangePublisher(client, reached.project, deadline_s=PUBLISH_S)
        path = f"projects/{reached.project}/subscriptions/{NOTIFY_SUBSCRIPTION.name}"
        self.hints = Hints(pubsub_v1.SubscriberClient(), path)
        self._reached = reached

    def publish(self, notice: Notice) -> None:
        """Returns when Pub/Sub has it; RetriableError, or ConfigurationError, where it has not."""
        self.follow()
        self.publisher.publish_message(NOTIFICATIONS_TOPIC, *encode(notice))
        self.publisher.flush()


class Notifying:
    """Watching and telling, in turns; for one thread."""

    def __init__(self, connection: Connection, notifier: Notifier) -> None:
        self._connection = connection
        self._notifier = notifier
        self._said: dict[str, str] = {}

    def publish(self, notice: Notice) -> None:
        """To the topic; where that is what is amiss, straight to the channels. RetriableError where
        neither takes it."""
        try:
            self._connection.publish(notice)
        except (RetriableError, ConfigurationError):
            self._notifier.failures.clear()
            if not self._notifier.deliver(notice):
                raise RetriableError("neither Pub/Sub nor every channel takes a notice") from None

    def tell(self, wait_s: float) -> bool | None:
        """Tells of what waits; None where nothing did, False where a channel could not be told."""
        self._connection.follow()
        batch = self._connection.hints.gathered(wait_s)
        if not batch:
            return None
        done = self._notifier.answer(self._connection.hints, batch)
        for name, reason in self._notifier.failures.items():
            if self._said.get(name) != reason:
                say_failure(f"channel {name}: {reason}; it is tried again")
        self._said = dict(self._notifier.failures)
        return done


@contextmanager
def _ledger_of(place: Place) -> Iterator[Ledger]:
    """What was told already. In the cloud that is forgotten with the instance, and what lasts is
    told once more."""
    if place.directory is not None:
        with closing(Ledger(place.directory.path / LEDGER)) as ledger:
            yield ledger
        return
    with (
        tempfile.TemporaryDirectory(prefix="notify-") as folder,
        closing(Ledger(Path(folder) / LEDGER)) as ledger,
    ):
        yield ledger


def notify(
    place: Place,
    settings: Path | None,
    every_s: float,
    *,
    once: bool = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Watches every so many seconds and tells meanwhile, until a signal; or one round of both.

    False where a channel could not be told last: what it lacks stays in the subscription. Meanwhile
    a `port` says how it fares.
    """
    loaded = load_notification_settings(settings)
    channels = channels_of(loaded, SecretStore(place.opens_secrets, cloud=place.cloud))
    place.reached()
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True

    def pause(seconds: float) -> None:
        until = monotonic() + seconds
        while not stopping and (left := until - monotonic()) > 0:
            sleep(min(left, SLICE_S))

    pulse = Pulse(monotonic)
    with (
        health_served(pulse, host, port),
        _ledger_of(place) as ledger,
        stopping_by(stop),
    ):
        notifier = Notifier(ledger, channels, loaded.min_severity, loaded.repeat_h)
        notifying = Notifying(Connection(place), notifier)
        rounds = 1 if once else SILENT_ROUNDS
        watch = Watch(place, loaded.bounds, ledger, notifying.publish, silent_rounds=rounds)
        well, next_look = True, monotonic()
        if not once:
            console.print("watching; Ctrl-C stops it", highlight=False)
        while not stopping:
            try:
                if monotonic() >= next_look:
                    next_look = monotonic() + every_s
                    watch.round()
                told = notifying.tell(1.0 if once else min(PULL_S, every_s))
            except (RetriableError, ConfigurationError):
                # What was to be published is seen again in the next round, and published then.
                told = False if once else well
                pause(PULL_S)
            well = well if told is None else told
            pulse.beat(well)
            if once and told is not True:
                break
    if not once:
        console.print("stopped")
    return well
