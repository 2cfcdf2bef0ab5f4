"""Salesforce stands what every connector must stand."""

from collections.abc import Iterator

import pytest
from conformance import Conformance
from salesforce_harness import SalesforceHarness, salesforce

from sandbox.vendors.salesforce import Terms


class TestSalesforce(Conformance):
    @pytest.fixture
    def harness(self) -> Iterator[SalesforceHarness]:
        with salesforce(Terms(page_rows=12)) as harness:
            yield harness
