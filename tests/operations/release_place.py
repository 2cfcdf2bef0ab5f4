"""A place to release to: Dataflow's API, and a checkout with a terraform that notes how it is
called and starts what it is told to, unless it is told to fail."""

import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1
from googleapiclient.discovery import build

from embedded.messaging import provision_messaging
from embedded.pubsub import PubSubServer
from operations.release.carrying_out import carry_out, facts_of
from operations.release.cloud import CloudStream
from operations.release.dataflow import StreamingJob
from operations.release.environment import Environment
from operations.release.positions import Positions
from operations.release.steps import Decision, decided

PROJECT = "salesintel-test"
TERRAFORM = """#!/bin/sh
echo "$@" >> "$NOTED"
case "$1" in
  plan) exit "${PLAN_FAILS:-0}" ;;
  show) printf %s "$PLANNED" ;;
  apply)
    test "${FAILS:-0}" = 0 || exit 1
    test -n "$REFUSED" || echo "$@" | sed 's/.*-var=release=//' >> "$LAUNCHED" ;;
esac
"""


class Dataflow:
    """Jobs of a project: one drains after being asked twice how it is."""

    def __init__(self, launched: Path) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.polls = 0
        self.drains_after = 2
        self.starts_as = "JOB_STATE_RUNNING"
        self._launched = launched
        self._moment = 0

    def answer(self, method: str, path: str, query: str, body: Any) -> Any:
        """A summary, as a list has them, tells no labels."""
        self._launch()
        if method == "PUT":
            self._to(self._job(path), body["requestedState"].replace("ED", "ING"))
            return self._job(path)
        if path.endswith("/jobs"):
            return {"jobs": [{**job, "labels": {}} for job in self.jobs]}
        self.polls += 1
        job = self._job(path)
        if self.polls >= self.drains_after and job["currentState"] == "JOB_STATE_DRAINING":
            self._to(job, "JOB_STATE_DRAINED")
        return job if "view=JOB_VIEW_DESCRIPTION" in query else {**job, "labels": {}}

    def start(self, release: str = "", name: str = "stream") -> None:
        """A new job; one that runs by that name has been updated to it."""
        for job in self.jobs:
            if job["name"] == name and job["currentState"] == "JOB_STATE_RUNNING":
                self._to(job, "JOB_STATE_UPDATED")
        labels = {"release": release} if release else {}
        job = {"id": f"id-{name}-{len(self.jobs)}", "name": name, "labels": labels}
        self.jobs.append(job)
        self._to(job, self.starts_as)
        job["createTime"] = job["currentStateTime"]

    def states(self, name: str = "stream") -> list[str]:
        found = [job["currentState"] for job in self.jobs if job["name"] == name]
        return [state.removeprefix("JOB_STATE_") for state in found]

    def _launch(self) -> None:
        if self._launched.exists():
            for release in self._launched.read_text().split():
                self.start(release)
            self._launched.unlink()

    def _job(self, path: str) -> dict[str, Any]:
        return next(job for job in self.jobs if path.endswith(job["id"]))

    def _to(self, job: dict[str, Any], state: str) -> None:
        self._moment += 1
        moment = f"2026-01-31T08:{self._moment // 60:02}:{self._moment % 60:02}Z"
        job.update(currentState=state, currentStateTime=moment)


@contextmanager
def dataflow_at(jobs: Dataflow) -> Iterator[Any]:
    """The API's own client, pointed at the stand-in."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            path, _, query = self.path.partition("?")
            assert path.startswith(f"/v1b3/projects/{PROJECT}/locations/r/jobs")
            content = json.dumps(jobs.answer(self.command, path, query, body)).encode()
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
    yield client
    client.close()
    server.shutdown()
    server.server_close()


class Checkout:
    """A folder with a terraform that notes its arguments, in a repository of its own."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.noted, self.launched = path, path / "noted", path / "launched"
        program = path / "bin" / "terraform"
        program.parent.mkdir(parents=True)
        program.write_text(TERRAFORM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("NOTED", str(self.noted))
        names = path.parent / "templates" / "transform-names.json"
        names.parent.mkdir()
        names.write_text("{}")
        monkeypatch.setenv("PLANNED", "{}")
        monkeypatch.setenv("LAUNCHED", str(self.launched))
        self.environment = Environment(name="dev", project=PROJECT, region="r", folder=path)

    def calls(self) -> list[str]:
        """But for a look at what was planned."""
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return [line for line in lines if not line.startswith("show")]

    def commit(self, file: str, text: str, tag: str = "") -> str:
        """What it is called after it is committed."""
        if not (self.path / ".git").exists():
            self._git("init", "-q")
        (self.path / file).parent.mkdir(parents=True, exist_ok=True)
        (self.path / file).write_text(text)
        self._git("add", file)
        self._git("commit", "-q", "--allow-empty", "-m", "release")
        if tag:
            self._git("tag", tag)
        return self._git("rev-parse", "HEAD")

    def check_out(self, release: str) -> None:
        self._git("checkout", "-q", release)

    def _git(self, *arguments: str) -> str:
        line = ["git", "-c", "user.name=t", "-c", "user.email=t@own.example", *arguments]
        return subprocess.run(
            line, cwd=self.path, capture_output=True, text=True, check=True
        ).stdout.strip()


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


@contextmanager
def released_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place in a folder, with nothing released yet."""
    checkout = Checkout(path / "desk" / "terraform", monkeypatch)
    server = PubSubServer(path / "pubsub")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.start())
    provision_messaging(PROJECT)
    jobs = Dataflow(checkout.launched)
    with dataflow_at(jobs) as client, pubsub_v1.SubscriberClient() as subscriber:
        yield Place(checkout, jobs, client, Positions(subscriber, PROJECT))
    server.stop()
