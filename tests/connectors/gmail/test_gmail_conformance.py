"""Gmail stands what every connector must stand."""

from collections.abc import Iterator

import pytest
from conformance import Conformance
from gmail_harness import GmailHarness, gmail


class TestGmail(Conformance):
    @pytest.fixture
    def harness(self) -> Iterator[GmailHarness]:
        with gmail(page_size=40) as harness:
            yield harness
