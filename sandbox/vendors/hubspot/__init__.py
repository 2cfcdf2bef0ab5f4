"""A simulated HubSpot account."""

from sandbox.vendors.hubspot.app import application
from sandbox.vendors.hubspot.seed import seeded
from sandbox.vendors.hubspot.state import Account

__all__ = ["Account", "application", "seeded"]
