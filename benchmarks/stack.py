"""The whole stack as people run it, `salesintel up`, and the memory that its processes hold."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from embedded.directory import DataDirectory
from operations.console import running
from schemas.errors import ConfigurationError, FatalError

UP = [sys.executable, "-c", "from operations.cli import main; main()", "up"]
ROOT = Path(__file__).parent.parent
START_S = 180.0
STOP_S = 60.0
PROBE_S = 0.1
SAMPLE_S = 1.0
MB = 1_000_000


class Sample(NamedTuple):
    """Memory in bytes at a moment (seconds of the monotonic clock), by process; a page that several
    share counts for each of them with its part."""

    moment: float
    resident: dict[str, int]

    @property
    def whole(self) -> int:
        """Of all together."""
        return sum(self.resident.values())


class BenchStack:
    """A stack that runs, and what it holds of the memory, sampled each second."""

    def __init__(self, directory: DataDirectory, supervisor: int) -> None:
        self.directory = directory
        self._supervisor = supervisor
        self.samples: list[Sample] = []

    def sample(self) -> Sample:
        """Resident memory now."""
        pids = {"supervisor": self._supervisor}
        for name, seen in self.directory.read_health().items():
            if isinstance(seen["pid"], int):
                pids[name] = seen["pid"]
        resident = {name: resident_bytes(pid) for name, pid in pids.items()}
        self.samples.append(Sample(time.monotonic(), resident))
        return self.samples[-1]

    def restarts(self) -> int:
        """How often a child had to be started again: none may."""
        seen = self.directory.read_health().values()
        return sum(one["restarts"] for one in seen if isinstance(one["restarts"], int))

    def peak(self) -> int:
        """The most that all processes held together."""
        return max(sample.whole for sample in self.samples)

    def peak_of(self, name: str) -> int:
        """The most that one process held."""
        return max(sample.resident[name] for sample in self.samples)

    def slope_mb_a_minute(self, name: str, since: float, until: float) -> float:
        """How fast a process's memory grew between two moments, by least squares."""
        points = [(s.moment, s.resident[name]) for s in self.samples if since <= s.moment <= until]
        middle = sum(x for x, _ in points) / len(points)
        spread = sum((x - middle) ** 2 for x, _ in points)
        return sum((x - middle) * y for x, y in points) / spread * 60 / MB if spread else 0.0


def resident_bytes(pid: int) -> int:
    """Proportional set size of a process (proc(5), smaps_rollup); 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("Pss:")), 0)


@contextmanager
def running_stack(path: Path, settings: Path) -> Iterator[BenchStack]:
    """Starts a stack on a fresh directory, samples it, and stops it."""
    directory = DataDirectory(path)
    said = path.with_suffix(".txt")
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*UP, "--data", str(path), "--settings", str(settings)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
        ended = threading.Event()
        try:
            _await(process, directory, said)
            stack = BenchStack(directory, process.pid)
            stack.sample()
            sampler = threading.Thread(target=_sample, args=(stack, ended), daemon=True)
            sampler.start()
            yield stack
            ended.set()
            sampler.join()
        finally:
            ended.set()
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()  # the kernel ends its children with it


def _await(process: subprocess.Popen[bytes], directory: DataDirectory, said: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            running(directory)
        except ConfigurationError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise FatalError(f"the stack does not start:\n{said.read_text()}") from None
            time.sleep(PROBE_S)
        else:
            return


def _sample(stack: BenchStack, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_S):
        stack.sample()
