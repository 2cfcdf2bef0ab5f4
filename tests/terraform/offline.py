"""Terraform without a network: the real schema of Google's providers, and values that are made up.

`../shared/terraform/offline-mirror` serves the schema (of hashicorp/google 8.7.0) by a stand-in
that calls nobody. It knows arguments, blocks and types; the provider's own enums, patterns and
rules across fields it does not know.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MIRROR = ROOT.parent / "shared" / "terraform" / "offline-mirror"
LOOKED_AT = ("terraform", "warehouse/views", "runbooks", "templates")
"""What Terraform reads of the repository."""
_TYPE = re.compile(r'^(?:resource|data) "(google_[a-z0-9_]+)"', re.MULTILINE)
TIMEOUT_S = 280


class Resource(NamedTuple):
    """A resource as a plan has it: `key` is that of its for_each, `values` what is known of it."""

    type: str
    name: str
    key: str
    values: Mapping[str, Any]


class Tested(NamedTuple):
    """What `terraform test` said: failures by run, with their words, and each run's plan."""

    passed: int
    failures: tuple[str, ...]
    plans: Mapping[str, tuple[Resource, ...]]


def missing() -> str:
    """Why Terraform cannot run here; empty where it can."""
    if shutil.which("terraform") is None:
        return "needs terraform 1.11 on the PATH"
    if not MIRROR.exists():
        return f"needs the providers' schema by {MIRROR}"
    return ""


def copied(folder: Path) -> Path:
    """A copy of what Terraform reads, for it writes beside it; gives terraform's own folder."""
    for part in LOOKED_AT:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*"))
    return folder / "terraform"


def environment(folder: Path) -> dict[str, str]:
    """The variables under which Terraform finds the stand-in, with a schema of what is used alone:
    all of it takes seconds to load, each time."""
    lines = subprocess.run(
        ["bash", MIRROR], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    ).stdout
    found = dict(re.findall(r"(\w+)='?([^'\s]+)'?", lines.removeprefix("export ")))
    schemas = folder / "schemas"
    schemas.mkdir(exist_ok=True)
    used = {
        name
        for path in (folder / "terraform").rglob("*.tf")
        for name in _TYPE.findall(path.read_text(encoding="utf-8"))
    }
    for provider in ("google", "google-beta"):
        known = json.loads(Path(found["TF_STANDIN_SCHEMAS"], f"{provider}.json").read_text())
        # The stand-in lacks the global one; the regional one has its shape.
        regional = known["resources"]["google_compute_region_url_map"]
        known["resources"].setdefault("google_compute_url_map", regional)
        for kind in ("resources", "data_sources"):
            known[kind] = {name: one for name, one in known[kind].items() if name in used}
        (schemas / f"{provider}.json").write_text(json.dumps(known))
    return os.environ | found | {"TF_STANDIN_SCHEMAS": str(schemas), "CHECKPOINT_DISABLE": "1"}


def terraform(
    folder: Path, environ: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs it in a folder."""
    return subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def tested(folder: Path, environ: Mapping[str, str], *filters: str) -> Tested:
    """`terraform test` of a folder that is initialised; of some files alone where named."""
    arguments = ["test", "-json", "-verbose", *(f"-filter={name}" for name in filters)]
    told = [json.loads(line) for line in terraform(folder, environ, *arguments).stdout.splitlines()]
    passed, failures, plans = 0, [], {}
    for one in told:
        if one["type"] == "test_run" and one["test_run"].get("progress", "complete") == "complete":
            passed += one["test_run"]["status"] == "pass"
        elif one["type"] == "diagnostic" and one["diagnostic"]["severity"] == "error":
            diagnostic = one["diagnostic"]
            run = one.get("@testrun", "")
            failures.append(f"{run}: {diagnostic['summary']}: {diagnostic.get('detail', '')}")
        elif one["type"] == "test_plan":
            plans[one["@testrun"]] = tuple(_resources(one["test_plan"]))
    return Tested(passed, tuple(failures), plans)


def _resources(plan: Mapping[str, Any]) -> Iterator[Resource]:
    for one in plan["resource_changes"]:
        yield Resource(one["type"], one["name"], str(one.get("index", "")), one["change"]["after"])
