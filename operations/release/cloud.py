"""The stream in the cloud: Terraform makes the job, Dataflow runs and drains it."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence

from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment
from pipelines.compatibility import incompatibilities
from schemas.errors import FatalError, RetriableError

INTERFACE = "tests/templates/golden/stream.txt"
"""Of the job as it is staged for Dataflow."""
NAMES = "templates/transform-names.json"
_TEMPLATE = re.compile(r"/stream-([^/]+)\.json\Z")


class CloudStream:
    """Of one environment, from a checkout of the repository."""

    def __init__(self, environment: Environment, job: StreamingJob) -> None:
        self._environment = environment
        self._job = job

    def prepare(self) -> None:
        """`terraform init` on the environment's state."""
        self._terraform("init", "-reconfigure", f"-backend-config={self._environment.backend}")

    def plan(self, release: str) -> None:
        """Shows what Terraform would change."""
        self._terraform("plan", "-lock=false", *self._variables(release))

    def running(self) -> str:
        """The release whose template the job was made of, where a job lives."""
        if not self._job.id():
            return ""
        if found := self.latest():
            return found
        raise FatalError(
            "a job named stream runs that this Terraform state did not make: drain it first "
            f"(`make drain ENVIRONMENT={self._environment.name}`)"
        )

    def latest(self) -> str:
        """The release of the template in Terraform's state, which outlives its job."""
        outputs = json.loads(self._terraform("output", "-json", quiet=True) or "{}")
        template = outputs.get("stream_template", {}).get("value") or ""
        found = _TEMPLATE.search(template)
        return found[1] if found else ""

    def differences(self, running: str, wanted: str) -> tuple[str, ...] | None:
        """Of the two releases' interfaces, under the names that the wanted one gives, where this
        checkout knows both commits (docs/updates.md)."""
        before, after = self._file(running, INTERFACE), self._file(wanted, INTERFACE)
        if before is None or after is None:
            return None
        names = json.loads(self._file(wanted, NAMES) or "{}")
        return tuple(map(str, sorted(incompatibilities(before, after, names))))

    def drain(self) -> None:
        """Drains the job."""
        self._job.drain()

    def apply(self, release: str) -> None:
        """`terraform apply`: tables and views, then the job; a job that runs is updated."""
        self._terraform("apply", "-auto-approve", *self._variables(release))

    def _variables(self, release: str) -> Sequence[str]:
        return (f"-var-file={self._environment.variables}", f"-var=release={release}")

    def _terraform(self, command: str, *arguments: str, quiet: bool = False) -> str:
        """What it says, where `quiet`; RetriableError where it fails."""
        interactive = () if command == "output" else ("-input=false",)
        done = subprocess.run(
            [_program("terraform"), command, *interactive, *arguments],
            cwd=self._environment.folder,
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode:
            hint = ""
            if command == "apply":
                hint = "; where Dataflow refused the update, the same again with REPLACE=1"
            raise RetriableError(f"terraform {command} has failed: it says why above{hint}")
        return done.stdout or ""

    def _file(self, release: str, path: str) -> str | None:
        done = subprocess.run(
            [_program("git"), "show", f"{release}:{path}"],
            cwd=self._environment.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None


def _program(name: str) -> str:
    """Where it is; FatalError where it is not."""
    found = shutil.which(name)
    if found is None:
        raise FatalError(f"there is no {name} on the PATH: install it")
    return found
