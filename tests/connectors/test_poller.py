"""A page is published, then its cursor moves; a stream that fails leaves the others alone."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.bad_input import BadInput
from connectors.cursors import Cursor, CursorMoved, Lease, LeaseTaken
from connectors.cursors.sqlite import SqliteCursorStore
from connectors.poller import LEASE_S, Outcome, Poller
from connectors.publisher import Published
from connectors.stream import Page
from schemas.change import Change, new_change
from schemas.errors import FatalError, RetriableError, SkippableError


class Publisher:
    """Takes what is published; `down` after so many flushes."""

    def __init__(self, down_after: int = 1_000) -> None:
        self.changes: list[str] = []
        self.raw: list[tuple[str, bytes, dict[str, str]]] = []
        self.pending: list[str] = []
        self.flushes = 0
        self._down_after = down_after

    def publish(self, change: Change) -> None:
        self.pending.append(change.object_id)

    def publish_message(self, topic: str, data: bytes, attributes: dict[str, str]) -> None:
        self.raw.append((topic, data, attributes))

    def flush(self) -> Published:
        if self.flushes >= self._down_after:
            raise RetriableError("Pub/Sub is down")
        self.flushes += 1
        self.changes += self.pending
        self.pending = []
        return Published({}, 0)


class Numbers:
    """A stream of numbered records, two a page; breaks before page `breaks`."""

    def __init__(
        self, name: str, until: int, breaks: int = 0, error: Exception | None = None
    ) -> None:
        self.name = name
        self._until = until
        self._breaks = breaks
        self._error = error

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        start = cursor["n"] if cursor else 0
        for number in range(start, self._until, 2):
            if self._error is not None and number // 2 == self._breaks:
                raise self._error
            numbers = range(number, min(number + 2, self._until))
            changes = tuple(
                new_change("files", "contact", f"{self.name}{n}", b"{}", stamp=n, fetched=n)
                for n in numbers
            )
            yield Page(changes, {"n": numbers[-1] + 1}, notes={"pages": 1})


@pytest.fixture
def cursors(tmp_path: Path) -> SqliteCursorStore:
    return SqliteCursorStore(tmp_path / "cursors.db")


def poll(cursors: SqliteCursorStore, publisher: Publisher, *streams: Numbers) -> Outcome:
    return Poller(cursors, publisher).round(streams)  # type: ignore[arg-type]


def test_everything_is_published_once_and_then_only_what_is_new(
    cursors: SqliteCursorStore,
) -> None:
    publisher = Publisher()
    outcome = poll(cursors, publisher, Numbers("a", 5))
    assert (outcome.changes, outcome.succeeded, outcome.notes["pages"]) == (5, True, 3)
    assert cursors.read("a").cursor == {"n": 5}
    assert poll(cursors, publisher, Numbers("a", 5)).changes == 0
    assert poll(cursors, publisher, Numbers("a", 6)).changes == 1
    assert publisher.changes == [f"a{n}" for n in range(6)]


def test_while_pubsub_is_down_cursors_stand_still(cursors: SqliteCursorStore) -> None:
    publisher = Publisher(down_after=1)
    outcome = poll(cursors, publisher, Numbers("a", 6), Numbers("b", 2))
    assert set(outcome.failures) == {"a", "b"}
    assert outcome.failures["a"] == "RetriableError: Pub/Sub is down"
    assert cursors.read("a").cursor == {"n": 2}
    assert cursors.read("b").cursor is None
    again = Publisher()
    assert poll(cursors, again, Numbers("a", 6), Numbers("b", 2)).succeeded
    assert publisher.changes + again.changes == [f"a{n}" for n in range(6)] + ["b0", "b1"]


def test_a_stream_that_breaks_goes_on_from_its_last_page_and_others_are_read(
    cursors: SqliteCursorStore,
) -> None:
    publisher = Publisher()
    broken = Numbers("a", 8, breaks=2, error=SkippableError("mailbox suspended"))
    outcome = poll(cursors, publisher, broken, Numbers("b", 2))
    assert outcome.failures == {"a": "SkippableError: mailbox suspended"}
    assert not outcome.succeeded
    assert cursors.read("a").cursor == {"n": 4}
    assert cursors.read("b").cursor == {"n": 2}
    poll(cursors, publisher, Numbers("a", 8))
    assert sorted(publisher.changes) == [f"a{n}" for n in range(8)] + ["b0", "b1"]


def test_the_words_of_an_unexpected_error_are_not_repeated(cursors: SqliteCursorStore) -> None:
    broken = Numbers("a", 2, error=ValueError("ann@a.example's password"))
    assert poll(cursors, Publisher(), broken).failures == {"a": "ValueError"}


def test_a_fatal_error_stops_everything(cursors: SqliteCursorStore) -> None:
    with pytest.raises(FatalError):
        poll(cursors, Publisher(), Numbers("a", 2, error=FatalError("no secret")), Numbers("b", 2))
    assert cursors.read("b").cursor is None
    cursors.lease("a", "somebody else", 60)


def test_a_source_that_cannot_say_what_there_is_has_failed_and_what_came_before_is_kept(
    cursors: SqliteCursorStore,
) -> None:
    def listed() -> Iterator[Numbers]:
        yield Numbers("a", 2, error=RetriableError("a is busy"))
        yield Numbers("b", 3)
        raise RetriableError("the directory does not answer")

    publisher = Publisher()
    outcome = Poller(cursors, publisher).round(listed())  # type: ignore[arg-type]
    assert outcome.failures == {
        "a": "RetriableError: a is busy",
        "list of streams": "RetriableError: the directory does not answer",
    }
    assert (outcome.succeeded, outcome.changes, publisher.changes) == (
        False,
        3,
        ["b0", "b1", "b2"],
    )


def test_a_fatal_error_leaves_the_account_of_what_came_before_it(
    cursors: SqliteCursorStore,
) -> None:
    outcome = Outcome()
    broken = Numbers("a", 2, error=RetriableError("a is busy"))
    fatal = Numbers("c", 4, breaks=1, error=FatalError("no secret"))
    poller = Poller(cursors, Publisher())  # type: ignore[arg-type]
    with pytest.raises(FatalError):
        poller.round([broken, Numbers("b", 3), fatal, Numbers("d", 2)], outcome)
    assert outcome.failures == {"a": "RetriableError: a is busy", "c": "FatalError: no secret"}
    assert outcome.changes == 3 + 2
    assert cursors.read("d").cursor is None


def test_a_lease_that_cannot_be_given_back_does_not_hide_how_the_stream_ended(
    tmp_path: Path,
) -> None:
    class Stuck(SqliteCursorStore):
        def release(self, lease: Lease) -> None:
            raise OSError("disk gone")

    stuck = Stuck(tmp_path / "cursors.db")
    assert poll(stuck, Publisher(), Numbers("a", 2)).succeeded
    with pytest.raises(FatalError, match="no secret"):
        poll(stuck, Publisher(), Numbers("b", 2, error=FatalError("no secret")))


@pytest.mark.parametrize("first", ["slow", "other"])
def test_of_two_who_read_a_page_longer_than_its_lease_one_yields_and_nothing_is_lost(
    tmp_path: Path, first: str
) -> None:
    """The slow one has its first page in hand while its lease runs out and another takes over;
    either may be the first to move the cursor."""
    now = [0]
    cursors = SqliteCursorStore(tmp_path / "cursors.db", lambda: now[0])
    slow_publisher, other_publisher = Publisher(), Publisher()
    reading, go_on = threading.Event(), threading.Event()
    outcomes: dict[str, Outcome] = {}

    class Other(Numbers):
        def pages(self, cursor: Cursor | None) -> Iterator[Page]:
            reading.set()
            assert go_on.wait(60)
            yield from super().pages(cursor)

    def read(publisher: Publisher, stream: Numbers) -> Outcome:
        poller = Poller(
            cursors,
            publisher,  # type: ignore[arg-type]
            monotonic=lambda: now[0] / 1e6,
        )
        return poller.round([stream])

    def other() -> None:
        outcomes["other"] = read(other_publisher, Other("a", 6))
        reading.set()

    thread = threading.Thread(target=other)

    class Slow(Numbers):
        def pages(self, cursor: Cursor | None) -> Iterator[Page]:
            for page in super().pages(cursor):
                now[0] += int((LEASE_S + 1) * 1e6)
                if thread.ident is None:
                    thread.start()
                    assert reading.wait(60)
                    if first == "other":
                        go_on.set()
                        thread.join()
                yield page

    outcomes["slow"] = read(slow_publisher, Slow("a", 6))
    go_on.set()
    thread.join()
    for outcome in outcomes.values():
        assert (outcome.failures, outcome.stopped) == ({}, False)
    assert outcomes["slow"].yielded == ["a"]
    assert outcomes["other"].yielded == (["a"] if first == "slow" else [])
    # Whatever came of the two: the next round has the rest, and no record is missing.
    last = Publisher()
    assert poll(cursors, last, Numbers("a", 6)).succeeded
    published = slow_publisher.changes + other_publisher.changes + last.changes
    assert set(published) == {f"a{n}" for n in range(6)}
    assert len(published) == 6 + 2, "one page was published by both"
    assert cursors.read("a").cursor == {"n": 6}


def test_a_lease_is_kept_for_as_long_as_the_stream_is_read(tmp_path: Path) -> None:
    """However many pages there are, if none of them takes longer than the lease."""
    now = [0]
    cursors = SqliteCursorStore(tmp_path / "cursors.db", lambda: now[0])
    leased: list[int] = []

    class Paging(Numbers):
        def pages(self, cursor: Cursor | None) -> Iterator[Page]:
            for page in super().pages(cursor):
                now[0] += int(LEASE_S / 2 * 1e6)
                with pytest.raises(LeaseTaken):
                    cursors.lease(self.name, "another", LEASE_S)
                leased.append(now[0])
                yield page

    poller = Poller(
        cursors,
        Publisher(),  # type: ignore[arg-type]
        monotonic=lambda: now[0] / 1e6,
    )
    assert poller.round([Paging("a", 16)]).succeeded
    assert len(leased) == 8


def test_two_pollers_on_one_stream_one_yields(cursors: SqliteCursorStore) -> None:
    cursors.lease("a", "another", 3_600)
    outcome = poll(cursors, Publisher(), Numbers("a", 2), Numbers("b", 2))
    assert outcome.yielded == ["a"]
    assert (outcome.succeeded, outcome.changes) == (True, 2)


def test_a_cursor_moved_by_another_is_left_where_it_is(cursors: SqliteCursorStore) -> None:
    class Racing(Numbers):
        def pages(self, cursor: Cursor | None) -> Iterator[Page]:
            for page in super().pages(cursor):
                cursors.write(self.name, {"n": 100}, cursors.read(self.name).generation)
                yield page

    outcome = poll(cursors, Publisher(), Racing("a", 4))
    assert outcome.yielded == ["a"]
    assert cursors.read("a").cursor == {"n": 100}
    with pytest.raises(CursorMoved):
        cursors.write("a", {}, 0)


def test_a_stop_keeps_the_page_in_hand_and_no_more(cursors: SqliteCursorStore) -> None:
    publisher = Publisher()
    poller = Poller(cursors, publisher, on_page=lambda outcome: poller.stop())  # type: ignore[arg-type]
    outcome = poller.round([Numbers("a", 6), Numbers("b", 2)])
    assert (outcome.stopped, outcome.changes) == (True, 2)
    assert cursors.read("a").cursor == {"n": 2}
    assert cursors.read("b").cursor is None
    cursors.lease("a", "the next one", 60)


def test_whoever_was_asked_to_stop_before_it_began_reads_nothing_and_says_so(
    cursors: SqliteCursorStore,
) -> None:
    poller = Poller(cursors, Publisher())  # type: ignore[arg-type]
    poller.stop()
    outcome = poller.round([Numbers("a", 2)])
    assert (outcome.stopped, outcome.changes) == (True, 0)
    assert cursors.read("a").cursor is None


def test_a_record_that_is_none_is_published_with_its_bytes_and_reason(
    cursors: SqliteCursorStore,
) -> None:
    class Bad(Numbers):
        def pages(self, cursor: Cursor | None) -> Iterator[Page]:
            bad = BadInput("hubspot", "contact 7", "no hs_object_id", b"{broken", "live")
            yield Page((), {"n": 1}, bad=(bad,), excluded=3)

    publisher = Publisher()
    outcome = poll(cursors, publisher, Bad("a", 1))
    assert (outcome.bad, outcome.excluded, outcome.changes) == (1, 3, 0)
    ((topic, data, attributes),) = publisher.raw
    assert (topic, data, attributes["ce-lane"]) == ("changes-hubspot", b"{broken", "live")
    assert "contact 7: no hs_object_id" in attributes["ce-import-error"]
