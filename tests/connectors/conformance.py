"""What every connector must stand: inherited by each vendor's tests, run against its sandbox.

Everywhere the same account: every record of the sandbox ends published exactly as the sandbox has
it, whatever happened on the way, and nothing is reported as read that was not.
"""

import json
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.bad_input import IMPORT_ERROR
from connectors.cursors.sqlite import SqliteCursorStore
from connectors.poller import Outcome, Poller
from connectors.publisher import Published
from connectors.schema import SCHEMA
from connectors.stream import Stream
from sandbox.vendors.faults import Fault, Faults
from schemas.change import Change
from schemas.errors import ConfigurationError, RetriableError


class Harness(Protocol):
    """A vendor's sandbox and the connector that reads it. Nothing in it really sleeps."""

    faults: Faults
    slept: list[float]
    """Seconds that the connector would have waited, in order."""

    def streams(self) -> Iterable[Stream]:
        """Of a connector made anew, as after a restart."""
        ...

    def expected(self) -> dict[str, Any]:
        """record_key to what the newest payload says; None: the record is gone."""
        ...

    def change(self) -> None:
        """Something new, something edited, and the clock has moved on until both can be seen."""
        ...

    def skew(self, seconds: float) -> None:
        """Sets our own clock, where the connector has one, apart from the vendor's."""
        ...


class Collector:
    """Takes what is published, and counts it once it is flushed; may break off at a flush."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.raw: list[tuple[str, bytes, dict[str, str]]] = []
        self.break_at: int | None = None
        self.signal_at: int | None = None
        """At which flush SIGTERM comes."""
        self.flushes = 0
        self._pending: list[Change] = []

    def publish(self, change: Change) -> None:
        self._pending.append(change)

    def publish_message(self, topic: str, data: bytes, attributes: dict[str, str]) -> None:
        assert attributes[IMPORT_ERROR]
        self.raw.append((topic, data, attributes))

    def flush(self) -> Published:
        self.flushes += 1
        if self.flushes == self.signal_at:
            signal.raise_signal(signal.SIGTERM)
        pending, self._pending = self._pending, []
        if self.flushes == self.break_at:
            # Some of it was taken, and nobody can tell which.
            self.changes += pending[::2]
            raise RetriableError("Pub/Sub went away")
        self.changes += pending
        return Published({}, 0)

    def newest(self) -> dict[str, Any]:
        """record_key to what its newest version says, as a latest view would have it."""
        last: dict[str, Change] = {}
        for change in self.changes:
            if change.object_type == SCHEMA:
                # No record of the source: what we noticed of it.
                continue
            known = last.get(change.record_key)
            if known is None or change.version > known.version:
                last[change.record_key] = change
        return {key: payload_of(change) for key, change in last.items()}


def payload_of(change: Change) -> Any:
    """What a change says; None of a record that is gone."""
    if change.operation != "upsert":
        return None
    if change.content_type != "application/json":
        return change.payload
    return json.loads(change.payload)


class Run:
    """A poller, its cursors and what it published, over one harness."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness = harness
        self.collector = Collector()
        self.cursors = SqliteCursorStore(folder / "cursors.db")

    def round(self, stop_after: int | None = None) -> Outcome:
        """A round by a poller made anew."""
        pages = 0

        def on_page(outcome: Outcome) -> None:
            nonlocal pages
            pages += 1
            if pages == stop_after:
                poller.stop()

        poller = Poller(
            self.cursors,
            self.collector,  # type: ignore[arg-type]
            on_page=on_page,
        )
        before = signal.signal(signal.SIGTERM, lambda number, frame: poller.stop())
        try:
            return poller.round(self.harness.streams())
        finally:
            signal.signal(signal.SIGTERM, before)

    def until_read(self, most: int = 200) -> Outcome:
        """Rounds until one succeeds."""
        for _ in range(most):
            outcome = self.round()
            if outcome.succeeded and not outcome.stopped:
                return outcome
        raise AssertionError(outcome.failures)

    def assert_all_there(self) -> None:
        """Every record as the sandbox has it, and none besides."""
        assert self.collector.newest() == self.harness.expected()


class Conformance:
    """To be inherited; the subclass has a fixture `harness`."""

    @pytest.fixture
    def run(self, harness: Harness, tmp_path: Path) -> Run:
        return Run(harness, tmp_path)

    def test_everything_is_published_as_the_source_has_it(self, run: Run) -> None:
        outcome = run.round()
        assert outcome.succeeded, outcome.failures
        assert outcome.changes == len(run.collector.changes)
        run.assert_all_there()

    def test_what_has_not_changed_is_not_published_again(self, run: Run) -> None:
        run.round()
        assert run.round().changes == 0
        run.assert_all_there()

    def test_what_changes_is_published(self, run: Run) -> None:
        run.round()
        run.harness.change()
        assert run.round().changes > 0
        run.assert_all_there()

    @pytest.mark.slow
    def test_a_crash_between_any_two_pages_loses_nothing(self, run: Run) -> None:
        """Each flush breaks off once, with half of its page taken."""
        for turn in range(1, 12):
            run.collector.flushes, run.collector.break_at = 0, turn
            if run.round().succeeded:
                break
            if turn == 3:
                run.harness.change()
        run.collector.break_at = None
        run.until_read()
        run.assert_all_there()

    @pytest.mark.slow
    def test_a_stop_after_any_page_loses_nothing(self, run: Run) -> None:
        for _ in range(25):
            if not run.round(stop_after=1).stopped:
                break
        run.harness.change()
        run.until_read()
        run.assert_all_there()

    @pytest.mark.slow
    def test_sigterm_at_any_flush_ends_the_round_after_it_and_loses_nothing(self, run: Run) -> None:
        """The signal itself, while a page is on its way to Pub/Sub: that page is kept, no other is
        begun, and the lease is free for whoever comes next."""
        stops = 0
        for turn in range(1, 9):
            run.collector.flushes, run.collector.signal_at = 0, turn
            outcome = run.round()
            assert outcome.succeeded
            assert run.collector.flushes <= turn
            if not outcome.stopped:
                break
            stops += 1
        assert stops > 1
        run.collector.signal_at = None
        run.harness.change()
        run.until_read()
        run.assert_all_there()

    def test_a_page_that_comes_twice_changes_nothing(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="duplicate_page", times=2))
        run.until_read()
        assert run.harness.faults.struck["duplicate_page"] > 0
        run.assert_all_there()

    def test_a_token_refused_once_is_read_anew(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="401", times=1))
        assert run.round().succeeded
        assert run.harness.faults.struck["401"] == 1
        run.assert_all_there()

    def test_a_token_refused_for_ever_is_a_matter_for_a_person(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="401"))
        with pytest.raises(ConfigurationError):
            run.round()
        assert run.harness.faults.struck["401"] <= 3
        run.harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()

    @pytest.mark.parametrize("fault", ["429", "429_retry_after", "http_500", "http_503"])
    def test_what_passes_is_waited_out(self, run: Run, fault: str) -> None:
        run.harness.faults.switch_on(Fault(name=fault, times=3))
        run.until_read()
        assert run.harness.faults.struck[fault] == 3
        if fault == "429_retry_after":
            assert max(run.harness.slept) >= 2.0
        run.assert_all_there()

    @pytest.mark.slow
    def test_trouble_at_random_loses_nothing(self, run: Run) -> None:
        run.harness.faults.switch_on(
            Fault(name="http_503", share=0.2),
            Fault(name="429", share=0.2),
            Fault(name="malformed", share=0.1),
        )
        run.until_read()
        run.harness.change()
        run.until_read()
        run.harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()

    def test_trouble_that_lasts_is_a_failure_and_no_success(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="http_503"))
        outcome = run.round()
        assert not outcome.succeeded
        assert (outcome.changes, run.collector.changes) == (0, [])
        run.harness.faults.switch_off()
        run.until_read()
        run.assert_all_there()

    def test_a_server_that_never_answers_is_given_up_and_found_again(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="hang", times=1))
        run.until_read()
        assert run.harness.faults.struck["hang"] == 1
        run.assert_all_there()

    def test_half_a_document_is_read_again(self, run: Run) -> None:
        run.harness.faults.switch_on(Fault(name="malformed", times=1))
        run.until_read()
        assert run.harness.faults.struck["malformed"] == 1
        run.assert_all_there()

    @pytest.mark.parametrize("seconds", [-86_400.0, 86_400.0])
    def test_our_clock_says_nothing(self, run: Run, seconds: float) -> None:
        run.harness.skew(seconds)
        run.round()
        run.harness.change()
        run.until_read()
        run.assert_all_there()

    def test_no_error_or_log_line_has_content(
        self, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG", logger="connectors")
        seen = []
        for fault in ("http_500", "malformed", "429", "401"):
            run.harness.faults.switch_on(Fault(name=fault))
            try:
                seen += run.round().failures.values()
            except ConfigurationError as error:
                seen.append(str(error))
            run.harness.faults.switch_off()
        for text in (*seen, *(record.getMessage() for record in caplog.records)):
            assert "@" not in text
            assert "upstream" not in text
