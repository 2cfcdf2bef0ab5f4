"""What every test leaves as it found it, and how examples are found."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from schemas.logs import OURS

# The same examples every time, however slow the machine is at it; `make test-exhaustive` looks for
# new ones.
settings.register_profile(
    "seeded",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "searching",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("seeded")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands quiet the logs of their process: here that is the process of all tests, and what a
    fixture of many tests has called is quiet for all of them."""
    root, ours = logging.getLogger(), logging.getLogger("embedded")
    propagates, handlers = ours.propagate, list(ours.handlers)
    root.setLevel(logging.WARNING)
    yield
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    ours.propagate = propagates
    for handler in set(ours.handlers) - set(handlers):
        ours.removeHandler(handler)
        handler.close()
