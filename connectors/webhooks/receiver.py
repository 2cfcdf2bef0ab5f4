"""What a vendor's webhook is to the service that takes it: verify and read, nothing else.

Each vendor's webhook.py implements `Receiver`; the service (service.py) knows no vendor. A receiver
does no input and output but reading its secrets: it publishes nothing, calls nobody.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from connectors.bad_input import BadInput
from schemas.change import Change, Source
from schemas.envelope import SOURCE_PREFIX
from schemas.errors import SkippableError
from schemas.topology import hints_topic


class InvalidSignature(SkippableError):
    """Not from the vendor, or nobody can tell: answered 401, counted, and nothing is kept of it.

    The message says what failed (`signature`, `audience`, `too old`) and holds nothing of the body.
    """


class Delivery(NamedTuple):
    """A request as it came: `headers` have lower-case names, `body` is what was signed.

    `url` is the public address that the vendor was given, with the query exactly as it came: some
    signatures cover it, and behind a proxy the request's own scheme and host are not it.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Hint(NamedTuple):
    """Word that something has changed, for the fetchers: no change by itself.

    `data` is JSON that the vendor's fetch.py reads; it holds ids, and no content of a record.
    """

    source: Source
    data: bytes

    def message(self) -> tuple[str, bytes, dict[str, str]]:
        """Topic, data and attributes."""
        return hints_topic(self.source), self.data, {"ce-source": SOURCE_PREFIX + self.source}


class Received(NamedTuple):
    """What a delivery says. All of it is published before the vendor has its answer."""

    changes: tuple[Change, ...] = ()
    hints: tuple[Hint, ...] = ()
    bad: tuple[BadInput, ...] = ()
    """Signed as it should be, and yet unreadable: dead letters, and a 2xx, for the vendor would
    only send the same again."""
    excluded: int = 0
    keys: tuple[str, ...] = ()
    """Identities of what was delivered, for who remembers them once it is published."""
    notes: Mapping[str, int] = {}
    """Anything else worth counting: replays dropped, test events, states that we do not know."""


class Receiver(Protocol):
    """A vendor's webhook. Thread-safe: the service calls it from several threads."""

    @property
    def source(self) -> Source:
        """Its name, and the last part of the address: /webhooks/<source>."""
        ...

    def receive(self, delivery: Delivery) -> Received:
        """What was sent; InvalidSignature where it is not the vendor's. Reads the secret anew once
        before it refuses (rotation). RetriableError where it cannot tell now: answered 503."""
        ...

    def published(self, received: Received) -> None:
        """Called once all of it is with Pub/Sub, and only then: what remembers deliveries in order
        to drop their repetitions remembers this one now."""
        ...
