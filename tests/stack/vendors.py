"""The sandboxes of the vendors, as tests/connectors has them, for a stack that polls them."""

import sys
from pathlib import Path

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
PLACES = ("", "hubspot", "dialpad", "gmail", "salesforce")
sys.path[:0] = [str(CONNECTORS / one) for one in PLACES]

from dialpad_harness import PREFIX, DialpadHarness, dialpad  # noqa: E402
from gmail_harness import MAIL, REP, SETTINGS, GmailHarness, gmail  # noqa: E402
from hubspot_harness import HubSpotHarness, hubspot  # noqa: E402
from salesforce_harness import SalesforceHarness, salesforce  # noqa: E402
from vendor_tables import (  # noqa: E402
    dialpad_table,
    gmail_table,
    hubspot_table,
    salesforce_table,
)

__all__ = [
    "MAIL",
    "PREFIX",
    "REP",
    "SETTINGS",
    "DialpadHarness",
    "GmailHarness",
    "HubSpotHarness",
    "SalesforceHarness",
    "dialpad",
    "dialpad_table",
    "gmail",
    "gmail_table",
    "hubspot",
    "hubspot_table",
    "salesforce",
    "salesforce_table",
]
