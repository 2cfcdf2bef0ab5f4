"""What every test leaves as it found it."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands quiet the logs of their process: here that is the process of all tests."""
    root, ours = logging.getLogger(), logging.getLogger("embedded")
    level, propagates, handlers = root.level, ours.propagate, list(ours.handlers)
    yield
    root.setLevel(level)
    ours.propagate = propagates
    for handler in set(ours.handlers) - set(handlers):
        ours.removeHandler(handler)
        handler.close()
