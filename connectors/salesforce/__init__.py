"""Salesforce: an org's sObjects, followed by SOQL."""

from connectors.finding import Finding
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.settings import SalesforceSettings, settings_of

__all__ = [
    "Finding",
    "SalesforceClient",
    "SalesforceConnector",
    "SalesforceSettings",
    "settings_of",
]
