"""The image of workers: what its locked packages weigh, and how long its entry takes to load.

Sizes are those of the packages as they are installed here, by the files that each says it has and
that templates/trim.py leaves: of requirements.txt alone, not of the tests and the one-machine
stack. The plain Python below them, some 130 MB, is not in it. `entry_import_s` is what a launcher
does before it reads a parameter, and a worker before its first element: the median of fresh
processes, bytecode compiled as in the image.
"""

import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from templates.trim import is_trimmed

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
ENTRY = "import pipelines.main"
RUNS = 7
MB = 1_000_000

BARS = {
    "packages_mb": ("<=", 900.0),
    "entry_import_s": ("<=", 3.0),
}

_PIN = re.compile(r"^([A-Za-z0-9][^\\]*?==[^\\]*?)\s*\\?$", re.MULTILINE)


def locked(lock: str) -> list[str]:
    """Names of the packages that a lock has for a machine like this one."""
    pins = (Requirement(pin) for pin in _PIN.findall(lock))
    return sorted({one.name for one in pins if one.marker is None or one.marker.evaluate()})


def installed_bytes(name: str) -> int:
    """Bytes of a package's files in the image, bytecode among them; LookupError where it is not
    installed."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        raise LookupError(f"{name} is locked and not installed: run make setup") from None
    paths = (Path(str(one.locate())) for one in files if not is_trimmed(one.as_posix()))
    return sum(path.stat().st_size for path in paths if path.is_file())


def import_s(statement: str) -> float:
    """Seconds from the start of a fresh process to its end, with a statement between."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, cwd=ROOT)
    return time.perf_counter() - began


def run(quick: bool = False) -> dict[str, float]:
    """Sizes in MB, imports in seconds."""
    sizes = {name: installed_bytes(name) for name in locked(LOCK.read_text(encoding="utf-8"))}
    if not quick:
        # What is on the disk is in memory from then on.
        import_s(ENTRY)
    times = [import_s(ENTRY) for _ in range(1 if quick else RUNS)]
    figures = {
        "packages_mb": sum(sizes.values()) / MB,
        "packages_count": float(len(sizes)),
        "entry_import_s": statistics.median(times),
    }
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    return figures | {f"{name.replace('-', '_')}_mb": sizes[name] / MB for name in largest}
