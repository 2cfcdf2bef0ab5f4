"""`salesintel release` and the make targets that call it, where somebody deploys: shown first,
refused where it would do harm, and carried out with --yes."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1
from release_place import PROJECT, Checkout, Dataflow, Place, released_to
from typer.testing import CliRunner, Result

from operations import cli, releasing
from operations.release import dataflow as draining
from operations.release.positions import SUBSCRIPTIONS, Positions

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with released_to(tmp_path, monkeypatch) as made:
        yield made


class Desk(NamedTuple):
    """Where somebody deploys: a checkout in which `salesintel release` is typed."""

    checkout: Checkout
    jobs: Dataflow
    positions: Positions

    def call(self, action: str, *arguments: str) -> Result:
        line = ["release", action, "--environment", "dev", *arguments]
        return CliRunner().invoke(cli.app, line, catch_exceptions=False)


@pytest.fixture
def desk(place: Place, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = place.checkout.path
    (folder / "environments").mkdir()
    variables = f'project = "{PROJECT}"\nregion = "r"\n'
    (folder / "environments" / "dev.tfvars").write_text(variables)
    for tag in ("abc", "def"):
        place.checkout.commit("tag", tag, tag)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(releasing, "acting", lambda project, looks: AnonymousCredentials())
    monkeypatch.setattr(releasing, "dataflow_service", lambda credentials: place.client)
    monkeypatch.setattr(draining, "PROBE_S", 0.01)
    return Desk(place.checkout, place.jobs, place.positions)


def test_a_release_is_shown_first_and_brought_and_taken_back_with_yes(desk: Desk) -> None:
    desk.jobs.start("abc")
    shown = desk.call("deploy", "--release", "def", "--replace")
    assert shown.exit_code == 0, shown.output
    assert "abc → def: snapshot, drain, seek, apply" in shown.stdout
    assert desk.checkout.calls()[-1].startswith("plan")
    assert not desk.positions.kept("abc-to-def")
    done = desk.call("deploy", "--release", "def", "--replace", "--yes")
    assert "gcloud run jobs execute verify-1h --wait --project=" in done.stdout
    assert desk.jobs.states() == ["DRAINED", "RUNNING"]
    assert desk.positions.kept("abc-to-def")
    desk.checkout.check_out("abc")
    back = desk.call("rollback", "--release", "abc", "--yes")
    assert "def → abc: drain, seek, apply, forget" in back.stdout
    assert desk.checkout.calls()[-1].endswith("-var=release=abc")
    assert not desk.positions.kept("abc-to-def")


def test_what_nobody_kept_is_told_when_it_is_not_sought_back(desk: Desk) -> None:
    desk.jobs.start("abc")
    desk.call("deploy", "--release", "def", "--replace", "--yes")
    with pubsub_v1.SubscriberClient() as subscriber:
        lost = f"projects/{PROJECT}/snapshots/{SUBSCRIPTIONS[2]}-abc-to-def"
        subscriber.delete_snapshot(snapshot=lost)
    desk.checkout.check_out("abc")
    back = desk.call("rollback", "--release", "abc", "--yes")
    assert f"not sought back, for nothing was kept of it: {SUBSCRIPTIONS[2]}" in back.stdout


def test_what_terraform_cannot_plan_leaves_the_stream_as_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.jobs.start("abc")
    monkeypatch.setenv("PLAN_FAILS", "1")
    refused = desk.call("deploy", "--release", "def", "--replace", "--yes")
    assert refused.exit_code == 1
    assert "terraform plan has failed" in refused.stderr
    assert desk.jobs.states() == ["RUNNING"]
    assert not desk.positions.kept("abc-to-def")


def test_a_plan_that_drops_what_a_newer_release_has_made_is_not_carried_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.jobs.start("newer")
    before = {"dataset_id": "sales", "table_id": "deals", "schema": '[{"name": "new"}]'}
    change = {"actions": ["update"], "before": before, "after": {**before, "schema": "[]"}}
    planned = {"resource_changes": [{"type": "google_bigquery_table", "change": change}]}
    monkeypatch.setenv("PLANNED", json.dumps(planned))
    refused = desk.call("rollback", "--release", "def", "--yes")
    assert refused.exit_code == 2
    assert "would drop sales.deals.new" in refused.stderr and "THIS_CHECKOUT=1" in refused.stderr
    assert desk.jobs.states() == ["RUNNING"]


@pytest.mark.parametrize("action", ["deploy", "rollback"])
@pytest.mark.parametrize("release", ["abc", "nowhere"])
def test_no_release_is_brought_from_the_checkout_of_another_unless_that_is_meant(
    desk: Desk, action: str, release: str
) -> None:
    """Terraform's files would be of the one, and the image of the other."""
    desk.jobs.start("older")
    refused = desk.call(action, "--release", release, "--yes")
    assert refused.exit_code == 2
    assert f"not at {release}" in refused.stderr and f"git checkout {release}" in refused.stderr
    assert not desk.checkout.calls()
    shown = desk.call(action, "--release", release)
    assert f"this checkout is not at {release}" in shown.stdout
    assert desk.checkout.calls()[-1].startswith("plan")
    meant = desk.call(action, "--release", release, "--this-checkout", "--yes")
    assert meant.exit_code == 0, meant.stderr
    assert desk.jobs.states() == ["UPDATED", "RUNNING"]


def test_an_environment_is_verified_by_its_own_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud = desk.checkout.path / "bin" / "gcloud"
    gcloud.write_text('#!/bin/sh\necho "$@" >> "$NOTED"\nexit "${VERIFIED:-0}"\n')
    gcloud.chmod(0o755)
    assert desk.call("verify", "--within", "24h").exit_code == 0
    account = f"launcher@{PROJECT}.iam.gserviceaccount.com"
    assert desk.checkout.calls() == [
        f"run jobs execute verify-24h --wait --project={PROJECT} --region=r "
        f"--impersonate-service-account={account}"
    ]
    monkeypatch.setenv("VERIFIED", "1")
    amiss = desk.call("verify")
    assert amiss.exit_code == 1 and "verify-1h of dev has not ended well" in amiss.stderr
    assert desk.call("verify", "--within", "1y").exit_code == 2


def test_make_verify_is_of_this_machine_unless_an_environment_is_named() -> None:
    def made(*named: str) -> str:
        line = ["make", "-n", "verify", "WITHIN=7d", *named]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "salesintel verify --within 7d" in made()
    assert "salesintel release verify --environment prod --within 7d" in made("ENVIRONMENT=prod")


def test_a_drain_is_shown_first_too(desk: Desk) -> None:
    desk.jobs.start("abc")
    assert "with --yes" in desk.call("drain").stdout
    assert desk.jobs.states() == ["RUNNING"]
    assert "messages wait" in desk.call("drain", "--yes").stdout
    assert desk.jobs.states() == ["DRAINED"]


def test_what_cannot_be_released_is_refused_before_anything_is_asked(desk: Desk) -> None:
    for arguments, words in (
        (("ship",), "plan, deploy, drain, rollback"),
        (("plan", "--release", "NO"), "tag of an image"),
        (("rollback", "--release", "def"), "nothing has run"),
    ):
        refused = desk.call(*arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr


@pytest.mark.parametrize("target", ["plan", "deploy", "rollback", "drain"])
def test_the_make_targets_call_it(target: str) -> None:
    line = ["make", "-n", target, "ENVIRONMENT=prod", "RELEASE=abc", "REPLACE=1", "THIS_CHECKOUT=1"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = (
        f"salesintel release {target} --environment prod --release abc --replace --this-checkout"
    )
    assert wanted in done.stdout
    assert ("--yes" in done.stdout) is (target != "plan")
