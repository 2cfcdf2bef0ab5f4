"""A project in the cloud with its vendors, made once for the tests of a module."""

from collections.abc import Iterator

import pytest
from cloud_project import Project, cloud_project


@pytest.fixture(scope="module")
def made_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with cloud_project(tmp_path_factory.mktemp("project")) as project:
        yield project
