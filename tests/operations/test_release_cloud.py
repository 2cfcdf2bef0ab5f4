"""A release by the real clients: Pub/Sub's against the embedded server, Dataflow's against a
stand-in of its API, and a terraform that notes how it is called."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1
from release_place import PROJECT, Checkout, Dataflow, dataflow_at
from typer.testing import CliRunner, Result

from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from operations import cli, releasing
from operations.release import dataflow as draining
from operations.release.carrying_out import carry_out, facts_of
from operations.release.cloud import INTERFACE, CloudStream
from operations.release.dataflow import StreamingJob
from operations.release.positions import SUBSCRIPTIONS, Positions
from operations.release.steps import Decision, decided
from schemas.errors import FatalError, RetriableError

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path / "desk" / "terraform", monkeypatch)


@pytest.fixture
def positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Positions]:
    server = PubSubServer(tmp_path / "pubsub")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    provision_messaging(PROJECT)
    with pubsub_v1.SubscriberClient() as subscriber:
        yield Positions(subscriber, PROJECT)
    server.stop()


class Place(NamedTuple):
    """Where is released to, and by which clients."""

    checkout: Checkout
    jobs: Dataflow
    client: Any
    positions: Positions

    def stream(self, patience_s: float = 60.0) -> CloudStream:
        at_once: Any = str
        job = StreamingJob(self.client, PROJECT, "r", wait=at_once, patience_s=patience_s)
        return CloudStream(self.checkout.environment, job)

    def decision(self, wanted: str, *, back: bool = False, replace: bool = False) -> Decision:
        facts = facts_of(self.stream(), self.positions, wanted, back=back, replace=replace)
        return decided(facts)

    def release(self, wanted: str, *, back: bool = False, replace: bool = False) -> tuple[str, ...]:
        """The steps that were taken."""
        decision = self.decision(wanted, back=back, replace=replace)
        carry_out(decision, wanted, self.stream(), self.positions)
        return decision.steps

    def broken_off_before(self, step: str, wanted: str) -> None:
        """A replacement of what runs that gets as far as that."""
        decision = self.decision(wanted, replace=True)
        steps = decision.steps[: decision.steps.index(step)]  # type: ignore[arg-type]
        carry_out(decision._replace(steps=steps), wanted, self.stream(), self.positions)


@pytest.fixture
def place(checkout: Checkout, positions: Positions) -> Iterator[Place]:
    jobs = Dataflow(checkout.launched)
    with dataflow_at(jobs) as client:
        yield Place(checkout, jobs, client, positions)


REPLACED = ("snapshot", "drain", "seek", "apply")


def test_a_first_deployment_applies_and_asks_for_nothing_else(place: Place) -> None:
    place.stream().prepare()
    assert place.release("abc") == ("apply",)
    assert place.checkout.calls() == [
        "init -input=false -reconfigure -backend-config=environments/dev.backend",
        "apply -input=false -auto-approve -var-file=environments/dev.tfvars -var=release=abc",
    ]
    assert place.stream().last()[1:] == ("abc", True, False)


def test_a_stream_that_was_drained_goes_on_from_where_it_is_however_it_came_to_run(
    place: Place,
) -> None:
    place.release("a")
    assert place.release("b", replace=True) == REPLACED
    place.stream().drain()
    assert place.release("b") == ("apply",)
    assert place.jobs.states() == ["DRAINED", "DRAINED", "RUNNING"]


@pytest.mark.parametrize("drained", [False, True])
def test_a_release_that_comes_again_is_not_taken_back_to_where_it_began_before(
    place: Place, drained: bool
) -> None:
    """a-to-b is there from the first time; nobody goes back to it the second time."""
    for release in ("a", "b", "c", "a"):
        place.release(release, replace=True)
    first = place.positions.kept("a-to-b")
    if drained:
        place.stream().drain()
        assert place.release("b") == ("forget", "apply")
        assert not place.positions.kept("a-to-b")
    else:
        assert place.release("b", replace=True) == REPLACED
        assert place.positions.kept("a-to-b") not in ("", first)


def test_the_same_release_is_replaced_where_that_is_asked_for(place: Place) -> None:
    place.release("b")
    assert place.release("b", replace=True) == REPLACED
    assert place.release("b") == ("forget", "apply")


@pytest.mark.parametrize(
    ("step", "again"),
    [("drain", REPLACED), ("seek", ("seek", "apply")), ("apply", ("seek", "apply"))],
)
def test_what_was_broken_off_goes_on_with_the_same_command(
    place: Place, step: str, again: tuple[str, ...]
) -> None:
    place.jobs.start("other", name="other")
    place.release("a")
    place.broken_off_before(step, "b")
    assert place.release("b") == again
    assert place.jobs.states() == ["DRAINED", "RUNNING"]
    assert place.jobs.states("other") == ["RUNNING"]


def test_what_was_broken_off_in_the_drain_waits_for_its_end(place: Place) -> None:
    place.release("a")
    place.broken_off_before("drain", "b")
    place.jobs.drains_after = 1_000
    with pytest.raises(RetriableError, match="JOB_STATE_DRAINING after 30 s"):
        place.stream(patience_s=30.0).drain()
    assert place.decision("c").steps == ("drain", "apply")
    place.jobs.drains_after = place.jobs.polls + 2
    assert place.release("b") == ("drain", "seek", "apply")


def test_a_failed_apply_says_what_to_do_and_the_next_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.release("a")
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(RetriableError, match="REPLACE=1"):
        place.release("b", replace=True)
    monkeypatch.setenv("FAILS", "0")
    assert place.release("b") == ("seek", "apply")


def test_what_runs_is_what_dataflow_says_and_not_what_terraform_believes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.release("a")
    monkeypatch.setenv("REFUSED", "1")
    with pytest.raises(RetriableError, match="b does not run: a does"):
        place.release("b")
    assert place.stream().last().release == "a"
    place.stream().drain()
    with pytest.raises(RetriableError, match="b does not run: nothing does"):
        place.release("b")


def test_a_job_that_fails_as_it_starts_is_not_taken_for_one_that_runs(place: Place) -> None:
    place.jobs.starts_as = "JOB_STATE_FAILED"
    with pytest.raises(RetriableError, match="v1.2 does not run: nothing does"):
        place.release("v1.2")
    place.jobs.start("v1_3")
    assert place.stream().last()[1:] == ("v1.3", False, False)


def test_a_job_that_starts_is_waited_for(place: Place) -> None:
    place.jobs.starts_as = "JOB_STATE_QUEUED"
    place.release("a")
    assert place.jobs.states() == ["QUEUED"]
    assert place.stream().last()[1:] == ("a", True, False)


def test_an_update_that_was_refused_did_not_run_last(place: Place) -> None:
    place.release("a")
    place.jobs.starts_as = "JOB_STATE_FAILED"
    place.jobs.jobs[0]["name"] = "aside"
    place.jobs.start("b")
    place.jobs.jobs[0]["name"] = "stream"
    assert place.stream().last().release == "a"
    place.stream().drain()
    assert place.stream().last()[1:] == ("a", False, False)


def test_a_rollback_goes_back_to_the_snapshots_that_were_made_before(place: Place) -> None:
    place.release("a")
    place.release("b", replace=True)
    assert place.release("a", back=True) == ("drain", "seek", "apply", "forget")
    assert place.checkout.calls()[-1].endswith("-var=release=a")
    assert not place.positions.kept("a-to-b")


def test_a_rollback_past_a_release_says_that_nothing_is_read_again(place: Place) -> None:
    for release in ("a", "b", "c"):
        place.release(release, replace=True)
    decision = place.decision("a", back=True)
    assert decision.position == "c-to-a"
    assert "what c has read is not read again" in decision.why


def test_positions_are_of_every_subscription_and_of_the_last_time(positions: Positions) -> None:
    assert len(SUBSCRIPTIONS) == 6
    assert not positions.kept("a-to-b")
    for job in ("first", "second"):
        positions.keep("a-to-b", job)
        assert positions.kept("a-to-b") == job
    assert positions.seek("a-to-b") == ()
    for _ in range(2):
        positions.forget("a-to-b")
    assert not positions.kept("a-to-b")


def test_a_subscription_that_the_release_adds_is_left_where_it_stands(
    positions: Positions,
) -> None:
    added = SUBSCRIPTIONS[0]
    with pubsub_v1.SubscriberClient() as subscriber:
        name = f"projects/{PROJECT}/subscriptions/{added}"
        made = subscriber.get_subscription(subscription=name)
        subscriber.delete_subscription(subscription=name)
        positions.keep("a-to-b", "job")
        assert positions.kept("a-to-b") == "job"
        subscriber.create_subscription(name=name, topic=made.topic)
    assert positions.seek("a-to-b") == (added,)


def test_a_drain_of_nothing_is_no_drain(place: Place) -> None:
    place.stream().drain()
    place.release("a")
    for _ in range(2):
        place.stream().drain()
    assert place.jobs.states() == ["DRAINED"]


def test_releases_are_compared_as_their_commits_have_them(place: Place) -> None:
    text = (ROOT / INTERFACE).read_text()
    first = place.checkout.commit(INTERFACE, text)
    second = place.checkout.commit(INTERFACE, text.replace("shards: 64", "shards: 32"))
    stream = place.stream()
    assert stream.differences(first, first) == ()
    assert len(stream.differences(first, second) or ()) == 1
    assert stream.differences(first, "nowhere") is None


def test_a_job_that_nobody_knows_is_not_updated(place: Place) -> None:
    assert not place.stream().last().id
    place.jobs.start()
    with pytest.raises(FatalError, match="no label says of which release.*make drain"):
        place.stream().last()
    place.stream().drain()
    assert place.release("a") == ("apply",)


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
