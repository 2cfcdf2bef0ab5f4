"""Terraform accepts every file, and what its own tests ask of a plan holds."""

import pytest
from conftest import Workspace
from offline import Tested, terraform

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("terraform")]


def test_every_file_is_formatted(workspace: Workspace) -> None:
    done = terraform(workspace.folder, workspace.environ, "fmt", "-check", "-recursive", "-list")
    assert done.returncode == 0, f"run `terraform fmt -recursive`: {done.stdout}"


def test_the_configuration_is_valid(workspace: Workspace) -> None:
    done = terraform(workspace.folder, workspace.environ, "validate", "-no-color")
    assert done.returncode == 0, done.stderr


def test_what_is_done_once_by_hand_is_valid(workspace: Workspace) -> None:
    folder, environ = workspace.folder / "bootstrap", workspace.environ
    assert terraform(folder, environ, "init", "-backend=false", "-input=false").returncode == 0
    done = terraform(folder, environ, "validate", "-no-color")
    assert done.returncode == 0, done.stderr


def test_all_that_terraform_itself_asks_of_a_plan_holds(said: Tested, workspace: Workspace) -> None:
    assert not said.failures, "\n".join(said.failures)
    written = (workspace.folder / "tests" / "everything.tftest.hcl").read_text("utf-8")
    assert said.passed == written.count('\nrun "')
