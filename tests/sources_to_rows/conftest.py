"""The sandboxes of the vendors, as tests/connectors has them."""

import sys
from pathlib import Path

CONNECTORS = Path(__file__).resolve().parent.parent / "connectors"
VENDORS = ("", "gmail", "salesforce", "hubspot", "dialpad")
sys.path[:0] = [str(CONNECTORS / one) for one in VENDORS]
