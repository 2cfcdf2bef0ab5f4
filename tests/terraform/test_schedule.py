"""When jobs run: each has its alert, and those that may not meet do not."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import pytest
import yaml
from offline import ROOT, Resource

ALERTS = yaml.safe_load((ROOT / "terraform" / "alerts.yaml").read_text("utf-8"))
BY_HAND = {"subscribe-dialpad"}
HALF_AN_HOUR = 30
DAY = 24 * 60
Jobs = Mapping[str, tuple[str, int]]


def minutes(field: str, end: int) -> Iterator[int]:
    """What one field of cron means: `*`, `*/n`, numbers and spans."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            yield from range(0, end, int(step or 1))
        else:
            yield from range(int(first), int(last or first) + 1)


def starts(cron: str) -> list[int]:
    """The minutes of a day at which it starts."""
    minute, hour, *others = cron.split()
    assert others == ["*", "*", "*"]
    return sorted(60 * h + m for h in minutes(hour, 24) for m in minutes(minute, 60))


@pytest.fixture(scope="module")
def jobs(plan: tuple[Resource, ...]) -> Jobs:
    """Schedule and seconds of each that is scheduled."""
    crons, timeouts = {}, {}
    for one in plan:
        if one.type == "google_cloud_scheduler_job" and one.name == "job":
            crons[one.key] = one.values["schedule"]
        elif one.type == "google_cloud_run_v2_job":
            inner = one.values["template"][0]["template"][0]
            timeouts[one.key] = int(inner["timeout"].removesuffix("s"))
    assert timeouts.keys() - crons.keys() == BY_HAND
    return {name: (crons[name], timeouts[name]) for name in crons}


def busy(cron: str, timeout_s: int) -> set[int]:
    """Minutes of a day in which it may run; one more, in which it is told to end."""
    longest = timeout_s // 60 + 1
    return {(start + minute) % DAY for start in starts(cron) for minute in range(longest + 1)}


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_the_compaction_and_the_retention_never_meet(jobs: Jobs) -> None:
    assert not busy(*jobs["compact"]) & busy(*jobs["retention"])
    # Each hour but the one that the retention has.
    assert len(starts(jobs["compact"][0])) == 23 and len(starts(jobs["retention"][0])) == 1


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_every_job_is_started(plan: tuple[Resource, ...]) -> None:
    scheduled = [one for one in plan if one.type == "google_cloud_scheduler_job"]
    assert scheduled and not [one.key for one in scheduled if one.values.get("paused")]


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_no_compaction_meets_the_next(jobs: Jobs) -> None:
    cron, timeout_s = jobs["compact"]
    begun = starts(cron)
    assert all(b - a > timeout_s / 60 for a, b in pairwise(begun))


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_a_job_too_rare_to_fail_twice_in_half_an_hour_has_an_alert_of_its_own(jobs: Jobs) -> None:
    query = ALERTS["night-failed"]["query"]
    looked_at = re.compile(re.findall(r'job_name=~"([^"]+)"', query)[0])
    rare = {name for name, (cron, _) in jobs.items() if len(starts(cron)) < DAY / HALF_AN_HOUR}
    assert {name for name in jobs if looked_at.fullmatch(name)} == rare


def test_schedules_are_read_as_cron_means_them() -> None:
    assert starts("5 * * * *")[:2] == [5, 65]
    assert starts("30 2 * * *") == [150]
    assert starts("0 0-2,4 * * *") == [0, 60, 120, 240]
    assert len(starts("*/10 * * * *")) == 144
