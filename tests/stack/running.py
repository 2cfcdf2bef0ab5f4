"""A stack as people run it: `salesintel up` as a process, with its children, to be hurt at will."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from google.cloud import bigquery, pubsub_v1
from provisioned import provisioned

from connectors.files import BadInput, ImportOptions, bad_input_message, plan, read
from connectors.publisher import publisher_client
from embedded.directory import DataDirectory
from operations.console import running, warehouse_of
from operations.waiting import accounted, until_accounted, until_written
from schemas.clock import wall_clock
from schemas.envelope import encode, topic_of

DEADLINE_S = 120.0
PROBE_S = 0.05
Message = tuple[str, bytes, dict[str, str]]
"""Path of a topic, data and attributes."""

UP = [sys.executable, "-c", "from operations.cli import main; main()", "up"]


def until(condition: Callable[[], object], what: str) -> None:
    """Waits for another process; fails where the condition never comes true."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(PROBE_S)


def exists(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


class RunningStack:
    """One `salesintel up` on one data directory."""

    def __init__(self, path: Path, settings: Path) -> None:
        self.directory = DataDirectory(path)
        self.settings = settings
        self.said = path.with_suffix(".up.txt")
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    def start(self) -> None:
        """Returns when `up` says that the system is running."""
        if not self.directory.warehouse.exists():
            provisioned(self.directory.warehouse)
        self._output = self.said.open("wb")
        options = ["--data", str(self.directory.path), "--settings", str(self.settings)]
        self._process = subprocess.Popen(
            [*UP, *options], stdout=self._output, stderr=subprocess.STDOUT
        )
        until(self._is_up, "`salesintel up` is ready")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said.read_text()
        return "Ctrl-C stops it" in self.said.read_text()

    @property
    def runs(self) -> bool:
        """Whether it was started and neither stopped nor killed."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def child(self, name: str) -> int:
        """Process id of a child that runs."""
        pid = self.directory.read_health()[name]["pid"]
        assert isinstance(pid, int)
        return pid

    def restarts(self, name: str) -> int:
        """How often the supervisor has started a child again."""
        count = self.directory.read_health()[name]["restarts"]
        assert isinstance(count, int)
        return count

    def log(self, name: str) -> str:
        """What a child has said."""
        return (self.directory.logs / f"{name}.log").read_text("utf-8", "replace")

    def kill(self, name: str) -> None:
        """Ends a child as the kernel would, and waits for the supervisor to see it."""
        pid, restarts = self.child(name), self.restarts(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.restarts(name) > restarts, f"{name} is restarted")

    def kill_all(self) -> None:
        """Ends the supervisor and all children as a power cut would."""
        assert self._process is not None
        pids = self.children()
        self._process.kill()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(map(exists, pids)), "the children are gone")
        self._close()

    def children(self) -> list[int]:
        """Process ids of the children that run."""
        pids = [seen["pid"] for seen in self.directory.read_health().values()]
        return [pid for pid in pids if isinstance(pid, int) and exists(pid)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to stop; the exit code. Nothing of it is left."""
        if self._process is None:
            return 0
        pids = self.children()
        self._process.send_signal(number)
        code = self._process.wait(DEADLINE_S)
        self._close()
        assert not any(map(exists, pids)), "a child outlived its supervisor"
        assert self.is_free(), "the directory is still held"
        return code

    def is_free(self) -> bool:
        """Whether another stack could take the directory."""
        with (self.directory.run / "lock").open("rb+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def _close(self) -> None:
        self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within, the supervisor restarts nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def warehouse(self) -> Iterator[bigquery.Client]:
        """A client of its warehouse."""
        with warehouse_of(self.directory) as client:
            yield client

    def messages(self, paths: Sequence[Path]) -> list[Message]:
        """What an import of files publishes."""
        project = self.directory.stack().project
        found = []
        for one in read(plan(paths, ImportOptions()), ImportOptions()):
            if isinstance(one, BadInput):
                topic, data, attributes = bad_input_message(one)
            else:
                topic = topic_of(one.source)
                data, attributes = encode(one)
            found.append((f"projects/{project}/topics/{topic}", data, dict(attributes)))
        return found

    def publisher(self) -> pubsub_v1.PublisherClient:
        """A client of its Pub/Sub, as the connectors have it."""
        running(self.directory)
        return publisher_client()

    def publish(self, *paths: Path) -> int:
        """Publishes files as an import does, and returns how many messages that were: for when the
        warehouse is down, or when nobody waits."""
        client = self.publisher()
        sent = [client.publish(path, data, **more) for path, data, more in self.messages(paths)]
        return len({future.result() for future in sent})

    def bytes_waiting_for_the_warehouse(self) -> int:
        """Bytes that lie in the kernel because the warehouse does not take them: rows, or the
        question who must stay forgotten, without which none is sent."""
        stack = self.directory.stack()
        ports = tuple(f":{int(one.rpartition(':')[2]):04X}" for one in (stack.grpc, stack.rest))
        tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
        sockets = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
        mine = [one[4] for one in sockets if one[1].endswith(ports) and one[3] == "01"]
        return sum(int(queues.partition(":")[2], 16) for queues in mine)

    def accounted(self) -> int:
        """Messages that have ended somewhere."""
        with self.warehouse() as client:
            return accounted(client)

    def ended(self) -> set[str]:
        """Ids of the messages that have ended somewhere."""
        tables = ("raw.changes", "raw.duplicates", "ops.dead_letters")
        sql = " UNION DISTINCT ".join(f"SELECT message_id FROM `{table}`" for table in tables)
        with self.warehouse() as client:
            return {row.message_id for row in client.query_and_wait(sql)}

    def until_accounted(self, goal: int) -> None:
        """Returns when so many messages have ended somewhere, and not one more, with all rows."""
        with self.warehouse() as client:
            assert until_accounted(client, goal) == goal
        self.until_written()

    def until_written(self) -> None:
        """Returns when the resolver's rows are there too of all that was published so far."""
        until_written(self.directory, wall_clock())


def plain(text: str) -> str:
    """Output without colours and line breaks of the terminal's width."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))
