"""HubSpot stands what every connector must stand."""

from collections.abc import Iterator

import pytest
from conformance import Conformance
from hubspot_harness import HubSpotHarness, hubspot


class TestHubSpot(Conformance):
    @pytest.fixture
    def harness(self) -> Iterator[HubSpotHarness]:
        with hubspot(page=3, lag_ms=300_000) as harness:
            # The others are read alike, and every stream costs its cursor several commits.
            harness.objects = ("contact", "note", "owner")
            yield harness
