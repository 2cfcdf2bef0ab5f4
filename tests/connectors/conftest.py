"""Makes conformance.py and openapi.py of this folder importable from the folders below it, and
leaves what talks to a vendor's server to the longer runs."""

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
VENDORS = tuple(HERE / name for name in ("dialpad", "gmail", "hubspot", "salesforce"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every server takes a tenth of a second or two, and there are hundreds of tests."""
    for item in items:
        if any(item.path.is_relative_to(vendor) for vendor in VENDORS):
            item.add_marker("slow")
