"""The stream in the cloud: Terraform makes the job, Dataflow runs and drains it."""

import json
import subprocess
from collections.abc import Sequence

from operations.release.carrying_out import Run
from operations.release.checkout import Checkout, program
from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment
from pipelines.compatibility import incompatibilities
from schemas.errors import RetriableError

INTERFACE = "tests/templates/golden/stream.txt"
"""Of the job as it is staged for Dataflow."""
NAMES = "templates/transform-names.json"


class CloudStream:
    """Of one environment, from a checkout of the repository."""

    def __init__(self, environment: Environment, job: StreamingJob) -> None:
        self._environment = environment
        self._job = job
        self._checkout = Checkout(environment.folder)

    def prepare(self) -> None:
        """`terraform init` on the environment's state."""
        self._terraform("init", "-reconfigure", f"-backend-config={self._environment.backend}")

    def plan(self, release: str) -> None:
        """Shows what Terraform would change."""
        self._terraform("plan", "-lock=false", *self._variables(release))

    def last(self) -> Run:
        """By Dataflow, and not by Terraform's state: that may have a release which Dataflow has
        refused."""
        return self._job.last()

    def differences(self, running: str, wanted: str) -> tuple[str, ...] | None:
        """Of the two releases' interfaces, under the names that the wanted one gives, where this
        checkout knows both commits (docs/updates.md)."""
        before = self._checkout.file(running, INTERFACE)
        after = self._checkout.file(wanted, INTERFACE)
        if before is None or after is None:
            return None
        names = json.loads(self._checkout.file(wanted, NAMES) or "{}")
        return tuple(map(str, sorted(incompatibilities(before, after, names))))

    def drain(self) -> None:
        """Drains the job."""
        self._job.drain()

    def apply(self, release: str) -> None:
        """`terraform apply`: tables and views, then the job; a job that runs is updated.

        RetriableError where Terraform fails, and where it does not and the release does not run.
        """
        self._terraform("apply", "-auto-approve", *self._variables(release))
        last = self._job.started()
        if not last.live or last.release != release:
            what = f"{last.release} does" if last.live else "nothing does"
            raise RetriableError(
                f"terraform apply has ended well, and {release} does not run: {what}. "
                "runbooks/pipeline-failed.md has where Dataflow says why; then the same command "
                "again, with REPLACE=1 where it refused the update"
            )

    def _variables(self, release: str) -> Sequence[str]:
        return (f"-var-file={self._environment.variables}", f"-var=release={release}")

    def _terraform(self, command: str, *arguments: str) -> None:
        """RetriableError where it fails."""
        done = subprocess.run(
            [program("terraform"), command, "-input=false", *arguments],
            cwd=self._environment.folder,
            check=False,
        )
        if done.returncode:
            hint = ""
            if command == "apply":
                hint = "; where Dataflow refused the update, the same again with REPLACE=1"
            raise RetriableError(f"terraform {command} has failed: it says why above{hint}")
