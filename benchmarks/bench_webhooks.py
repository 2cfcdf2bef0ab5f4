"""The webhook service as a process of its own, on one core, with all else on the others: the
embedded Pub/Sub, and who calls it. Where a system pins no processes (macOS), on any core.

Deliveries are HubSpot's, signed, of one event each, sent on a schedule: a late answer delays none
of those after it, and counts from the moment that its request was due. Figures: the percentiles of
the time to the answer at 500 requests a second, the most that was answered a second, and how long
a cold start takes to the first ready answer. In the end there are as many hints as answers.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from google.pubsub_v1 import SubscriberClient

from embedded.directory import DataDirectory, Stack
from embedded.messaging import provision_messaging
from embedded.ports import free_port
from sandbox.vendors.hubspot.webhooks import signed_headers
from schemas.errors import FatalError
from schemas.topology import FETCH_SUBSCRIPTIONS

COMMAND = [sys.executable, "-c", "from operations.entry import main; main()", "webhooks"]
PROJECT = "bench-project"
SECRET = "the client secret of an app"  # noqa: S105 (of nobody)
RATE = 500
SECONDS = 20.0
CONNECTIONS = 64
STARTS = 5
PULL = 1_000
START_S = 60.0
BARS = {
    "p95_ms_at_500_per_s": ("<=", 50.0),
    "answered_per_s_of_500": (">=", 495.0),
    "most_answered_per_s": (">=", 500.0),
    "cold_start_s": ("<=", 2.0),
}


def run(quick: bool = False) -> dict[str, float]:
    """The figures; the service on the last core, all else on the others."""
    seconds = 2.0 if quick else SECONDS
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    pin(0, cores[:-1] or cores)
    try:
        with tempfile.TemporaryDirectory() as folder, pubsub(Path(folder)) as directory:
            starts = []
            for _ in range(1 if quick else STARTS):
                with service(directory, cores[-1]) as (_, started_s):
                    starts.append(started_s)
            with service(directory, cores[-1]) as (url, _):
                first, _ = asyncio.run(load(url, 100, 1.0))
                times, answered = asyncio.run(load(url, RATE, seconds))
                last, most = asyncio.run(load(url, 0, seconds / 2))
            account(len(first) + len(times) + len(last))
    finally:
        pin(0, cores)
    return {
        "p50_ms_at_500_per_s": statistics.median(times) * 1_000,
        "p95_ms_at_500_per_s": statistics.quantiles(times, n=100)[94] * 1_000,
        "p99_ms_at_500_per_s": statistics.quantiles(times, n=100)[98] * 1_000,
        "answered_per_s_of_500": answered,
        "most_answered_per_s": most,
        "cold_start_s": statistics.median(starts),
    }


def pin(pid: int, cores: list[int]) -> None:
    """Has a process, 0 being this one, run on some cores alone."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cores)


@contextmanager
def pubsub(folder: Path) -> Iterator[DataDirectory]:
    """The Pub/Sub of a stack, and a directory that leads to it."""
    directory = DataDirectory(folder / "data")
    directory.open()
    command = [sys.executable, "-m", "embedded.pubsub", "--directory", str(directory.pubsub)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().removeprefix("listening on ").strip()
            os.environ["PUBSUB_EMULATOR_HOST"] = address
            provision_messaging(PROJECT)
            stack = Stack(pid=process.pid, project=PROJECT, pubsub=address, rest="", grpc="")
            directory.publish(stack)
            yield directory
        finally:
            process.terminate()
            directory.close()


@contextmanager
def service(directory: DataDirectory, core: int) -> Iterator[tuple[str, float]]:
    """The service, pinned to a core: its address, and the seconds until it was ready."""
    secret = directory.path / "app"
    secret.write_text(SECRET)
    settings = directory.path / "salesintel.toml"
    settings.write_text(
        f'[sources.hubspot]\ntoken = "file:none"\nwebhook_secrets = ["file:{secret}"]\n'
    )
    address = f"127.0.0.1:{free_port()}"
    command = [*COMMAND, "--port", address.partition(":")[2], "--data", str(directory.path)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        pin(process.pid, [core])
        try:
            while not is_ready(address):
                if process.poll() is not None or time.perf_counter() - began > START_S:
                    raise FatalError("the webhook service does not start")
                time.sleep(0.005)
            yield f"http://{address}/webhooks/hubspot", time.perf_counter() - began
        finally:
            process.terminate()


def account(answered: int) -> None:
    """FatalError unless there is one hint for every delivery that was answered."""
    path = f"projects/{PROJECT}/subscriptions/{FETCH_SUBSCRIPTIONS['hubspot'].name}"
    found = 0
    with SubscriberClient() as client:
        while pulled := client.pull(subscription=path, max_messages=PULL, timeout=30):
            ids = [one.ack_id for one in pulled.received_messages]
            if not ids:
                break
            client.acknowledge(subscription=path, ack_ids=ids)
            found += len(ids)
    if found != answered:
        raise FatalError(f"{answered} deliveries were answered, and {found} hints are there")


def is_ready(address: str) -> bool:
    """Whether it answers that it can publish."""
    try:
        return requests.get(f"http://{address}/health/ready", timeout=START_S).status_code == 200
    except requests.ConnectionError:
        return False


def request(url: str, number: int) -> bytes:
    """A signed delivery of one event, as it goes over the wire."""
    event = {
        "eventId": number,
        "subscriptionId": 1,
        "portalId": 1,
        "appId": 1,
        "occurredAt": time.time_ns() // 1_000_000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": number,
        "propertyName": "jobtitle",
        "propertyValue": "Head of Procurement",
        "changeSource": "CRM",
    }
    body = json.dumps([event]).encode()
    signed = signed_headers(SECRET, "POST", url, body, time.time_ns() // 1_000_000)
    _, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    lines = [f"POST /{path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in signed.items()]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + body


async def load(url: str, rate: int, seconds: float) -> tuple[list[float], float]:
    """Seconds from when each request was due to its answer, and how many were answered a second.
    Rate 0: the next is due when a connection is free. FatalError where one is not taken."""
    host, _, port = url.split("/")[2].partition(":")
    began = time.perf_counter()
    numbers = iter(range(1_000_000_000))
    times: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            due = began + number / rate if rate else time.perf_counter()
            if due - began > seconds:
                break
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            writer.write(request(url, time.time_ns()))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise FatalError(f"answered {head.partition(b' ')[2][:3]!r}")
            times.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return times, len(times) / (time.perf_counter() - began)


if __name__ == "__main__":
    for figure, value in run().items():
        print(f"{figure:32}{value:>12,.2f}")
