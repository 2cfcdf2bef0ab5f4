"""Each live source's poller against its vendor's sandbox: faults off, limits and budgets wide open.

The sandbox and the embedded Pub/Sub run in processes of their own; cursors are in SQLite. `first`
is the first sync of all that the source holds, `live` a round after so many changes more, with all
that it reads again by its overlap. Every one on fresh state, and the median of `RUNS`. The shares
say who was at work: processor time over the time of both rounds, 1.0 a core.

A round that fails or publishes too little is an error and no figure.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from benchmarks.report import ROOT
from benchmarks.sandboxes import CHANGED, LISTENING, VENDORS
from connectors.calls import Rate
from connectors.cursors.sqlite import SqliteCursorStore
from connectors.dialpad.settings import PER_MINUTE
from connectors.objects import FolderStore
from connectors.poller import Outcome, Poller
from connectors.publisher import LIVE_BATCH_LATENCY_S, ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from connectors.sources import LiveConnector, connector_of, sources_of
from sandbox.vendors.dialpad.app import PREFIX
from sandbox.vendors.gmail.state import ADMIN
from schemas.envelope import topic_of
from schemas.errors import FatalError

BARS = {f"{name}_{part}_per_s": (">=", 300.0) for name in VENDORS for part in ("first", "live")}
RUNS = 3
RECORDS = 3_000
CHANGES = 1_500
PROJECT = "bench-project"
OPEN = 1_000_000_000
"""A limit that nothing reaches."""
TICKS = os.sysconf("SC_CLK_TCK")


class Sandbox(NamedTuple):
    """A vendor that runs."""

    address: str
    folder: Path
    process: subprocess.Popen[str]

    def change(self, times: int) -> None:
        """Has so many changes come about; returns when they have."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        _line(self.process.stdout, CHANGED)


def _line(said: IO[str] | None, expected: str) -> str:
    assert said is not None
    line = said.readline()
    if not line.startswith(expected):
        raise FatalError(f"a process says {line!r} and not {expected!r}")
    return line.removeprefix(expected).strip()


@contextmanager
def _module(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def table(name: str, sandbox: Sandbox) -> dict[str, Any]:
    """A source's table of the settings."""
    url, token = sandbox.address, f"file:{sandbox.folder / 'token'}"
    match name:
        case "gmail":
            return {
                "service_account_key": f"file:{sandbox.folder / 'key'}",
                "directory_admin": ADMIN,
                "first_days": 4_000,
                "units_a_minute": OPEN,
                "project_units_a_minute": OPEN,
                "endpoints": {
                    "gmail": url,
                    "directory": url,
                    "iam": url,
                    "token": f"{url}/token",
                    "push_keys": f"{url}/certs",
                },
            }
        case "salesforce":
            for secret in ("key", "secret"):
                (sandbox.folder / secret).write_text(secret)
            return {
                "instance_url": url,
                "consumer_key": f"file:{sandbox.folder / 'key'}",
                "consumer_secret": f"file:{sandbox.folder / 'secret'}",
                "rate": Rate(OPEN, 1),
            }
        case "hubspot":
            limits = dict.fromkeys(("searches_per_s", "calls_per_10_s", "calls_per_day"), OPEN)
            return {"base_url": url, "token": token, **limits}
        case _:
            return {
                "base_url": url + PREFIX,
                "token": token,
                "objects": ("call", "user", "contact"),
                "company_per_s": OPEN,
                "per_minute": dict.fromkeys(PER_MINUTE, OPEN),
            }


def connector(name: str, sandbox: Sandbox) -> LiveConnector:
    """As the command line makes it."""
    return connector_of(name, sources_of({name: table(name, sandbox)}), SecretStore(cloud=False))


def run(quick: bool = False) -> dict[str, float]:
    """Changes a second of every source, and what the processors had to do."""
    found: dict[str, float] = {}
    runs, records, changes = (1, 100, 50) if quick else (RUNS, RECORDS, CHANGES)
    for name in VENDORS:
        several = [measured(name, records, changes) for _ in range(runs)]
        for figure in several[0]:
            found[f"{name}_{figure}"] = statistics.median(one[figure] for one in several)
    return found


def measured(name: str, records: int, changes: int) -> dict[str, float]:
    """One run of one source."""
    with (
        tempfile.TemporaryDirectory() as directory,
        _module("embedded.pubsub", "--directory", f"{directory}/pubsub") as pubsub,
        _module("benchmarks.sandboxes", name, directory, str(records)) as process,
    ):
        sandbox = Sandbox(_line(process.stdout, LISTENING), Path(directory), process)
        publisher = _publisher(_line(pubsub.stdout, LISTENING), name, Path(directory))
        cursors = SqliteCursorStore(Path(directory) / "cursors.db")
        source, poller = connector(name, sandbox), Poller(cursors, publisher)
        ours, theirs = time.process_time(), _processor_s(process.pid)
        first, first_s = _round(poller, source, records)
        sandbox_s, poller_s = _processor_s(process.pid) - theirs, time.process_time() - ours
        sandbox.change(changes)
        ours, theirs = time.process_time(), _processor_s(process.pid)
        live, live_s = _round(poller, source, changes)
        sandbox_s += _processor_s(process.pid) - theirs
        poller_s += time.process_time() - ours
        return {
            "first_per_s": first.changes / first_s,
            "live_per_s": live.changes / live_s,
            "sandbox_cores": sandbox_s / (first_s + live_s),
            "poller_cores": poller_s / (first_s + live_s),
        }


def _round(poller: Poller, source: LiveConnector, least: int) -> tuple[Outcome, float]:
    began = time.perf_counter()
    outcome = poller.round(source.streams())
    took = time.perf_counter() - began
    if not outcome.succeeded or outcome.changes < least:
        raise FatalError(f"{outcome.changes} changes of {least} are published: {outcome}")
    return outcome, took


def _publisher(address: str, name: str, folder: Path) -> ChangePublisher:
    transport = PublisherGrpcTransport(channel=grpc.insecure_channel(address))
    client: pubsub_v1.PublisherClient = publisher_client(
        transport, batch_latency_s=LIVE_BATCH_LATENCY_S
    )
    client.create_topic(name=f"projects/{PROJECT}/topics/{topic_of(name)}")
    return ChangePublisher(client, PROJECT, FolderStore(folder / "objects"))


def _processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    for figure, value in run("--quick" in sys.argv).items():
        print(f"{figure:32}{value:>12,.2f}")
