"""Dialpad stands what every connector must stand."""

from collections.abc import Iterator

import pytest
from conformance import Conformance
from dialpad_harness import DialpadHarness, dialpad


class TestDialpad(Conformance):
    @pytest.fixture
    def harness(self) -> Iterator[DialpadHarness]:
        with dialpad(page_size=7) as harness:
            yield harness


@pytest.mark.slow
class TestDialpadDetails(Conformance):
    @pytest.fixture
    def harness(self) -> Iterator[DialpadHarness]:
        with dialpad(page_size=20) as harness:
            harness.objects = ("transcript", "recap")
            yield harness
