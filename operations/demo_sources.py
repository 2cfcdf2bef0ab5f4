"""The demo's sources: read by the commands that a person types, while things happen there."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.cloud import bigquery

from embedded.directory import DataDirectory
from operations.waiting import until_queryable, until_written
from sandbox.vendors.estate import NAMES, Estate
from schemas.clock import wall_clock
from schemas.errors import FatalError, RetriableError
from schemas.topology import HINT_SOURCES

SALESINTEL = (sys.executable, "-c", "from operations.entry import main; main()")
SINCE = "2020-01-01"
"""Before anything that the company has."""
HAPPENINGS = 60
ARRIVALS = 20
"""Mails of which it is measured how soon each can be queried."""
READY = "Ctrl-C stops it"
COMMAND_S = 150.0
END_S = 30.0
PROBE_S = 0.05


@dataclass(frozen=True, slots=True)
class Live:
    """What happened at the vendors, as `source: what`, and seconds from a mail to its row."""

    happened: Counter[str]
    arrivals: tuple[float, ...]


class Readers:
    """The commands that read the estate into the stack that runs on a directory."""

    def __init__(self, directory: DataDirectory, settings: Path) -> None:
        self._directory = directory
        self._options = ["--data", str(directory.path), "--settings", str(settings)]

    def each(self, *words: str, sources: Sequence[str] = NAMES) -> dict[str, float]:
        """One command for every source, all at once; the seconds that each took.

        FatalError with what the first one said that failed.
        """
        began, running = time.monotonic(), {}
        for source in sources:
            running[source] = self._process(words[0], source, *words[1:])
        took: dict[str, float] = {}
        try:
            while len(took) < len(running):
                for source, process in running.items():
                    if source not in took and process.poll() is not None:
                        took[source] = time.monotonic() - began
                        self._well(f"{words[0]} {source}", process)
                if time.monotonic() - began > COMMAND_S:
                    raise FatalError(f"{words[0]} takes more than {COMMAND_S:.0f} s")
                time.sleep(PROBE_S)
        finally:
            for process in running.values():
                process.kill()
                process.communicate()
        return took

    @contextmanager
    def follow(self, webhooks_port: int) -> Iterator[None]:
        """Within, webhooks are taken, and what they hint at is fetched."""
        with ExitStack() as stack:
            stack.enter_context(self._service("webhooks", "--port", str(webhooks_port)))
            for source in HINT_SOURCES:
                stack.enter_context(self._service("fetch", source))
            yield

    @contextmanager
    def _service(self, *words: str) -> Iterator[None]:
        process = self._process(*words)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if READY in line:
                    break
            yield
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
            self._well(" ".join(words), process)

    def _process(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*SALESINTEL, *words, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )

    def _well(self, line: str, process: subprocess.Popen[str]) -> None:
        said, errors = process.communicate()
        if process.returncode:
            raise FatalError(f"`salesintel {line}` failed: {(errors or said).strip()}")


def lived(
    estate: Estate, readers: Readers, directory: DataDirectory, client: bigquery.Client
) -> Live:
    """Things happen and are told; then what no webhook tells is polled. All of it is written."""
    rng = random.Random(estate.company.seed)  # noqa: S311 (no secret)
    happened: Counter[str] = Counter()
    with readers.follow(int(estate.webhooks.rpartition(":")[2])):
        for _ in range(HAPPENINGS):
            one = estate.happen(rng)
            happened[f"{one.source}: {one.what}"] += 1
            estate.deliver()
        estate.deliver_unreadable()
        arrivals = tuple(_arrives(estate, client, rng) for _ in range(ARRIVALS))
        happened["gmail: mail"] += ARRIVALS
        for _ in range(2):
            # Of lists without stamps, what is missing twice is gone.
            readers.each("poll")
    until_written(directory, wall_clock())
    return Live(happened, arrivals)


def _arrives(estate: Estate, client: bigquery.Client, rng: random.Random) -> float:
    """Seconds from a mail in a mailbox to its row: told by Gmail, fetched, written."""
    began = time.monotonic()
    mail = estate.mail(rng)
    refused = [status for status in estate.deliver()["gmail"] if status not in (200, 204)]
    if refused:
        raise RetriableError(f"the webhook service answers {refused[0]}")
    until_queryable(client, f"gmail:{mail.object_type}:{mail.object_id}")
    return time.monotonic() - began
