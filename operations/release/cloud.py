"""The stream in the cloud: Terraform makes the job, Dataflow runs and drains it."""

import json
import subprocess
import tempfile
from collections.abc import Sequence

from operations.release.carrying_out import Run
from operations.release.checkout import Checkout, program
from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment
from operations.release.planned import taken_away
from pipelines.compatibility import incompatibilities
from schemas.errors import FatalError, RetriableError

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
        """Shows what Terraform would change; FatalError where that takes rows away."""
        with tempfile.TemporaryDirectory() as folder:
            saved = f"{folder}/plan"
            self._terraform("plan", "-lock=false", f"-out={saved}", *self._variables(release))
            gone = taken_away(json.loads(self._terraform("show", "-json", saved, quiet=True)))
        if gone:
            raise FatalError(
                f"Terraform would drop {', '.join(gone)}: a newer release has made it. Stay in the "
                "checkout of that one, and give the same command with --this-checkout "
                "(THIS_CHECKOUT=1): the older image writes the older columns alone"
            )

    def last(self) -> Run:
        """By Dataflow, and not by Terraform's state: that may have a release which Dataflow has
        refused."""
        return self._job.last()

    def differences(self, running: str, wanted: str) -> tuple[str, ...] | None:
        """Of the two releases' interfaces, where this checkout knows both commits, under the names
        that Terraform passes on: those of this tree (docs/updates.md)."""
        before = self._checkout.file(running, INTERFACE)
        after = self._checkout.file(wanted, INTERFACE)
        if before is None or after is None:
            return None
        names = json.loads((self._environment.folder.parent / NAMES).read_text("utf-8"))
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

    def _terraform(self, command: str, *arguments: str, quiet: bool = False) -> str:
        """What it says, where `quiet`; RetriableError where it fails."""
        asked = () if command == "show" else ("-input=false",)
        done = subprocess.run(
            [program("terraform"), command, *asked, *arguments],
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
