"""`salesintel poll` and `backfill`: what a live source has, into the stream."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from connectors.cursors import CursorStore
from connectors.cursors.sqlite import SqliteCursorStore
from connectors.poller import LEASE_S, Outcome, Poller
from connectors.publisher import LIVE_BATCH_LATENCY_S, ChangePublisher, publisher_client
from connectors.secrets import SecretStore
from connectors.sources import LiveConnector, Sources, connector_of, load_sources
from connectors.stream import Stream
from operations.console import StackGone, console
from operations.payloads import objects_of
from operations.place import Place, warehouse_at
from operations.runs import RunNotes, noted_run
from operations.stopping import SLICE_S, say_failure, stopping_by
from schemas.clock import DAY_US, wall_clock
from schemas.errors import FatalError, RetriableError
from warehouse.held import living_ids

LEFT = (
    "another backfill has it, or one that was killed had: do it again in "
    f"{LEASE_S / 60:.0f} minutes"
)
"""Of a backfill that leaves a part to another: by itself it is not done."""

Streams = Callable[[], Iterable[Stream]]


class StreamsFailed(RetriableError):
    """A round in which at least one stream failed: the others are read, their cursors kept."""


class Rounds:
    """Rounds of one command: each is a run in ops.runs; for one thread."""

    def __init__(self, place: Place, command: str, detail: dict[str, Any]) -> None:
        self._place = place
        self._command = command
        self._detail = detail
        self._run: RunNotes | None = None
        self.stopping = False
        self.reached = place.reached()
        self.poller = self._made()

    def _made(self) -> Poller:
        return poller_of(self._place, self.reached.project, self._page)

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ends after the page in hand; asked twice, now. A handler of signals."""
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        self.poller.stop()

    def round(self, streams: Streams) -> bool:
        """Reads all streams to their present end, and says how that went; False where one failed.

        KeyboardInterrupt where it was asked to stop before it was through.
        """
        return self.run(lambda outcome: self.poller.round(streams(), outcome))

    def run(self, work: Callable[[Outcome], object]) -> bool:
        """Does some work as a run: it fills the outcome, with the poller that is given by now."""
        outcome = Outcome()
        self.follow()
        try:
            with noted_run(self.reached.endpoint, self._command, self._detail) as run:
                self._run = run
                try:
                    work(outcome)
                finally:
                    # Whatever ended the round, its row says what came before that.
                    note_outcome(run, outcome)
                if outcome.failures:
                    raise StreamsFailed(f"{len(outcome.failures)} streams failed")
                if outcome.stopped:
                    raise KeyboardInterrupt
        except StreamsFailed:
            _say_failures(outcome)
        except BaseException as error:
            _say_failures(outcome, but=str(error) if isinstance(error, FatalError) else "")
            raise
        finally:
            self._run = None
        _say(outcome)
        return outcome.succeeded

    def follow(self) -> None:
        """A stack that was started again between two rounds may answer elsewhere."""
        reached = self._place.reached()
        if reached != self.reached:
            self.reached = reached
            self.poller = self._made()
            if self.stopping:
                self.poller.stop()

    def _page(self, outcome: Outcome) -> None:
        assert self._run is not None
        note_outcome(self._run, outcome)


def poller_of(place: Place, project: str, on_page: Callable[[Outcome], None]) -> Poller:
    """The poller that reads into the topics of a project; its cursors lie where the place has
    them."""
    client = publisher_client(batch_latency_s=LIVE_BATCH_LATENCY_S)
    publisher = ChangePublisher(client, project, objects_of(place))
    return Poller(cursors_of(place), publisher, on_page=on_page)


def cursors_of(place: Place) -> CursorStore:
    """How far each source was read."""
    if not place.cloud:
        return SqliteCursorStore(Path(place.cursors()))
    # A stack on one machine never loads the client.
    from google.cloud import storage

    from connectors.bucket import address_of
    from connectors.cursors.gcs import GcsCursorStore

    return GcsCursorStore(storage.Client(), *address_of(place.cursors()))


def note_outcome(run: RunNotes, outcome: Outcome) -> None:
    """Puts what a round has brought about so far into the run's next row."""
    run.changes, run.skipped, run.failed = outcome.changes, outcome.excluded, outcome.bad
    if outcome.failures:
        run.detail["failures"] = dict(outcome.failures)
    if outcome.notes:
        run.detail["notes"] = dict(outcome.notes)
    if outcome.yielded:
        run.detail["yielded"] = len(outcome.yielded)


def poll(
    place: Place,
    settings: Path | None,
    source: str,
    objects: Iterable[str] = (),
    every_s: float | None = None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Reads what is new, once or every so many seconds until a signal; False where a stream of any
    round has failed."""
    connector = live_connector(place, load_sources(settings), source)
    objects = tuple(objects)
    rounds = Rounds(place, "poll", _detail(source, objects))
    well = True
    with stopping_by(rounds.stop):
        while True:
            began = monotonic()
            if every_s is None:
                return rounds.round(lambda: connector.streams(objects))
            try:
                well = _survived(rounds, place, lambda: connector.streams(objects)) and well
            except KeyboardInterrupt:
                if not rounds.stopping:
                    raise
            while not rounds.stopping and (left := began + every_s - monotonic()) > 0:
                sleep(min(left, SLICE_S))
            if rounds.stopping:
                console.print("stopped")
                return well


def backfill(
    place: Place,
    settings: Path | None,
    source: str,
    since_us: int,
    until_us: int | None,
    objects: Iterable[str] = (),
) -> bool:
    """Reads what lies within [since, until); False where a stream failed.

    Without an end up to the coming midnight (UTC): what begins and breaks off on one day is one
    backfill, and goes on where it broke off.
    """
    connector = live_connector(place, load_sources(settings), source)
    objects = tuple(objects)
    until = until_us if until_us is not None else (wall_clock() // DAY_US + 1) * DAY_US
    detail = _detail(source, objects) | {"since_us": since_us, "until_us": until}
    rounds = Rounds(place, "backfill", detail)

    def fill(outcome: Outcome) -> None:
        rounds.poller.round(connector.backfill(since_us, until, objects), outcome)
        # Whoever has it may have been killed: then nobody reads it until its lease runs out.
        outcome.failures.update(dict.fromkeys(outcome.yielded, LEFT))

    with stopping_by(rounds.stop):
        return rounds.run(fill)


def _say_failures(outcome: Outcome, but: str = "") -> None:
    """A line for each; `but` are the words of one that whoever catches it says."""
    for name, reason in outcome.failures.items():
        if not but or not reason.endswith(but):
            say_failure(f"{name}: {reason}")


def live_connector(place: Place, sources: Sources, source: str) -> LiveConnector:
    """A source's connector, which asks the warehouse where it has to know what we hold."""

    def held(object_type: str) -> Iterator[str]:
        with warehouse_at(place) as client:
            yield from living_ids(client, source, object_type)

    return connector_of(source, sources, SecretStore(place.opens_secrets, cloud=place.cloud), held)


def _detail(source: str, objects: tuple[str, ...]) -> dict[str, Any]:
    # Of Gmail an object may be the address of a mailbox.
    named = [one for one in objects if "@" not in one]
    return {"source": source} | ({"objects": named} if named else {})


def _survived(rounds: Rounds, place: Place, streams: Streams) -> bool:
    """A round after which the next one comes, whatever passes by itself goes wrong in it."""
    place.still_there()
    try:
        return rounds.round(streams)
    except StackGone:
        raise
    except RetriableError as error:
        say_failure(f"{type(error).__name__}: {error}")
        return False


def _say(outcome: Outcome) -> None:
    words = f"{outcome.changes:,} changes published, {outcome.bad:,} inputs that could not be read"
    if outcome.excluded:
        words += f", {outcome.excluded:,} excluded"
    if outcome.yielded:
        words += f"; {len(outcome.yielded):,} streams are read by another poller"
    console.print(words, highlight=False)
