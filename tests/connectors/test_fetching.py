"""A hint is done with when what it leads to is published, and not before."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from test_poller import Numbers, Publisher

from connectors.cursors.sqlite import SqliteCursorStore
from connectors.fetching import FAILURE, Fetching, PageFetcher, Reading
from connectors.poller import Outcome, Poller
from connectors.stream import Page
from schemas.change import Source, new_change
from schemas.errors import FatalError, RetriableError, SkippableError


class Vendor:
    """Reads hints as pages; `errors` says which it cannot read, `away` that it reads nothing."""

    source: Source = "hubspot"

    def __init__(self, errors: dict[bytes, Exception] | None = None) -> None:
        self.errors = errors or {}
        self.away: Exception | None = None
        self.calls: list[tuple[bytes, ...]] = []

    def fetch(self, hints: Sequence[bytes]) -> Page:
        self.calls.append(tuple(hints))
        for hint in hints:
            error = self.away or self.errors.get(hint)
            if error is not None:
                raise error
        changes = tuple(
            new_change("hubspot", "contact", hint.decode(), b"{}", stamp=1, fetched=1)
            for hint in hints
        )
        return Page(changes, {})


@pytest.fixture
def cursors(tmp_path: Path) -> SqliteCursorStore:
    return SqliteCursorStore(tmp_path / "cursors.db")


def fetching(vendor: Vendor, publisher: Publisher, cursors: SqliteCursorStore) -> Fetching:
    poller = Poller(cursors, publisher)  # type: ignore[arg-type]
    return Fetching(PageFetcher("hubspot", vendor.fetch), poller)


def hints(*numbers: int) -> list[bytes]:
    return [str(number).encode() for number in numbers]


def test_hints_of_one_batch_are_read_at_once_and_each_once(cursors: SqliteCursorStore) -> None:
    vendor, publisher, outcome = Vendor(), Publisher(), Outcome()
    done = fetching(vendor, publisher, cursors).answer(hints(1, 2, 1, 2, 3), outcome)
    assert done == {b"1", b"2", b"3"}
    assert vendor.calls == [(b"1", b"2", b"3")]
    assert publisher.changes == ["1", "2", "3"]
    assert (outcome.changes, outcome.notes["hints"], outcome.succeeded) == (3, 3, True)


def test_what_is_not_published_is_not_done_with(cursors: SqliteCursorStore) -> None:
    publisher, outcome = Publisher(down_after=0), Outcome()
    assert fetching(Vendor(), publisher, cursors).answer(hints(1, 2), outcome) == frozenset()
    assert outcome.failures == {FAILURE: "RetriableError: Pub/Sub is down"}
    assert outcome.notes["hints_given_back"] == 2


@pytest.mark.parametrize("poisoned", [0, 3, 7], ids=["first", "middle", "last"])
@pytest.mark.parametrize("kind", [RetriableError, ValueError], ids=["retriable", "unexpected"])
def test_a_hint_that_fails_leaves_the_others_done(
    cursors: SqliteCursorStore, poisoned: int, kind: type[Exception]
) -> None:
    all_hints = hints(*range(8))
    vendor = Vendor({all_hints[poisoned]: kind("no answer")})
    publisher, outcome = Publisher(), Outcome()
    done = fetching(vendor, publisher, cursors).answer(all_hints, outcome)
    assert done == {*all_hints} - {all_hints[poisoned]}
    assert sorted(publisher.changes) == sorted(one.decode() for one in done)
    assert (outcome.notes["hints_given_back"], outcome.succeeded) == (1, False)


def test_hints_that_failed_before_stand_last_and_take_no_others_with_them(
    cursors: SqliteCursorStore,
) -> None:
    error = RetriableError("no answer")
    vendor = Vendor(dict.fromkeys(hints(6, 7), error))
    done = fetching(vendor, Publisher(), cursors).answer(hints(*range(8)), Outcome())
    assert done == {*hints(*range(6))}


def test_a_source_that_is_away_is_left_in_peace(cursors: SqliteCursorStore) -> None:
    vendor, outcome = Vendor(), Outcome()
    vendor.away = RetriableError("no answer")
    assert not fetching(vendor, Publisher(), cursors).answer(hints(*range(100)), outcome)
    assert len(vendor.calls) == 3
    assert outcome.failures == {FAILURE: "RetriableError: no answer"}


def test_a_hint_that_can_never_be_read_is_a_dead_letter_and_done_with(
    cursors: SqliteCursorStore,
) -> None:
    vendor = Vendor({b"2": SkippableError("no such object")})
    publisher, outcome = Publisher(), Outcome()
    assert len(fetching(vendor, publisher, cursors).answer(hints(1, 2, 3), outcome)) == 3
    ((topic, data, attributes),) = publisher.raw
    assert (topic, data) == ("changes-hubspot", b"2")
    assert attributes["ce-import-error"] == "hubspot hint: no such object"
    assert (outcome.bad, outcome.succeeded) == (1, True)


def test_a_dead_letter_that_is_not_published_is_no_end_of_its_hint(
    cursors: SqliteCursorStore,
) -> None:
    vendor = Vendor({b"2": SkippableError("no such object")})
    outcome = Outcome()
    assert not fetching(vendor, Publisher(down_after=0), cursors).answer(hints(2), outcome)
    assert not outcome.succeeded


def test_the_words_of_an_unexpected_error_are_not_repeated(cursors: SqliteCursorStore) -> None:
    outcome = Outcome()
    vendor = Vendor({b"1": ValueError("ann@a.example's password")})
    fetching(vendor, Publisher(), cursors).answer(hints(1), outcome)
    assert outcome.failures == {FAILURE: "ValueError"}


def test_a_fatal_error_stops_everything(cursors: SqliteCursorStore) -> None:
    vendor = Vendor({b"1": FatalError("no secret")})
    with pytest.raises(FatalError):
        fetching(vendor, Publisher(), cursors).answer(hints(1, 2), Outcome())
    assert len(vendor.calls) == 1


class Mailboxes:
    """A fetcher of streams, one a hint."""

    source: Source = "gmail"

    def __init__(self, *streams: Numbers) -> None:
        self.streams = streams

    def readings(self, hints: Sequence[bytes]) -> Iterator[Reading]:
        for stream in self.streams:
            yield Reading(tuple(one for one in hints if one.decode() == stream.name), stream)


def test_a_stream_that_fails_or_is_read_by_another_leaves_the_others_hints_done(
    cursors: SqliteCursorStore,
) -> None:
    broken = Numbers("b", 2, error=RetriableError("no answer"))
    fetcher = Mailboxes(Numbers("a", 3), broken, Numbers("c", 2), Numbers("d", 4))
    poller = Poller(cursors, Publisher())  # type: ignore[arg-type]
    outcome = Outcome()
    lease = cursors.lease("c", "another", 3_600)
    done = Fetching(fetcher, poller).answer([b"a", b"b", b"c", b"d"], outcome)
    assert done == {b"a", b"d"}
    assert (list(outcome.failures), outcome.yielded, outcome.changes) == (["b"], ["c"], 7)
    cursors.release(lease)
    mended = Mailboxes(Numbers("b", 2), Numbers("c", 2))
    assert Fetching(mended, poller).answer([b"b", b"c"], outcome) == {b"b", b"c"}
    assert list(outcome.failures) == ["b"]


def test_what_is_read_after_a_stop_is_not_done_with(cursors: SqliteCursorStore) -> None:
    poller = Poller(cursors, Publisher())  # type: ignore[arg-type]
    poller.stop()
    outcome = Outcome()
    fetching = Fetching(Mailboxes(Numbers("a", 3), Numbers("b", 3)), poller)
    assert fetching.answer([b"a", b"b"], outcome) == frozenset()
    assert outcome.stopped
