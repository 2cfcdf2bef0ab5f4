"""How long Terraform takes without a network: `make terraform` (docs/cloud.md has the figure)."""

import sys
import tempfile
import time
from pathlib import Path

from offline import copied, environment, missing, terraform, tested


def main() -> int:
    """Exit code 1 where anything fails."""
    if reason := missing():
        print(f"Terraform was NOT run: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inner, environ = copied(folder), environment(folder)
        spent = {}
        for step in (("init", "-backend=false", "-input=false"), ("validate",)):
            begun = time.monotonic()
            done = terraform(inner, environ, *step, "-no-color")
            spent[step[0]] = time.monotonic() - begun
            if done.returncode:
                print(done.stdout, done.stderr)
                return 1
        begun = time.monotonic()
        said = tested(inner, environ)
        spent["test"] = time.monotonic() - begun
    print(*(f"{step} {seconds:.1f} s" for step, seconds in spent.items()), sep=", ")
    print(f"{said.passed} runs passed", *said.failures, sep="\n")
    return 1 if said.failures else 0


if __name__ == "__main__":
    sys.exit(main())
