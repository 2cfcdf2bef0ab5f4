"""A Salesforce org as a local server: its own state, clock, faults, SOQL and Bulk jobs."""

from sandbox.vendors.salesforce.app import salesforce_app
from sandbox.vendors.salesforce.live import happen
from sandbox.vendors.salesforce.seed import seeded
from sandbox.vendors.salesforce.state import Org, Terms

__all__ = ["Org", "Terms", "happen", "salesforce_app", "seeded"]
