"""From where on something is a condition, and what is told of one that no longer is."""

from pathlib import Path

import pytest

from embedded.directory import DataDirectory
from operations.notifications.channels import worded
from operations.notifications.conditions import (
    Growth,
    Letters,
    Observed,
    RuleSeen,
    RunSeen,
    SourceAge,
    conditions,
    recovered,
)
from operations.notifications.ledger import Ledger
from operations.notifications.settings import (
    Bounds,
    NotificationSettings,
    load_notification_settings,
)
from operations.notifications.watch import Watch
from operations.place import StackHere
from schemas.errors import ConfigurationError
from schemas.notice import Notice

NOW = 1_800_000_000_000_000
HOUR_S = 3_600


def keys(seen: Observed, bounds: Bounds | None = None) -> set[str]:
    return set(conditions(seen, bounds or Bounds(), NOW))


@pytest.mark.parametrize(
    ("messages", "letters", "fires"),
    [(100, 5, False), (100, 6, True), (4, 4, False), (0, 0, False)],
)
def test_more_than_a_twentieth_of_dead_letters_is_told_unless_they_are_few(
    messages: int, letters: int, fires: bool
) -> None:
    seen = Observed(letters=(Letters("hubspot", messages, letters),))
    assert keys(seen) == ({"error_ratio:hubspot"} if fires else set())


@pytest.mark.parametrize(
    ("last_hour", "day_before", "fires"), [(5, 0, True), (4, 0, False), (30, 240, False)]
)
def test_growth_is_measured_by_the_day_before(last_hour: int, day_before: int, fires: bool) -> None:
    seen = Observed(growth=(Growth("decode", last_hour, day_before),))
    assert keys(seen) == ({"dead_letter_growth:decode"} if fires else set())


def test_a_source_is_silent_after_its_own_bound_and_files_never_are() -> None:
    seen = Observed(
        ages=tuple(
            SourceAge(source, hours * HOUR_S)
            for source, hours in (("gmail", 5), ("hubspot", 73), ("dialpad", 71), ("files", 999))
        )
    )
    assert keys(seen) == {"source_stopped:hubspot"}
    strict = Bounds(silence_h={"gmail": 4.0, "hubspot": 0.0, "files": 24.0})
    assert keys(seen, strict) == {"source_stopped:gmail", "source_stopped:files"}


def test_a_run_that_is_lost_is_an_error_and_one_that_failed_a_warning() -> None:
    seen = Observed(
        runs=(RunSeen("import", "r1", "lost", ""), RunSeen("poll", "r2", "failed", "KeyError"))
    )
    found = conditions(seen, Bounds(), NOW)
    assert {key: one.severity for key, one in found.items()} == {
        "run_lost:import": "error",
        "run_failed:poll": "warning",
    }


def test_a_notice_says_what_to_do_and_where_that_is_described() -> None:
    seen = Observed(
        letters=(Letters("gmail", 10, 9),),
        growth=(Growth("decode", 9, 0),),
        ages=(SourceAge("gmail", 999_999),),
        runs=(RunSeen("import", "r1", "lost", ""),),
        rules=(RuleSeen("sales.people.emails.format", "error", "1 of 2 fail"),),
        given_up=("pipeline",),
        warehouse=False,
    )
    found = conditions(seen, Bounds(), NOW)
    assert len(found) == 7
    for key, one in found.items():
        assert key == one.key
        assert one.action
        assert one.runbook == "docs/operations.md#notifications"
        again = recovered(one, NOW + 1)
        assert (again.key, again.state, again.happened_at) == (key, "recovered", NOW + 1)
        title, text = worded(one, "new", 0)
        assert title == f"[{one.severity}] {one.subject}"
        assert one.action in text
    title, text = worded(one, "still", 1_234)
    assert "seen 1,234 more times" in text
    assert worded(again, "recovered", 0).title.startswith("[recovered] ")
    assert "over by now" in worded(one, "was", 0).title


class Watched:
    """A watch of which the test says what it sees."""

    def __init__(self, path: Path) -> None:
        self.published: list[Notice] = []
        self.ledger = Ledger(path / "notifications.db")
        place = StackHere(DataDirectory(path))
        self.watch = Watch(place, Bounds(), self.ledger, self.published.append, clock=lambda: NOW)

    def said(self, seen: Observed) -> set[tuple[str, str]]:
        self.published.clear()
        self.watch.say(seen)
        return {(one.key, one.state) for one in self.published}


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_lasts_is_published_each_time_and_its_end_once_also_by_another_process(
    watched: Watched, tmp_path: Path
) -> None:
    stopped = Observed(given_up=("pipeline",))
    for _ in range(2):
        assert watched.said(stopped) == {("process_given_up:pipeline", "firing")}
    watched.ledger.close()
    later = Watched(tmp_path)
    assert later.said(Observed()) == {("process_given_up:pipeline", "recovered")}
    assert later.said(Observed()) == set()


def test_of_what_cannot_be_seen_nothing_has_recovered(watched: Watched) -> None:
    seen = Observed(ages=(SourceAge("gmail", 999_999),), given_up=("pipeline",))
    assert len(watched.said(seen)) == 2
    blind = Observed(warehouse=False)
    assert watched.said(blind) == {("process_given_up:pipeline", "recovered")}
    assert watched.said(blind) == {("no_answer:warehouse", "firing")}
    gone = Observed(warehouse=False, stack=False)
    assert watched.said(gone) == {
        ("no_answer:stack", "firing"),
        ("no_answer:warehouse", "recovered"),
    }
    assert watched.said(blind) == {("no_answer:stack", "recovered")}
    assert watched.said(Observed()) == {
        ("source_stopped:gmail", "recovered"),
    }


def test_a_warehouse_that_is_started_again_just_now_is_no_condition(watched: Watched) -> None:
    assert watched.said(Observed(warehouse=False)) == set()
    assert watched.said(Observed()) == set()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[notifications]\nchannels = ['slack']", "needs a table \\[notifications.slack\\]"),
        ("[notifications]\nchannels = []", "at least one channel"),
        ("[notifications]\nrepeat_h = 0", "repeat_h above 0"),
        ("[notifications]\nchannels = ['pager']", "pager"),
        ("[notifications.bounds]\nsilence_h = {gmail = 336}", "silence_h of gmail is 336: .*336"),
        ("[notifications.bounds]\nsilence_h = {gmail = -1}", "hours from 0"),
        ("[notifications]\nnothing = 1", "nothing"),
        ("notifications = 3", "notifications"),
        (
            "[notifications.mail]\nhost='h'\nsender='s@x.example'\nrecipients=[]",
            "recipients is empty",
        ),
        (
            "[notifications.mail]\nhost='h'\nsender='s@x.example'\nrecipients=['r@x.example']\n"
            "user='u'",
            "user needs a password",
        ),
    ],
)
def test_settings_that_could_not_tell_anybody_are_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "salesintel.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        load_notification_settings(file)


def test_without_settings_notices_stand_in_the_output() -> None:
    assert load_notification_settings(None) == NotificationSettings()
    assert NotificationSettings().channels == ("log",)
