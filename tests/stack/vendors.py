"""The sandboxes of the vendors, as tests/connectors has them, for a stack that polls them."""

import sys
from pathlib import Path

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
sys.path[:0] = [str(CONNECTORS / one) for one in ("", "hubspot", "dialpad")]

from dialpad_harness import PREFIX, DialpadHarness, dialpad  # noqa: E402
from hubspot_harness import HubSpotHarness, hubspot  # noqa: E402

__all__ = ["PREFIX", "DialpadHarness", "HubSpotHarness", "dialpad", "hubspot"]
