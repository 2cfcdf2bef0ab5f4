"""Stacks that run: one that all may ask, and fresh ones to be hurt."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from running import RunningStack
from views import Rows, accounting_of, rows_of

from connectors.files import ImportOptions
from operations.imports import Imported, import_files
from sandbox.company import SMALL, Manifest, export, generate

Start = Callable[[], RunningStack]


class Undisturbed(NamedTuple):
    """A stack into which the company was imported, and what it said when that was done."""

    stack: RunningStack
    imported: Imported
    account: dict[str, int]
    rows: Rows


@pytest.fixture(scope="session", autouse=True)
def leaves_no_trace() -> Iterator[None]:
    """Commands in this process point its clients at their stack, and quiet its logs."""
    before = os.environ.copy()
    level = logging.getLogger().level
    yield
    os.environ.clear()
    os.environ.update(before)
    logging.getLogger().setLevel(level)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The files of a small company."""
    return export(generate(7, SMALL), tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, company: Manifest) -> Iterator[Undisturbed]:
    """The stack that all may ask."""
    stack = RunningStack(tmp_path_factory.mktemp("shared") / "data", company.settings)
    stack.start()
    try:
        imported = import_files(stack.directory, company.imports, ImportOptions(), quiet=True)
        with stack.warehouse() as client:
            yield Undisturbed(stack, imported, accounting_of(client), rows_of(client))
    finally:
        code = stack.stop()
    assert code == 0


@pytest.fixture(scope="session")
def stack(shared: Undisturbed) -> RunningStack:
    """The shared stack: whoever writes to it leaves the views as they are."""
    return shared.stack


@pytest.fixture(scope="session")
def undisturbed(shared: Undisturbed) -> Rows:
    """What the views show of the company when nothing goes wrong."""
    return shared.rows


@pytest.fixture
def start(tmp_path: Path, company: Manifest) -> Iterator[Start]:
    """Starts a stack of the test's own."""
    made: list[RunningStack] = []

    def one() -> RunningStack:
        stack = RunningStack(tmp_path / f"data{len(made)}", company.settings)
        made.append(stack)
        stack.start()
        return stack

    yield one
    for stack in made:
        if stack.runs:
            stack.kill_all()
