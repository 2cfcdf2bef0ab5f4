"""What this checkout of the repository knows of releases, each a commit or a tag."""

import shutil
import subprocess
from pathlib import Path

from schemas.errors import FatalError


class Checkout:
    """The one that `folder` is in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_at(self, release: str) -> bool:
        """Whether what is checked out is that release's commit; not where nobody knows it."""
        commit = self._git("rev-parse", "--verify", "--quiet", f"{release}^{{commit}}")
        return commit is not None and commit == self._git("rev-parse", "--verify", "HEAD")

    def file(self, release: str, path: str) -> str | None:
        """As that release has it; None where it is not known here."""
        return self._git("show", f"{release}:{path}")

    def _git(self, *arguments: str) -> str | None:
        done = subprocess.run(
            [program("git"), *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None


def program(name: str) -> str:
    """Where it is; FatalError where it is not."""
    found = shutil.which(name)
    if found is None:
        raise FatalError(f"there is no {name} on the PATH: install it")
    return found
