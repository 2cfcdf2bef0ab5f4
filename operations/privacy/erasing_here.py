"""An erasure on one machine: files besides tables, and a pipeline that says how far it is."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager

from google.cloud import bigquery

from embedded.compacted_file import request
from embedded.directory import DataDirectory
from embedded.scrub import drop, is_foreign, scrub, search
from embedded.warehouse import answers
from operations.console import console, running
from operations.restarting import ask_to_restart
from operations.waiting import until_written
from schemas.clock import wall_clock
from schemas.errors import RetriableError
from transforms.traces import Spot, Traces
from warehouse.compaction import clear
from warehouse.erasures import MARKS_AGE_S
from warehouse.other_runs import CHECKS, REPLAYS, OtherRuns

RESTART_S = 600.0
"""For the warehouse's file to be written anew: a gigabyte takes about a minute."""
PROBE_EVERY_S = 0.2


class OneMachine:
    """As Surroundings, of a data directory whose stack runs."""

    takes = ""
    searched = "of every table and of every file"
    elsewhere = (
        "  backups and copies of this data directory that were made before: carry\n"
        "    the erasure over when you restore one (docs/privacy.md), or delete them;"
    )

    def __init__(self, directory: DataDirectory, client: bigquery.Client) -> None:
        self._directory, self._client = directory, client
        self._checks = OtherRuns(client, CHECKS, tell=console.print)
        self._replays = OtherRuns(client, REPLAYS, tell=console.print)

    def alone(self) -> AbstractContextManager[None]:
        """As Surroundings: by the lock that the upkeep has, too."""
        return self._directory.upkeep()

    def refuse_unreached(self) -> None:
        """As Surroundings: payloads lie in the directory."""

    def until_quiet(self) -> None:
        """As Surroundings."""
        self._checks.until_none()

    def until_jobs_end(self) -> None:
        """As Surroundings: the lock keeps rebuilds out."""
        self._replays.until_none()

    def clear_copies(self) -> None:
        """As Surroundings."""
        clear(self._client)

    def until_taken(self, missing: Callable[[], int]) -> int:
        """As Surroundings."""
        until_written(self._directory, wall_clock())
        return missing()

    def until_held(self, marks: Sequence[str], *, restored: bool = False) -> None:
        """As Surroundings: and all that was published before is written."""
        time.sleep(MARKS_AGE_S)
        until_written(self._directory, wall_clock())

    def drop(self, addresses: Collection[str]) -> None:
        """As Surroundings."""
        drop(self._directory, addresses)

    def search(self, traces: Traces) -> list[Spot]:
        """As Surroundings: every file of the directory."""
        return search(self._directory, traces)

    def is_foreign(self, place: str) -> bool:
        """As Surroundings: a table has no such file."""
        return (self._directory.path / place).is_file() and is_foreign(self._directory, place)

    def scrub(self, traces: Traces, changes: Collection[str]) -> None:
        """As Surroundings: retained messages, cursors, payloads and logs. Messages that come while
        it works stay: nothing of others is lost that no table has yet."""
        settled = wall_clock()
        until_written(self._directory, settled)
        scrub(self._directory, traces, changes, settled)

    def renew(self) -> None:
        """As Surroundings: deleted rows lie in the blocks of the file until it is written anew."""
        stack, _ = running(self._directory)
        asked = request(self._directory.warehouse)
        ask_to_restart(self._directory, "warehouse")
        deadline = time.monotonic() + RESTART_S
        while asked.exists() or not answers(stack.rest, stack.project):
            if time.monotonic() > deadline:
                raise RetriableError(
                    "the warehouse's file was not written anew: see logs/warehouse.log; is there "
                    "room for it twice?"
                )
            time.sleep(PROBE_EVERY_S)
