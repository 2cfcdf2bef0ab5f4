"""The webhooks that a deployment takes: of each source that is set up for them, its receiver."""

from connectors.dialpad.webhook import DialpadReceiver
from connectors.gmail.webhook import GmailReceiver
from connectors.hubspot.webhook import HubSpotReceiver
from connectors.secrets import Secrets
from connectors.sources import Sources
from connectors.webhooks.receiver import Receiver
from schemas.errors import ConfigurationError


def receivers_of(sources: Sources, secrets: Secrets) -> dict[str, Receiver]:
    """Source to receiver; ConfigurationError where no source at all is set up for webhooks."""
    made: dict[str, Receiver] = {}
    gmail, hubspot, dialpad = sources.gmail, sources.hubspot, sources.dialpad
    if gmail is not None and gmail.push_audience:
        made["gmail"] = GmailReceiver(gmail, sources.exclusions)
    if hubspot is not None and hubspot.webhook_secrets:
        made["hubspot"] = HubSpotReceiver(hubspot, secrets)
    if dialpad is not None and (dialpad.webhook_secrets or dialpad.allow_unsigned):
        made["dialpad"] = DialpadReceiver(dialpad, secrets, sources.exclusions)
    if not made:
        raise ConfigurationError(
            "no source is set up for webhooks: name webhook_secrets in [sources.hubspot] or "
            "[sources.dialpad], or push_audience and push_account in [sources.gmail]; see "
            "docs/setup"
        )
    return made
