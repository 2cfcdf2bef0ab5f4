"""HubSpot: CRM objects by search in two lanes, archived ones by a sweep, webhooks as hints."""

from typing import TYPE_CHECKING, Any

from connectors.hubspot.settings import HubSpotSettings

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

__all__ = ["HubSpotConnector", "HubSpotSettings"]


def __getattr__(name: str) -> Any:
    """The connector, with the vendor's library: the webhook service starts without it."""
    if name != "HubSpotConnector":
        raise AttributeError(name)
    from connectors.hubspot.connector import HubSpotConnector

    return HubSpotConnector
