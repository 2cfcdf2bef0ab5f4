"""Whatever the order and however often notices come, each channel is told once, of everything."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.copies import copy_sqlite
from embedded.scrub import scrub_database
from operations.notifications.ledger import Entry, Ledger, What, decide
from schemas.errors import ConfigurationError, InvalidPayload, RetriableError
from schemas.notice import Notice, State, decode, encode
from schemas.quality import Severity
from transforms.traces import Identifiers, Traces

HOUR = 3_600_000_000
REPEAT = 4 * HOUR
START = 1_800_000_000_000_000


def notice(hours: float, state: State = "firing", severity: Severity = "warning") -> Notice:
    return Notice(
        kind="quality",
        key="quality:x",
        state=state,
        severity=severity,
        subject="x fails",
        action="mend it",
        happened_at=START + int(hours * HOUR),
    )


def told(notices: list[Notice]) -> list[tuple[What, int]]:
    """What a channel that always answers is told, with what was counted."""
    entry, said = None, []
    for one in notices:
        decision = decide(entry, one, REPEAT)
        entry = decision.entry
        if decision.what is not None:
            said.append((decision.what, decision.repeats))
    return said


def test_what_begins_lasts_and_ends_is_told_twice_and_what_lay_between_is_counted() -> None:
    lasting = [notice(minutes / 60) for minutes in range(90)]
    assert told([*lasting, notice(1.5, "recovered")]) == [("new", 0), ("recovered", 89)]


def test_what_lasts_is_told_again_with_how_often_it_was_seen() -> None:
    assert told([notice(hour) for hour in range(9)]) == [("new", 0), ("still", 4), ("still", 4)]


def test_what_has_become_worse_is_told_at_once() -> None:
    assert told([notice(0), notice(0.1, severity="error"), notice(0.2, severity="error")]) == [
        ("new", 0),
        ("new", 0),
    ]


def test_what_comes_back_after_it_had_recovered_is_new() -> None:
    assert told([notice(0), notice(1, "recovered"), notice(2), notice(3, "recovered")]) == [
        ("new", 0),
        ("recovered", 0),
        ("new", 0),
        ("recovered", 0),
    ]


def test_a_recovery_of_what_nobody_was_told_is_not_told() -> None:
    assert told([notice(1, "recovered"), notice(2, "recovered")]) == []


def test_what_was_over_before_it_could_be_told_is_told_once_as_what_was() -> None:
    assert told([notice(3, "recovered"), notice(1), notice(2), notice(1)]) == [("was", 0)]
    again = [notice(0), notice(1, "recovered"), notice(4, "recovered"), notice(3)]
    assert told(again) == [("new", 0), ("recovered", 0), ("was", 0)]


@given(st.integers(1, 12), st.integers(0, 3), st.randoms(use_true_random=False))
def test_in_any_order_and_however_often_an_episode_is_told_and_never_twice(
    firing: int, copies: int, chance: random.Random
) -> None:
    episode = [notice(n / 100) for n in range(firing)]
    ended = [*episode, notice(1, "recovered")]
    arriving = [*ended, *chance.choices(ended, k=copies)]
    chance.shuffle(arriving)
    said = [what for what, _ in told(arriving)]
    assert said in (["new", "recovered"], ["was"])


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_copies_of_what_was_told_change_nothing(firing: int, chance: random.Random) -> None:
    lasting = [notice(n / 10) for n in range(firing)]
    doubled = [one for each in lasting for one in [each] * chance.randint(1, 3)]
    assert told(doubled) == told(lasting)


def test_a_ledger_remembers_by_channel_and_is_held_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "notifications.db"
    entry = Entry(state="firing", severity="error", happened_at=START, told_at=START)
    ledger = Ledger(path)
    ledger.keep("slack", "k", entry)
    ledger.keep_firing({}, {"a": notice(0), "b": notice(1)})
    ledger.keep_firing(ledger.firing(), {"b": notice(2)})
    with pytest.raises(ConfigurationError, match="another `salesintel notify` has it"):
        Ledger(path)
    ledger.close()
    again = Ledger(path)
    assert (again.entry("slack", "k"), again.entry("mail", "k")) == (entry, None)
    assert again.firing() == {"b": notice(2)}
    again.close()


def test_a_snapshot_and_an_erasure_get_at_the_ledger_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "notifications.db"
    ledger = Ledger(path)
    entry = Entry(state="firing", severity="error", happened_at=START)
    ledger.keep("log", "quality:ann@acme.test", entry)
    ledger.keep("log", "k", entry)
    copy_sqlite(path, tmp_path / "copy.db", busy_s=1.0)
    assert scrub_database(path, Traces(Identifiers(emails=("ann@acme.test",)))) == 1
    assert ledger.entry("log", "quality:ann@acme.test") is None
    assert ledger.entry("log", "k") == entry
    ledger.close()


def test_a_copy_of_a_file_that_is_never_let_go_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as keeper:
        keeper.execute("PRAGMA locking_mode=EXCLUSIVE")
        keeper.execute("CREATE TABLE t (a INTEGER)")
        with pytest.raises(RetriableError, match="held by another process"):
            copy_sqlite(path, tmp_path / "copy.db", busy_s=0.1)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"kind": "ann@acme.com"}'])
def test_a_message_that_is_no_notice_is_refused_without_its_words(data: bytes) -> None:
    assert decode(encode(notice(0))[0]) == notice(0)
    with pytest.raises(InvalidPayload) as refused:
        decode(data)
    assert "acme" not in str(refused.value)
