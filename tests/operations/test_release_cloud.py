"""A release by the real clients: Pub/Sub's against the embedded server, Dataflow's against a
stand-in of its API, and a terraform that notes how it is called."""

import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1
from googleapiclient.discovery import build
from typer.testing import CliRunner, Result

from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from operations import cli, releasing
from operations.release import dataflow as draining
from operations.release.carrying_out import carry_out, decided, facts_of
from operations.release.cloud import INTERFACE, CloudStream
from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment
from operations.release.positions import SUBSCRIPTIONS, Positions
from schemas.errors import FatalError, RetriableError

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = "salesintel-test"
TERRAFORM = """#!/bin/sh
echo "$@" >> "$NOTED"
case "$1" in
  output) cat "$STATE" ;;
  plan) exit "${PLAN_FAILS:-0}" ;;
  apply) exit "${FAILS:-0}" ;;
esac
"""


class Dataflow:
    """Jobs of a project: one drains after being asked twice how it is."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.polls = 0
        self.drains_after = 2

    def answer(self, method: str, path: str, body: Any) -> Any:
        if method == "PUT":
            self._job(path)["currentState"] = body["requestedState"].replace("ED", "ING")
            return self._job(path)
        if path.endswith("/jobs"):
            return {"jobs": self.jobs}
        self.polls += 1
        job = self._job(path)
        if self.polls >= self.drains_after and job["currentState"] == "JOB_STATE_DRAINING":
            job["currentState"] = "JOB_STATE_DRAINED"
        return job

    def _job(self, path: str) -> dict[str, Any]:
        return next(job for job in self.jobs if path.endswith(job["id"]))

    def start(self, name: str = "stream") -> None:
        self.jobs.append({"id": f"id-{name}", "name": name, "currentState": "JOB_STATE_RUNNING"})


@pytest.fixture
def dataflow() -> Iterator[tuple[Dataflow, Any]]:
    """The stand-in, and the API's own client pointed at it."""
    jobs = Dataflow()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            path = self.path.partition("?")[0]
            assert path.startswith(f"/v1b3/projects/{PROJECT}/locations/r/jobs")
            content = json.dumps(jobs.answer(self.command, path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = answer  # noqa: N815

        def log_message(self, *given: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    client = build(
        "dataflow",
        "v1b3",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}/"},
    )
    yield jobs, client
    client.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Positions]:
    server = PubSubServer(tmp_path / "pubsub")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    provision_messaging(PROJECT)
    with pubsub_v1.SubscriberClient() as subscriber:
        yield Positions(subscriber, PROJECT)
    server.stop()


class Checkout:
    """A folder with a terraform that notes its arguments."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.noted, self.state = path / "noted", path / "state.json"
        self.state.write_text("{}")
        program = path / "bin" / "terraform"
        program.parent.mkdir()
        program.write_text(TERRAFORM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("NOTED", str(self.noted))
        monkeypatch.setenv("STATE", str(self.state))
        self.environment = Environment(name="dev", project=PROJECT, region="r", folder=path)

    def released(self, tag: str) -> None:
        template = {"value": f"gs://bucket/stream-{tag}.json"}
        self.state.write_text(json.dumps({"stream_template": template}))

    def calls(self) -> list[str]:
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return [line for line in lines if not line.startswith("output")]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


def stream_of(checkout: Checkout, client: Any, patience_s: float = 60.0) -> CloudStream:
    job = StreamingJob(client, PROJECT, "r", wait=lambda seconds: None, patience_s=patience_s)
    return CloudStream(checkout.environment, job)


def test_a_first_deployment_applies_and_asks_for_nothing_else(
    checkout: Checkout, dataflow: tuple[Dataflow, Any], positions: Positions
) -> None:
    stream = stream_of(checkout, dataflow[1])
    stream.prepare()
    facts = facts_of(stream, positions, "abc", back=False, replace=False)
    carry_out(decided(facts, back=False), "abc", stream, positions)
    assert checkout.calls() == [
        "init -input=false -reconfigure -backend-config=environments/dev.backend",
        "apply -input=false -auto-approve -var-file=environments/dev.tfvars -var=release=abc",
    ]
    assert not positions.kept("before-abc")


def test_a_replacement_keeps_positions_drains_seeks_and_applies_and_can_be_broken_off(
    checkout: Checkout,
    dataflow: tuple[Dataflow, Any],
    positions: Positions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs, client = dataflow
    jobs.start("other")
    jobs.start()
    checkout.released("abc")
    stream = stream_of(checkout, client)
    facts = facts_of(stream, positions, "def", back=False, replace=True)
    assert (facts.running, facts.differences, facts.kept) == ("abc", None, False)
    taken: list[str] = []
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(RetriableError, match="REPLACE=1"):
        carry_out(decided(facts, back=False), "def", stream, positions, taken.append)
    assert taken == ["snapshot", "drain", "seek", "apply"]
    assert [job["currentState"] for job in jobs.jobs] == [
        "JOB_STATE_RUNNING",
        "JOB_STATE_DRAINED",
    ]
    monkeypatch.setenv("FAILS", "0")
    again = facts_of(stream, positions, "def", back=False, replace=False)
    assert (again.running, again.latest, again.kept) == ("", "abc", True)
    assert decided(again, back=False).steps == ("seek", "apply")
    carry_out(decided(again, back=False), "def", stream, positions)


def test_a_rollback_goes_back_to_the_snapshots_that_were_made_before(
    checkout: Checkout, dataflow: tuple[Dataflow, Any], positions: Positions
) -> None:
    jobs, client = dataflow
    jobs.start()
    checkout.released("def")
    positions.keep("before-def")
    stream = stream_of(checkout, client)
    facts = facts_of(stream, positions, "abc", back=True, replace=False)
    carry_out(decided(facts, back=True), "abc", stream, positions)
    assert checkout.calls()[-1].endswith("-var=release=abc")
    positions.forget("before-def")
    positions.forget("before-def")
    assert not positions.kept("before-def")


def test_positions_are_of_every_subscription_and_are_kept_once(positions: Positions) -> None:
    assert len(SUBSCRIPTIONS) == 6
    assert not positions.kept("before-abc")
    for _ in range(2):
        positions.keep("before-abc")
    assert positions.kept("before-abc")
    positions.seek("before-abc")


def test_a_drain_that_does_not_end_in_time_says_where_it_stands(
    checkout: Checkout, dataflow: tuple[Dataflow, Any]
) -> None:
    jobs, client = dataflow
    stream_of(checkout, client).drain()
    jobs.start()
    jobs.drains_after = 100
    with pytest.raises(RetriableError, match="JOB_STATE_DRAINING after 30 s"):
        stream_of(checkout, client, patience_s=30.0).drain()


def test_releases_are_compared_as_their_commits_have_them(
    checkout: Checkout, dataflow: tuple[Dataflow, Any]
) -> None:
    def git(*arguments: str) -> str:
        line = ["git", "-c", "user.name=t", "-c", "user.email=t@own.example", *arguments]
        folder = checkout.environment.folder
        return subprocess.run(
            line, cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(text: str) -> str:
        path = checkout.environment.folder / INTERFACE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        git("add", INTERFACE)
        git("commit", "-q", "-m", "release")
        return git("rev-parse", "HEAD")

    git("init", "-q")
    text = (ROOT / INTERFACE).read_text()
    first, second = commit(text), commit(text.replace("shards: 64", "shards: 32"))
    stream = stream_of(checkout, dataflow[1])
    assert stream.differences(first, first) == ()
    assert len(stream.differences(first, second) or ()) == 1
    assert stream.differences(first, "nowhere") is None


def test_a_job_that_nobody_knows_is_not_updated(
    checkout: Checkout, dataflow: tuple[Dataflow, Any]
) -> None:
    jobs, client = dataflow
    stream = stream_of(checkout, client)
    assert stream.running() == stream.latest() == ""
    jobs.start()
    with pytest.raises(FatalError, match="make drain ENVIRONMENT=dev"):
        stream.running()


class Desk(NamedTuple):
    """Where somebody deploys: a checkout in which `salesintel release` is typed."""

    checkout: Checkout
    jobs: Dataflow
    positions: Positions

    def call(self, action: str, *arguments: str) -> Result:
        line = ["release", action, "--environment", "dev", *arguments]
        return CliRunner().invoke(cli.app, line, catch_exceptions=False)


@pytest.fixture
def desk(
    tmp_path: Path,
    positions: Positions,
    dataflow: tuple[Dataflow, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    folder = tmp_path / "desk" / "terraform"
    (folder / "environments").mkdir(parents=True)
    variables = f'project = "{PROJECT}"\nregion = "r"\n'
    (folder / "environments" / "dev.tfvars").write_text(variables)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(releasing, "acting", lambda project, looks: AnonymousCredentials())
    monkeypatch.setattr(releasing, "dataflow_service", lambda credentials: dataflow[1])
    monkeypatch.setattr(draining, "PROBE_S", 0.01)
    return Desk(Checkout(folder, monkeypatch), dataflow[0], positions)


def test_a_release_is_shown_first_and_brought_and_taken_back_with_yes(desk: Desk) -> None:
    desk.jobs.start()
    desk.checkout.released("abc")
    shown = desk.call("deploy", "--release", "def", "--replace")
    assert shown.exit_code == 0, shown.output
    assert "abc → def: snapshot, drain, seek, apply" in shown.stdout
    assert desk.checkout.calls()[-1].startswith("plan")
    assert not desk.positions.kept("before-def")
    done = desk.call("deploy", "--release", "def", "--replace", "--yes")
    assert "gcloud run jobs execute verify-1h --wait --project=" in done.stdout
    assert desk.jobs.jobs[0]["currentState"] == "JOB_STATE_DRAINED"
    desk.checkout.released("def")
    back = desk.call("rollback", "--release", "abc", "--yes")
    assert "nothing → abc: drain, seek, apply" in back.stdout
    assert desk.checkout.calls()[-1].endswith("-var=release=abc")
    assert not desk.positions.kept("before-def")


def test_what_terraform_cannot_plan_leaves_the_stream_as_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.jobs.start()
    desk.checkout.released("abc")
    monkeypatch.setenv("PLAN_FAILS", "1")
    refused = desk.call("deploy", "--release", "def", "--replace", "--yes")
    assert refused.exit_code == 1
    assert "terraform plan has failed" in refused.stderr
    assert desk.jobs.jobs[0]["currentState"] == "JOB_STATE_RUNNING"
    assert not desk.positions.kept("before-def")


def test_a_drain_is_shown_first_too(desk: Desk) -> None:
    desk.jobs.start()
    assert "with --yes" in desk.call("drain").stdout
    assert desk.jobs.jobs[0]["currentState"] == "JOB_STATE_RUNNING"
    assert "messages wait" in desk.call("drain", "--yes").stdout
    assert desk.jobs.jobs[0]["currentState"] == "JOB_STATE_DRAINED"


def test_what_cannot_be_released_is_refused_before_anything_is_asked(desk: Desk) -> None:
    for arguments, words in (
        (("ship",), "plan, deploy, drain, rollback"),
        (("plan", "--release", "NO"), "tag of an image"),
        (("rollback", "--release", "abc"), "nothing has run"),
    ):
        refused = desk.call(*arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr


@pytest.mark.parametrize("target", ["plan", "deploy", "rollback", "drain"])
def test_the_make_targets_call_it(target: str) -> None:
    line = ["make", "-n", target, "ENVIRONMENT=prod", "RELEASE=abc", "REPLACE=1"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = f"salesintel release {target} --environment prod --release abc --replace"
    assert wanted in done.stdout
    assert ("--yes" in done.stdout) is (target != "plan")
