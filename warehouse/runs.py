"""ops.runs: a start row, heartbeats and an end row for every run of a command or job."""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from schemas.clock import DAY_US, Clock, wall_clock
from schemas.columns import Row
from schemas.errors import RetriableError
from schemas.operations import Run
from warehouse.clients import Endpoint
from warehouse.sink import StorageSink

log = logging.getLogger(__name__)

HEARTBEAT_US = 10_000_000
GIVE_UP_AFTER_S = 30.0


class RunNotes:
    """The rows of one run; counts are set by the command as it goes."""

    def __init__(
        self,
        endpoint: Endpoint,
        command: str,
        detail: Mapping[str, Any] | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.changes = self.skipped = self.failed = 0
        self.detail: dict[str, Any] = dict(detail or {})
        self._command = command
        self._clock = clock
        self._sink = StorageSink(endpoint, give_up_after_s=GIVE_UP_AFTER_S)
        self._started = self._noted = clock()

    def note(self, status: str, error: str | None = None) -> None:
        """Writes a row now."""
        self._noted = now = self._clock()
        row = Run(
            run_id=self.run_id,
            command=self._command,
            status=status,
            started_at=self._started,
            noted_at=now,
            noted_date=now // DAY_US,
            changes=self.changes,
            skipped=self.skipped,
            failed=self.failed,
            detail=json.dumps(self.detail) if self.detail else None,
            error_message=error,
        )
        self._sink.write([row])
        self._sink.flush()

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows that the run is about; RetriableError where one is refused."""
        self._sink.write(rows)
        refused = self._sink.flush()
        if refused:
            raise RetriableError(f"{len(refused)} rows were refused: {refused[0].error}")

    def heartbeat(self) -> None:
        """Writes a row where the last one is ten seconds old.

        One that cannot be written is no reason to end the run: the last row says how that went.
        """
        if self._clock() - self._noted <= HEARTBEAT_US:
            return
        try:
            self.note("running")
        except RetriableError as error:
            log.warning("no heartbeat: %s", error)
            self._sink.discard()

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
        yield notes
    except unsaid:
        raise
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if stopped and notes.changes:
            error.add_note(f"{notes.changes:,} changes were published, do it again for the rest")
        try:
            notes.note("stopped" if stopped else "failed", type(error).__name__)
        except RetriableError as refused:
            log.warning("no end of the run: %s", refused)
        raise
    else:
        notes.note("succeeded")
    finally:
        notes.close()
