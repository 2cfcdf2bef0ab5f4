"""Salesforce: an org's sObjects, followed by SOQL."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from connectors.finding import Finding
from connectors.salesforce.settings import SalesforceSettings, settings_of

if TYPE_CHECKING:
    from connectors.salesforce.client import SalesforceClient
    from connectors.salesforce.connector import SalesforceConnector

__all__ = [
    "Finding",
    "SalesforceClient",
    "SalesforceConnector",
    "SalesforceSettings",
    "settings_of",
]
_LATER = {"SalesforceClient": "client", "SalesforceConnector": "connector"}


def __getattr__(name: str) -> Any:
    """What loads the vendor's library: the webhook service starts without it."""
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
