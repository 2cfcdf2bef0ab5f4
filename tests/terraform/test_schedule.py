"""When jobs run: each has its alert, and those that may not meet do not."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import yaml
from offline import ROOT, Resource

from warehouse import compaction, retention

ALERTS = yaml.safe_load((ROOT / "terraform" / "alerts.yaml").read_text("utf-8"))
BY_HAND = {"compact-anew", "subscribe-dialpad", "verify-1h", "verify-24h", "verify-7d"}
STATEMENT_S = {"compact": compaction.TIMEOUT_S, "retention": retention.TIMEOUT_S}
"""A statement that has begun goes on in BigQuery until then, also when its container is ended."""
ENDED_S = 10
"""A container that is told to end has as long.
https://cloud.google.com/run/docs/container-contract#job-lifecycle"""
HALF_AN_HOUR = 30
DAY = 24 * 60


class Scheduled(NamedTuple):
    """`late_s`: how long after its time the scheduler may still start it, attempt after attempt;
    `timeout_s`: of its container."""

    cron: str
    late_s: int
    timeout_s: int


Jobs = Mapping[str, Scheduled]


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
    """Each that is scheduled."""
    schedules, timeouts = {}, {}
    for one in plan:
        if one.type == "google_cloud_scheduler_job" and one.name == "job":
            schedules[one.key] = one.values
        elif one.type == "google_cloud_run_v2_job":
            inner = one.values["template"][0]["template"][0]
            timeouts[one.key] = seconds(inner["timeout"])
    assert timeouts.keys() - schedules.keys() == BY_HAND
    return {
        name: Scheduled(one["schedule"], late(one), timeouts[name])
        for name, one in schedules.items()
    }


def seconds(text: str) -> int:
    """As Terraform has them."""
    return int(text.removesuffix("s"))


def late(schedule: Mapping[str, Any]) -> int:
    """Seconds until the last attempt to start it has ended."""
    (again,) = schedule["retry_config"]
    pauses = again["retry_count"] * seconds(again["max_backoff_duration"])
    return pauses + (again["retry_count"] + 1) * seconds(schedule["attempt_deadline"])


def at_work_s(jobs: Jobs, name: str) -> float:
    """Seconds after its time in which it, or a statement that it has left, may still be at work."""
    job = jobs[name]
    return job.late_s + job.timeout_s + ENDED_S + STATEMENT_S[name]


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_neither_compaction_nor_retention_is_at_work_when_the_next_begins(jobs: Jobs) -> None:
    """Nor is a statement that has outlived its container."""
    begun = sorted((start, name) for name in STATEMENT_S for start in starts(jobs[name].cron))
    begun.append((begun[0][0] + DAY, begun[0][1]))
    meet = [
        (name, start, after)
        for (start, name), (next_start, after) in pairwise(begun)
        if at_work_s(jobs, name) >= 60 * (next_start - start)
    ]
    assert not meet
    # Each hour but those that the retention has.
    assert len(starts(jobs["compact"].cron)) == 21 and len(starts(jobs["retention"].cron)) == 1


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_a_statement_ends_before_its_container_where_nothing_is_amiss(jobs: Jobs) -> None:
    assert all(jobs[name].timeout_s > allowed for name, allowed in STATEMENT_S.items())


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_every_job_is_started(plan: tuple[Resource, ...]) -> None:
    scheduled = [one for one in plan if one.type == "google_cloud_scheduler_job"]
    assert scheduled and not [one.key for one in scheduled if one.values.get("paused")]


@pytest.mark.slow
@pytest.mark.xdist_group("terraform")
def test_a_job_too_rare_to_fail_twice_in_half_an_hour_has_an_alert_of_its_own(jobs: Jobs) -> None:
    query = ALERTS["night-failed"]["query"]
    looked_at = re.compile(re.findall(r'job_name=~"([^"]+)"', query)[0])
    rare = {name for name, job in jobs.items() if len(starts(job.cron)) < DAY / HALF_AN_HOUR}
    assert {name for name in jobs if looked_at.fullmatch(name)} == rare


def test_schedules_are_read_as_cron_means_them() -> None:
    assert starts("5 * * * *")[:2] == [5, 65]
    assert starts("30 2 * * *") == [150]
    assert starts("0 0-2,4 * * *") == [0, 60, 120, 240]
    assert len(starts("*/10 * * * *")) == 144
