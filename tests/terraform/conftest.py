"""One run of Terraform for all tests that look at what it says."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from offline import Resource, Tested, copied, environment, missing, terraform, tested

WHOLE = "everything_is_made"


class Workspace(NamedTuple):
    folder: Path
    environ: Mapping[str, str]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy that is initialised."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("terraform")
    inner = copied(folder)
    made = Workspace(inner, environment(folder))
    done = terraform(inner, made.environ, "init", "-backend=false", "-input=false", "-no-color")
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="session")
def said(workspace: Workspace) -> Tested:
    """What `terraform test` says."""
    return tested(workspace.folder, workspace.environ)


@pytest.fixture(scope="session")
def plan(said: Tested) -> tuple[Resource, ...]:
    """All of production."""
    assert WHOLE in said.plans, said.failures
    return said.plans[WHOLE]
