"""The run of a bounded job in ops.runs, where those of commands are (warehouse/runs.py).

A job is many processes, and none is there from its beginning to its end: the step that begins
writes the start row, steps at work write heartbeats, and the step that waits for all others writes
the end row. A job that fails says nothing more: its run is lost, and told as that.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import apache_beam as beam

from schemas.clock import Clock
from warehouse.clients import Endpoint, bigquery_client
from warehouse.other_runs import ERASURES, OtherRuns
from warehouse.runs import RunNotes

BEAT_US = 60_000_000
"""Every thread of every worker writes them: less often than a command's only one."""

Done = tuple[int, int, int]
"""Changes, what was left out on purpose, what became a dead letter: of a part of a job."""


class JobRun(NamedTuple):
    """One run, as steps carry it to their workers."""

    endpoint: Endpoint
    command: str
    run_id: str
    started: int
    """When it was launched, in microseconds."""

    @classmethod
    def new(cls, endpoint: Endpoint, command: str, clock: Clock) -> "JobRun":
        """A run that begins now."""
        return cls(endpoint, command, uuid.uuid4().hex, clock())

    @contextmanager
    def notes(self) -> Iterator[RunNotes]:
        """Its rows, as long as a step works."""
        notes = RunNotes(
            self.endpoint,
            self.command,
            {"runner": "Dataflow"},
            run_id=self.run_id,
            started=self.started,
            beat_us=BEAT_US,
        )
        try:
            yield notes
        finally:
            notes.close()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Within, heartbeats are written, however long it takes."""
        with self.notes() as notes, notes.beating():
            yield


class Begin(beam.PTransform):  # type: ignore[misc]
    """Writes the start row; the output is one element, for what has to come after that."""

    def __init__(self, run: JobRun, *, apart_from_erasures: bool = False) -> None:
        """`apart_from_erasures`: what it reads now it writes when one may have looked there."""
        super().__init__()
        self._run, self._apart = run, apart_from_erasures

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """An element and what is made of it."""
        return (
            begin
            | "Impulse" >> beam.Impulse()
            | "Note" >> beam.Map(begun, self._run, self._apart).with_output_types(bytes)
        )


class End(beam.PTransform):  # type: ignore[misc]
    """Writes the end row when all that was `done` is known, and `last`, which is waited for."""

    def __init__(self, run: JobRun, last: beam.PCollection | None = None) -> None:
        super().__init__()
        self._run, self._last = run, last

    def expand(self, done: beam.PCollection) -> beam.PCollection:
        """An element that has everything else as its side input."""
        waited = () if self._last is None else (beam.pvalue.AsIter(self._last),)
        return (
            done.pipeline
            | "Impulse" >> beam.Impulse()
            | "Note" >> beam.Map(ended, beam.pvalue.AsIter(done), *waited, run=self._run)
        )


class Beating(beam.DoFn):  # type: ignore[misc]
    """Gives on what it is given, and writes a heartbeat where the last one is old."""

    def __init__(self, run: JobRun) -> None:
        self._run = run

    def setup(self) -> None:
        """Opens the connection."""
        self._open = self._run.notes()
        self._notes = self._open.__enter__()

    def process(self, element: Any) -> Iterator[Any]:
        """Beats."""
        self._notes.heartbeat()
        yield element

    def teardown(self) -> None:
        """Ends the connection."""
        self._open.__exit__(None, None, None)


def begun(element: bytes, run: JobRun, apart_from_erasures: bool) -> bytes:
    """The start row; RetriableError where an erasure is at work, which would miss what is read now.

    An erasure notes itself before it looks for others, and so does this: of two that begin together
    at least one sees the other.
    """
    with run.notes() as notes:
        if not apart_from_erasures:
            notes.note("running")
            return element
        with bigquery_client(run.endpoint) as client:
            erasures = OtherRuns(client, ERASURES)
            # Before, too: what does not begin is not lost.
            erasures.refuse()
            notes.note("running")
            erasures.refuse()
    return element


def ended(_: bytes, done: Iterable[Done], *_waited: Any, run: JobRun) -> None:
    """The end row, with what was done."""
    totals = [sum(counts) for counts in zip((0, 0, 0), *done, strict=True)]
    with run.notes() as notes:
        notes.changes, notes.skipped, notes.failed = totals
        notes.note("succeeded")
