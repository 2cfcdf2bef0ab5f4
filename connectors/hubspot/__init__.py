"""HubSpot: CRM objects by search in two lanes, archived ones by a sweep, webhooks as hints."""

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.settings import HubSpotSettings

__all__ = ["HubSpotConnector", "HubSpotSettings"]
