"""An environment of the deployment: its files under terraform/environments/, and what they say."""

import re
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError

TERRAFORM = Path("terraform")
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}\Z")
RELEASE = re.compile(r"(?!.*-to-)[a-z0-9][a-z0-9.-]{0,39}\Z")
"""A tag of an image that can stand in the name of a snapshot and in a label, too (steps.py,
dataflow.py): a git sha as a rule."""
_VALUE = re.compile(r'^(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is; `folder` holds the Terraform files."""

    name: str
    project: str
    region: str
    folder: Path

    @property
    def variables(self) -> str:
        """Its tfvars, from the folder on."""
        return f"environments/{self.name}.tfvars"

    @property
    def backend(self) -> str:
        """Where its state lies, from the folder on."""
        return f"environments/{self.name}.backend"


def environment_of(name: str, folder: Path = TERRAFORM) -> Environment:
    """The environment of a name; ConfigurationError where it has no files or no project."""
    path = folder / "environments" / f"{name}.tfvars"
    if not NAME.match(name) or not path.exists():
        there = sorted(one.stem for one in (folder / "environments").glob("*.tfvars"))
        raise ConfigurationError(
            f"there is no environment {name!r} under {folder}/environments; there are: "
            f"{', '.join(there) or 'none, for this is no checkout of the repository'}"
        )
    values = dict(_VALUE.findall(path.read_text(encoding="utf-8")))
    missing = [key for key in ("project", "region") if not values.get(key)]
    if missing:
        raise ConfigurationError(f"{path} names no {' and no '.join(missing)}")
    return Environment(name=name, project=values["project"], region=values["region"], folder=folder)


def checked_release(text: str) -> str:
    """The tag; ConfigurationError where it cannot be one."""
    if not RELEASE.match(text):
        raise ConfigurationError(
            f"--release {text!r}: name the tag of an image, as in a git sha: lower case, "
            "no underscore, no -to-"
        )
    return text
