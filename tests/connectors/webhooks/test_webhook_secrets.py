"""Secrets that deliveries are verified with, in the real client's Secret Manager."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from secret_manager import Stand, secret_manager

from connectors.dialpad.settings import DialpadSettings
from connectors.dialpad.webhook import DialpadReceiver
from connectors.hubspot import HubSpotSettings
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.secrets import RENEWED_EVERY_S, Secrets, SecretStore
from connectors.webhooks.receiver import Delivery, InvalidSignature, Receiver
from sandbox.vendors.dialpad.events import signed
from sandbox.vendors.hubspot.webhooks import signed_headers

NAME = "projects/p/secrets/hook/versions/latest"
URL = "https://hooks.alderpeak.example/webhooks/x"
OLD, NEW, GUESSED = (f"{word}, thirty-two bytes at the least" for word in ("old", "new", "guess"))
NOW_MS = 1_767_225_600_000


class Vendor(NamedTuple):
    receiver: Callable[[Secrets], Receiver]
    delivery: Callable[[str], Delivery]


def _hubspot(secret: str) -> Delivery:
    headers = signed_headers(secret, "POST", URL, b"[]", NOW_MS)
    return Delivery("POST", URL, {name.lower(): one for name, one in headers.items()}, b"[]")


def _dialpad(secret: str) -> Delivery:
    # Of no time, so that it is a dead letter; but of Dialpad.
    return Delivery("POST", URL, {}, signed({"call_id": 1, "state": "hangup"}, secret))


VENDORS = {
    "hubspot": Vendor(
        lambda secrets: HubSpotReceiver(
            HubSpotSettings(webhook_secrets=(NAME,)), secrets, lambda: NOW_MS * 1_000
        ),
        _hubspot,
    ),
    "dialpad": Vendor(
        lambda secrets: DialpadReceiver(
            DialpadSettings(token="env:KEY", webhook_secrets=(NAME,)), secrets
        ),
        _dialpad,
    ),
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


@pytest.fixture
def manager() -> Iterator[Stand]:
    with secret_manager() as stand:
        yield stand


def test_forgeries_have_the_secret_read_anew_once_in_ten_seconds(
    vendor: Vendor, manager: Stand
) -> None:
    handler, client = manager
    handler.values[NAME] = OLD.encode()
    now = [0.0]
    store = SecretStore(lambda: client, cloud=True, monotonic=lambda: now[0])
    receiver = vendor.receiver(store)
    for _ in range(3):
        for _ in range(25):
            with pytest.raises(InvalidSignature, match=r"signature\Z"):
                receiver.receive(vendor.delivery(GUESSED))
        receiver.receive(vendor.delivery(OLD))
        now[0] += RENEWED_EVERY_S
    assert handler.asked == [NAME] * 4, "once to begin with, then once in each ten seconds"


def test_trap_56_a_secret_that_was_changed_is_read_anew_before_anything_is_refused(
    vendor: Vendor, manager: Stand
) -> None:
    handler, client = manager
    handler.values[NAME] = OLD.encode()
    receiver = vendor.receiver(SecretStore(lambda: client, cloud=True, monotonic=lambda: 0.0))
    receiver.receive(vendor.delivery(OLD))
    handler.values[NAME] = NEW.encode()
    receiver.receive(vendor.delivery(NEW))
    with pytest.raises(InvalidSignature):
        receiver.receive(vendor.delivery(OLD))
    assert handler.asked == [NAME] * 2
