"""`salesintel subscribe`: makes the subscriptions at a source by which it tells us of changes."""

from pathlib import Path

from connectors.dialpad.client import DialpadClient
from connectors.dialpad.subscriptions import drifts, subscribe
from connectors.finding import Finding
from connectors.secrets import SecretStore
from connectors.sources import connector_of, known, load_sources
from operations.console import console
from operations.doctor import show_findings
from operations.place import Place
from schemas.errors import ConfigurationError

ELSEWHERE = {
    "gmail": "salesintel poll gmail asks for its pushes, each day anew",
    "hubspot": "subscriptions are made in the private app's settings, see docs/setup/hubspot.md",
    "salesforce": "it is polled, and tells nobody",
}
"""How the other sources come to tell us."""


def make_subscriptions(place: Place, settings: Path | None, source: str) -> bool:
    """Makes what is missing and says what that was; what is there is left as it is. False where
    something has drifted that a person has to mend. ConfigurationError where there is nothing to
    subscribe to, or no address or secret to do it with."""
    if known(source) in ELSEWHERE:
        raise ConfigurationError(f"{source} has no subscriptions to make: {ELSEWHERE[source]}")
    secrets = SecretStore(place.opens_secrets, cloud=place.cloud)
    loaded = load_sources(settings)
    connector_of(source, loaded, secrets)
    assert loaded.dialpad is not None
    if not loaded.dialpad.webhook_secrets:
        raise ConfigurationError(
            "dialpad: webhook_secrets is empty: name a secret of 32 characters at least, as "
            "openssl rand -hex 32 makes"
        )
    client = DialpadClient(loaded.dialpad, secrets)
    made = subscribe(client, loaded.dialpad, secrets.get(loaded.dialpad.webhook_secrets[0]))
    console.print(f"made: {', '.join(made)}" if made else "nothing was missing", highlight=False)
    left = [
        Finding(f"dialpad {one.kind} events", False, one.found, one.fix)
        for one in drifts(client, loaded.dialpad)
    ]
    return not left or show_findings(left)
