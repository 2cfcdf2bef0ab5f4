"""One child process of the stack: started, watched, restarted, ended by its id."""

import ctypes
import logging
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

RESTARTS = 5
WITHIN_S = 300.0
"""More restarts than that within this time, and the child is given up."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
LOG_BYTES = 20_000_000
LEAN = {"MALLOC_ARENA_MAX": "2"}
"""Of glibc, in the environment of children: by default each of their many threads takes memory from
an arena of its own, and gives none of it back."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the kernel ends a child whose parent is gone, however the parent ended."""


def end_with_parent() -> None:
    """In the child, before it becomes the program: no orphans."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A program that has to run; `healthy` says whether it answers."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log_path: Path,
        healthy: Callable[[], bool],
        *,
        environment: dict[str, str] | None = None,
        grace_s: float = 15.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.command = command
        self.log_path = log_path
        self._healthy = healthy
        self._environment = environment
        self._grace_s = grace_s
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._restarts: deque[float] = deque()
        self._wait_until = 0.0
        self._wait_s = FIRST_WAIT_S
        self.restarts = 0
        self.given_up = False
        self.started = 0.0
        """Wall clock, in seconds since the epoch."""

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def is_healthy(self) -> bool:
        """Runs and answers."""
        return self.pid is not None and self._healthy()

    def start(self) -> None:
        """Starts the program; its output goes to its log."""
        self._rotate()
        self._log = self.log_path.open("ab")
        self.started = time.time()
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=self._environment,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        log.info("%s started, process %d", self.name, self._process.pid)

    def watch(self) -> None:
        """Restarts a program that has ended, with longer and longer waits; gives up at last.

        One that ended well was asked to: that is no failure to be counted.
        """
        if self.given_up or self.pid is not None or self._process is None:
            return
        now = self._monotonic()
        if not self._wait_until:
            code = self._process.returncode
            log.warning("%s ended with code %s: see %s", self.name, code, self.log_path)
            while self._restarts and now - self._restarts[0] > WITHIN_S:
                self._restarts.popleft()
                self._wait_s = FIRST_WAIT_S
            if code == 0:
                self._wait_until = now + FIRST_WAIT_S
                return
            if len(self._restarts) >= RESTARTS:
                self.given_up = True
                log.error(
                    "%s is given up after %d restarts in %d s: see %s",
                    self.name,
                    RESTARTS,
                    WITHIN_S,
                    self.log_path,
                )
                return
            self._wait_until = now + self._wait_s
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        if now >= self._wait_until:
            self._wait_until = 0.0
            if self._process.returncode:
                self._restarts.append(now)
            self.restarts += 1
            self._close_log()
            self.start()

    def stop(self) -> None:
        """Asks the program to end, and ends it where it does not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self._grace_s)
            except subprocess.TimeoutExpired:
                log.warning("%s does not end: killed", self.name)
                self._process.kill()
                self._process.wait()
        self._process = None
        self._close_log()

    def tail(self, characters: int = 1_000) -> str:
        """The end of its log."""
        try:
            return self.log_path.read_text("utf-8", "replace")[-characters:]
        except FileNotFoundError:
            return ""

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _rotate(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
