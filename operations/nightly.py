"""`salesintel nightly`: what is looked at once a night of each source: how many records it says it
has, what has come loose there, and what is gone that no event told."""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from connectors.finding import Finding
from connectors.poller import Outcome
from connectors.questions import Question
from connectors.sources import LiveConnector, Sources, known, load_sources, set_up
from operations.console import StackGone, console
from operations.doctor import show_findings
from operations.place import Place
from operations.poll import (
    cursors_of,
    live_connector,
    note_outcome,
    poller_of,
)
from operations.quality import NotChecked, quality
from operations.runs import RunNotes, noted_run
from operations.stopping import say_failure, stopping_by
from schemas.clock import DAY_US, wall_clock
from schemas.errors import ConfigurationError, FatalError, RetriableError, SalesIntelError
from schemas.operations import SourceCount

DAYS = 3
"""Days before this one that are counted: a late record still changes the count of its day."""


class NightFailed(RetriableError):
    """Something of a source was not looked at, or is not as it should be."""


class Night:
    """One source's night: what failed, by what it was, and what was found amiss."""

    def __init__(self, place: Place, source: str, run: RunNotes) -> None:
        self.source = source
        self.counted = 0
        self.failures: dict[str, str] = {}
        self.findings: list[Finding] = []
        self._place = place
        self._run = run

    def look(self, connector: LiveConnector, days: Sequence[int]) -> None:
        """Everything. What fails does not stop the rest, but for what only a person can mend."""
        rows: list[SourceCount] = []
        steps: dict[str, Callable[[], None]] = {
            "counts": lambda: self._count(connector.questions(days), rows),
            "settings": lambda: self.findings.extend(connector.drift(cursors_of(self._place))),
            "comparison": lambda: self._compare(connector),
        }
        try:
            for name, step in steps.items():
                self._tried(name, step)
        except FatalError as error:
            self.failures[self.source] = _words(error)
        finally:
            self._run.write(rows)
            self.counted = len(rows)

    def _tried(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except FatalError:
            raise
        except StackGone:
            raise
        except Exception as error:
            self._place.still_there()
            self.failures[name] = _words(error)

    def _count(self, questions: Iterable[Question], rows: list[SourceCount]) -> None:
        for question in questions:
            name = f"count of {question.object_type}"
            self._tried(name, partial(self._ask, question, rows))

    def _ask(self, question: Question, rows: list[SourceCount]) -> None:
        tally = question.ask()
        now = wall_clock()
        rows.append(
            SourceCount(
                counted_at=now,
                counted_date=now // DAY_US,
                source=self.source,
                object_type=question.object_type,
                created_date=question.day,
                records=tally.records,
                method=question.method,
                uncounted=tally.uncounted,
                run_id=self._run.run_id,
            )
        )
        if tally.uncounted:
            self.failures[f"count of {question.object_type}"] = f"{tally.uncounted:,} left out"

    def _compare(self, connector: LiveConnector) -> None:
        poller = poller_of(self._place, self._place.reached().project, self._page)
        outcome = poller.round(connector.comparison())
        note_outcome(self._run, outcome)
        self.failures |= outcome.failures

    def _page(self, outcome: Outcome) -> None:
        note_outcome(self._run, outcome)


def nightly(
    place: Place,
    settings: Path | None,
    sources: Iterable[str] = (),
    days: int = DAYS,
    until_us: int | None = None,
) -> bool:
    """Looks after each source, as a run of its own; all that are set up where none is named.

    Counted are the `days` before that of `until_us`; before today where it is None. False where
    anything of any source failed or is amiss: the others are looked after all the same. Where none
    is named, the rules about our own tables are asked, too (operations/quality.py).
    ConfigurationError where a source is not set up, before any is asked.
    """
    loaded = load_sources(settings)
    named = tuple(dict.fromkeys(map(known, sources)))
    names = named or set_up(loaded)
    if not names:
        raise ConfigurationError(
            "no source is set up: write a table such as [sources.hubspot] into the settings file, "
            "see docs/setup"
        )
    for name in names:
        if name not in set_up(loaded):
            live_connector(place, loaded, name)
    place.reached()
    end = (wall_clock() if until_us is None else until_us) // DAY_US
    with stopping_by(_stop):
        well = [_looked_after(place, loaded, name, range(end - days, end)) for name in names]
    console.print("  see what they have: salesintel query ops.source_counts")
    if not named:
        well.append(_rules_hold(place, settings))
    return all(well)


def _rules_hold(place: Place, settings: Path | None) -> bool:
    """The rules about our tables, asked after the counts that some of them go by."""
    try:
        return quality(place, settings, sys.stdout)
    except (NotChecked, ConfigurationError) as error:
        say_failure(f"quality: {error}")
        return False


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _looked_after(place: Place, loaded: Sources, source: str, days: Sequence[int]) -> bool:
    """Whether all of a source is well; what is not is said."""
    night: Night | None = None
    try:
        place.still_there()
        with noted_run(place.reached().endpoint, "nightly", {"source": source}) as run:
            night = Night(place, source, run)
            night.look(live_connector(place, loaded, source), days)
            run.detail["counts"] = night.counted
            if night.failures:
                run.detail["failures"] = night.failures
            if night.findings:
                run.detail["findings"] = {one.what: one.found for one in night.findings}
            if night.failures or night.findings:
                raise NightFailed(f"{source}: not all is as it should be")
            console.print(
                f"{source}: {night.counted:,} counts, {run.changes:,} changes that nobody had told,"
                " nothing amiss",
                highlight=False,
            )
        return True
    except StackGone:
        raise
    except NightFailed:
        assert night is not None
        for name, reason in night.failures.items():
            say_failure(f"{source}: {name}: {reason}")
        if night.findings:
            show_findings(night.findings)
    except SalesIntelError as error:
        say_failure(f"{source}: {error}")
    return False


def _words(error: Exception) -> str:
    """Class and words; of an unexpected error the class alone, for its words may hold content."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, SalesIntelError) else name
