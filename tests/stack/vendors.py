"""The sandboxes of the vendors, as tests/connectors has them, for a stack that polls them."""

import sys
from pathlib import Path

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path[:0] = [str(CONNECTORS / one) for one in ("", "hubspot", "dialpad", "gmail")]

from dialpad_harness import PREFIX, DialpadHarness, dialpad  # noqa: E402
from gmail_harness import MAIL, REP, SETTINGS, GmailHarness, gmail  # noqa: E402
from hubspot_harness import HubSpotHarness, hubspot  # noqa: E402

__all__ = [
    "MAIL",
    "PREFIX",
    "REP",
    "SETTINGS",
    "DialpadHarness",
    "GmailHarness",
    "HubSpotHarness",
    "dialpad",
    "gmail",
    "hubspot",
]
