"""What runs on GitHub: the targets of .ci/run and of a release, with no key and no more rights than
each takes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.release.dataflow import DRAIN_S, START_S

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
BOOTSTRAP = ROOT / "terraform" / "bootstrap" / "federation.tf"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
PINNED = re.compile(r"[\w.-]+/[\w.-]+@(v\d+|[0-9a-f]{40})\Z")
FEDERATED = "google-github-actions/auth"


def steps(workflow: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def made(workflow: Mapping[str, Any]) -> list[str]:
    """The lines that a workflow runs."""
    return [step["run"] for step in steps(workflow) if "run" in step]


def triggers(workflow: Mapping[Any, Any]) -> Mapping[str, Any]:
    """`on`, which YAML takes for a truth."""
    return dict(workflow[True])


def test_there_is_one_for_changes_and_one_for_releases() -> None:
    assert WORKFLOWS.keys() == {"ci", "release"}


def test_every_change_is_checked_as_it_is_here() -> None:
    here = [
        line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if "make" in line
    ]
    assert made(WORKFLOWS["ci"]) == here
    assert "pull_request" in triggers(WORKFLOWS["ci"])


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_every_line_is_a_target_that_there_is(name: str) -> None:
    for line in made(WORKFLOWS[name]):
        command, *targets = line.split()
        assert command == "make" and targets and set(targets) <= TARGETS, line


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_what_others_wrote_is_pinned(name: str) -> None:
    used = [step["uses"] for step in steps(WORKFLOWS[name]) if "uses" in step]
    assert used and all(PINNED.match(one) for one in used), used


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_no_key_is_kept_anywhere(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"secrets\.|credentials_json|_KEY\b|token:", code.replace("id-token:", ""))


def test_a_workflow_has_the_rights_that_it_takes() -> None:
    assert all(one["permissions"] == {"contents": "read"} for one in WORKFLOWS.values())
    given = {
        (name, job): one["permissions"]
        for name, workflow in WORKFLOWS.items()
        for job, one in workflow["jobs"].items()
        if "permissions" in one
    }
    assert given == {("release", "release"): {"contents": "read", "id-token": "write"}}


def test_a_pull_request_never_meets_the_cloud() -> None:
    assert not [step for step in steps(WORKFLOWS["ci"]) if FEDERATED in step.get("uses", "")]
    assert "pull_request_target" not in triggers(WORKFLOWS["ci"])


def test_a_release_is_a_tag_that_people_have_approved() -> None:
    release = WORKFLOWS["release"]
    assert triggers(release).keys() == {"push", "workflow_dispatch"}
    assert triggers(release)["push"] == {"tags": ["v*"]}
    assert release["jobs"]["release"]["environment"] == "production"
    (federated,) = (step for step in steps(release) if FEDERATED in step.get("uses", ""))
    assert federated["with"].keys() == {"workload_identity_provider", "service_account"}


def test_whoever_runs_a_release_chooses_one_target_and_types_nothing() -> None:
    inputs = triggers(WORKFLOWS["release"])["workflow_dispatch"]["inputs"]
    assert {one["type"] for one in inputs.values()} == {"choice", "boolean"}
    ran = {step["if"]: step["run"] for step in steps(WORKFLOWS["release"]) if "if" in step}
    assert ran.pop("github.event_name == 'push'") == "make image push plan"
    options = inputs["action"]["options"]
    assert options == ["plan", "deploy", "verify", "drain", "rollback"]
    assert ran == {f"inputs.action == '{one}'": f"make {one}" for one in options}


def test_a_release_knows_the_commits_of_those_before_and_its_own() -> None:
    (release,) = WORKFLOWS["release"]["jobs"].values()
    assert release["steps"][0]["with"]["fetch-depth"] == 0
    assert release["env"]["RELEASE"] == "${{ github.sha }}"
    assert release["timeout-minutes"] * 60 > DRAIN_S + START_S + 3_600


def test_google_takes_tags_of_our_repository_alone() -> None:
    text = BOOTSTRAP.read_text("utf-8")
    for condition in (
        "assertion.repository_id == '${var.repository_id}'",
        "assertion.ref_type == 'tag'",
        "assertion.environment == 'production'",
    ):
        assert condition in text
    assert "google_service_account_key" not in text
