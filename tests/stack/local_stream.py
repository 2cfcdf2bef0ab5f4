"""The stream of a release on this machine: what `operations.release` deploys in a rehearsal."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from small_stack import SmallStack

from operations.release.carrying_out import Run

STARTED = "the pipeline is running"


class LocalStream:
    """A pipeline's process; a release is a number of shards, which no running state can change."""

    def __init__(self, stack: SmallStack, settings: Path, releases: Mapping[str, int]) -> None:
        self.log = stack.directory.logs / "pipeline.log"
        self._stack = stack
        self._settings = settings
        self._releases = releases
        self._process: subprocess.Popen[bytes] | None = None
        self._last = Run()

    def last(self) -> Run:
        return self._last._replace(live=self._process is not None)

    def differences(self, running: str, wanted: str) -> tuple[str, ...]:
        same = self._releases[running] == self._releases[wanted]
        return () if same else ("the shards are others",)

    def drain(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(120) == 0, self.log.read_text()[-2_000:]
            self._process = None

    def apply(self, release: str) -> None:
        assert self._process is None, "the rehearsal's releases cannot be updated in place"
        stack, directory = self._stack.stack, self._stack.directory
        # It goes back to where the release says, not by itself to its own low-water marks.
        directory.marks.unlink(missing_ok=True)
        options = {
            "project": stack.project,
            "pubsub": stack.pubsub,
            "rest": stack.rest,
            "grpc": stack.grpc,
            "objects": directory.objects,
            "marks": directory.marks,
            "settings": self._settings,
            "shards": self._releases[release],
        }
        line = [f"--{name}={value}" for name, value in options.items()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "embedded.pipeline", *line],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._last = Run(str(self._process.pid), release)
