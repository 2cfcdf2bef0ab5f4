"""ops.runs: a start row, heartbeats and an end row for every run of a command or job."""

import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from schemas.clock import DAY_US, Clock, wall_clock
from schemas.columns import Row
from schemas.errors import RetriableError, SalesIntelError
from schemas.logs import about
from schemas.operations import Run
from warehouse.clients import Endpoint
from warehouse.sink import StorageSink

log = logging.getLogger(__name__)

HEARTBEAT_US = 10_000_000
LOOKS_EVERY_S = 1.0
GIVE_UP_AFTER_S = 30.0


class RunNotes:
    """The rows of one run; counts are set by the command as it goes, in one thread, while the rows
    may be written from another."""

    def __init__(
        self,
        endpoint: Endpoint,
        command: str,
        detail: Mapping[str, Any] | None = None,
        clock: Clock = wall_clock,
        run_id: str | None = None,
        started: int | None = None,
        beat_us: int | None = None,
    ) -> None:
        """`run_id` and `started` (microseconds) are of a run that others note, too, every `beat_us`
        in place of HEARTBEAT_US."""
        self.run_id = run_id or uuid.uuid4().hex
        self.changes = self.skipped = self.failed = 0
        self.detail: dict[str, Any] = dict(detail or {})
        self._command = command
        self._clock = clock
        self._sink = StorageSink(endpoint, give_up_after_s=GIVE_UP_AFTER_S)
        self._writing = threading.RLock()
        self._noted = clock()
        self._started = self._noted if started is None else started
        self._beat_us = HEARTBEAT_US if beat_us is None else beat_us

    def note(self, status: str, error: str | None = None) -> None:
        """Writes a row now."""
        with self._writing:
            self._noted = now = self._clock()
            self._sink.write([self._row(status, error, now)])
            self._sink.flush()

    def _row(self, status: str, error: str | None, now: int) -> Run:
        # A copy: the command may add to it meanwhile.
        detail = dict(self.detail)
        return Run(
            run_id=self.run_id,
            command=self._command,
            status=status,
            started_at=self._started,
            noted_at=now,
            noted_date=now // DAY_US,
            changes=self.changes,
            skipped=self.skipped,
            failed=self.failed,
            detail=json.dumps(detail) if detail else None,
            error_message=error,
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows that the run is about; RetriableError where one is refused."""
        with self._writing:
            self._sink.write(rows)
            refused = self._sink.flush()
        if refused:
            raise RetriableError(f"{len(refused)} rows were refused: {refused[0].error}")

    def heartbeat(self) -> None:
        """Writes a row where the last one is old: ten seconds, unless others beat, too.

        One that cannot be written is no reason to end the run: the last row says how that went.
        """
        with self._writing:
            if self._clock() - self._noted <= self._beat_us:
                return
            try:
                self.note("running")
            except SalesIntelError as error:
                log.warning("no heartbeat: %s", error)
                self._sink.discard()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Within, a thread writes the heartbeats, however long a step of the command takes."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(LOOKS_EVERY_S):
                self.heartbeat()

        thread = threading.Thread(target=beat, name="heartbeats of a run", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def close(self) -> None:
        """Ends the connection."""
        self._sink.close()


@contextmanager
def noted_run(
    endpoint: Endpoint,
    command: str,
    detail: Mapping[str, Any] | None = None,
    unsaid: type[Exception] | tuple[type[Exception], ...] = (),
) -> Iterator[RunNotes]:
    """A run from its start row to its end row, which says whether it failed.

    A warehouse that cannot take the end row either does not hide what it failed by; after an error
    that is `unsaid` none is written, for there is no warehouse any more.
    """
    notes = RunNotes(endpoint, command, detail)
    notes.note("running")
    try:
        with notes.beating(), about(run_id=notes.run_id):
            yield notes
    except unsaid:
        raise
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if stopped and notes.changes:
            # What that counts is the command's own: changes, or rows.
            error.add_note(f"{notes.changes:,} are done, do it again for the rest")
        try:
            notes.note("stopped" if stopped else "failed", type(error).__name__)
        except RetriableError as refused:
            log.warning("no end of the run: %s", refused)
        raise
    else:
        notes.note("succeeded")
    finally:
        notes.close()
