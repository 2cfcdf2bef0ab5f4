"""Mistakes that somebody could make in terraform/, each of which the tests have to notice.

`python tests/terraform/mutations.py` makes them one by one in a copy and says what noticed each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutation import PAGE, Mutation
from mutations_of_access import ACCESS
from mutations_of_wiring import WIRING
from offline import MIRROR, ROOT, missing

MUTATIONS: tuple[Mutation, ...] = (*ACCESS, *WIRING)

OPTIONS = (
    "-q",
    "--tb=no",
    "-rfE",
    "-p",
    "no:cacheprovider",
    "--ignore=tests/terraform/test_mutations.py",
    "tests/terraform",
)
QUICK = ("-m", "not slow", "tests/schemas/test_tables.py", "tests/test_workflows.py")
SLOW = ("-m", "slow")
TIMEOUT_S = 280


def copied(folder: Path, *, plans: bool = False) -> Path:
    """A copy of what git tracks, with the schemas of the providers beside it; with the one plan by
    which most mistakes are seen, unless all `plans` are wanted."""
    copy = folder / "project"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    shared = MIRROR.parents[1].resolve()
    (folder / shared.name).symlink_to(shared)
    if plans:
        return copy
    tests = copy / "terraform" / "tests" / "everything.tftest.hcl"
    whole, _, _ = tests.read_text(encoding="utf-8").partition("\n\n# One source, a key of ours")
    tests.write_text(whole + "\n", encoding="utf-8")
    return copy


def make(mutation: Mutation, copy: Path) -> None:
    """Makes the mistake, and writes the page of permissions anew as who makes it would."""
    path = copy / mutation.path
    text = path.read_text(encoding="utf-8")
    assert mutation.old in text, f"{mutation.path} no longer holds {mutation.old!r}"
    path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    if mutation.path != PAGE:
        folder = copy / "tests" / "terraform"
        subprocess.run([sys.executable, "permissions_page.py"], cwd=folder, check=True)


def failing(copy: Path, *selection: str) -> list[str]:
    """Names of the tests of a selection that fail in a copy."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *selection],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode not in (0, 1) or " skipped" in done.stdout:
        raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
    told = (line.split() for line in done.stdout.splitlines())
    ends = (words[1] for words in told if words[:1] in (["FAILED"], ["ERROR"]))
    return [end.rpartition("::")[2].partition("[")[0] for end in ends]


def noticed_by(copy: Path, mutation: Mutation | None = None) -> str:
    """The first test that fails in a copy; empty where none does."""
    where = (QUICK, SLOW) if mutation is None or mutation.noticed else (SLOW, QUICK)
    for selection in where:
        for name in failing(copy, "-x", *selection):
            return name
    return ""


def main() -> int:
    """Exit code 1 where a mistake went by unnoticed."""
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        if by := noticed_by(copied(Path(folder))):
            sys.exit(f"{by} fails without a mistake: nothing would be noticed by it")
    caught, begun = 0, time.monotonic()
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            copy = copied(Path(folder), plans=mutation.plans)
            make(mutation, copy)
            by = noticed_by(copy, mutation)
        caught += bool(by)
        print(f"{mutation.name}: {by or 'NOT NOTICED'}", flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(f"{caught} of {len(MUTATIONS)} noticed, in {minutes:.0f} minutes")
    return 0 if caught == len(MUTATIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
