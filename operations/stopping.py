"""How commands that go on until they are asked to end are asked, and what they say meanwhile."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from operations.console import say_error

SLICE_S = 0.2
"""How long a signal between two rounds may wait to be seen."""


def say_failure(words: str) -> None:
    """One line on standard error."""
    say_error(" ".join(words.split()), "failed")


@contextmanager
def stopping_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within, SIGTERM and SIGINT are for `handler`."""
    before = {one: signal.signal(one, handler) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
