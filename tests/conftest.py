"""What every test leaves as it found it, and how examples are found."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

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


@pytest.fixture(scope="session", autouse=True)
def one_folder_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where processes that share a run find what one of them has made (provisioned.py)."""
    own = tmp_path_factory.getbasetemp()
    os.environ["TESTS_SHARED"] = str(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tracing makes Python three to four times as slow, and the hundredth example reaches no line
    that the ones written out do not: coverage is of those. Tests that try many orders, worlds or
    messages are marked `no_cover` where they stand."""
    for item in items:
        if _is_generated(item):
            item.add_marker("no_cover")


def _is_generated(item: pytest.Item) -> bool:
    """An example that Hypothesis finds, or a case of another seed than the first."""
    case = getattr(item, "callspec", None)
    drawn = case.params.get("seed", 0) if case else 0
    return bool(drawn) or is_hypothesis_test(getattr(item, "obj", None))
