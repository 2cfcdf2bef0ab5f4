"""`salesintel webhooks`: the service that vendors call, in front of the stream."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError

from connectors.calls import Breaker
from connectors.calls.breaker import CircuitOpen
from connectors.publisher import ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from connectors.sources import load_sources
from connectors.webhooks.publishing import Publishing
from connectors.webhooks.receiver import Received
from connectors.webhooks.receivers import receivers_of
from connectors.webhooks.service import Tally, WebhookService, server
from connectors.webhooks.settings import load_webhook_settings
from operations.console import console
from operations.listening import listening
from operations.payloads import objects_of
from operations.place import Place
from schemas.errors import ConfigurationError, RetriableError
from schemas.topology import TOPICS

log = logging.getLogger(__name__)

PUBLISH_S = 4.0
"""Before a vendor hangs up: HubSpot waits five seconds for an answer.
https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide"""
LATENCY_S = 0.005
"""How long a message waits for those of other deliveries: somebody waits for the answer."""
PAUSE_S = 1.0
"""After a publish that failed, before Pub/Sub is tried again; 503 meanwhile."""
READY_S = 2.0
TELLS_S = 60.0
"""How often the counts are printed, where there is anything new."""


class PlacePublisher:
    """Publishes to the topics of a place, wherever they answer: a stack that was started again may
    do so elsewhere. Thread-safe."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._breaker = Breaker("Pub/Sub")
        self._objects = objects_of(place)
        self._reached = place.reached()
        self._open()

    def _open(self) -> None:
        self._client = publisher_client(deadline_s=PUBLISH_S, batch_latency_s=LATENCY_S)
        client, project, objects = self._client, self._reached.project, self._objects
        self._publishing = Publishing(lambda: ChangePublisher(client, project, objects, PUBLISH_S))

    def __call__(self, received: Received) -> None:
        """Returns when Pub/Sub has all of it; RetriableError where it has not."""
        try:
            # While it is away not every delivery waits for it: vendors want their answer.
            self._breaker.check()
            self._publishing(received)
        except CircuitOpen:
            self._follow()
            raise
        except RetriableError:
            self._breaker.failed(PAUSE_S)
            self._follow()
            raise
        self._breaker.succeeded()

    def ready(self) -> bool:
        """Whether Pub/Sub answers now."""
        try:
            self._follow()
            self._client.get_topic(
                topic=f"projects/{self._reached.project}/topics/{TOPICS[0]}",
                timeout=READY_S,
                retry=None,
            )
        except (ConfigurationError, GoogleAPICallError) as error:
            log.warning("not ready: %s", type(error).__name__)
            return False
        self._breaker.succeeded()
        return True

    def _follow(self) -> None:
        """ConfigurationError where no stack runs now."""
        with self._lock:
            reached = self._place.reached()
            if reached != self._reached:
                self._reached = reached
                self._open()
                self._breaker.succeeded()


def webhooks(place: Place, settings: Path | None, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; what is in hand then is answered."""
    receivers = receivers_of(
        load_sources(settings), SecretStore(place.opens_secrets, cloud=place.cloud)
    )
    publisher = PlacePublisher(place)
    service = WebhookService(
        receivers, publisher, load_webhook_settings(settings), ready=publisher.ready
    )
    with listening(host, port) as opened:
        address = f"http://{host}:{opened.getsockname()[1]}"
        for source in sorted(receivers):
            console.print(f"{address}/webhooks/{source}", highlight=False, soft_wrap=True)
        console.print(f"{address}/health/ready; Ctrl-C stops it", highlight=False, soft_wrap=True)
        # The server takes signals while it runs, and raises them again when it has ended.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        with telling(service.tally):
            server(service, host, port).run(sockets=[opened])
    console.print("stopped")


@contextmanager
def telling(tally: Tally, every_s: float = TELLS_S) -> Iterator[None]:
    """Within, and at the end, prints what was counted, where that is more than before."""
    ended = threading.Event()
    told: dict[tuple[str, str], int] = {}

    def tell() -> None:
        nonlocal told
        while True:
            last = ended.wait(every_s)
            if (counts := tally.counts()) != told:
                _print(counts)
                told = counts
            if last:
                return

    thread = threading.Thread(target=tell, name="tells counts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _print(counts: Mapping[tuple[str, str], int]) -> None:
    for name in sorted({source for source, _ in counts}):
        words = [f"{count:,} {what}" for (source, what), count in counts.items() if source == name]
        console.print(f"{name}: {', '.join(sorted(words))}", highlight=False, soft_wrap=True)
