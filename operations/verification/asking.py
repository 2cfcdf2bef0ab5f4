"""What is asked of the warehouse, within the partitions that the window needs; one question that
fails leaves the others."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from google.cloud import bigquery

from operations.console import NO_ANSWER
from operations.notifications.observing import letters_since, runs_amiss
from operations.notifications.settings import Bounds
from operations.verification import rules
from operations.verification.check import Check, Window, unknown
from operations.verification.rules import Rows
from schemas.errors import SalesIntelError
from warehouse.query import Value, run_own, run_view

MOST = 10_000
TIMEOUT_S = 300.0
"""Of one question: what is matched reads all interactions."""

_POLLS = """
SELECT JSON_VALUE(detail, '$.source') AS source, COUNT(DISTINCT run_id) AS polls
FROM `ops.runs`
WHERE noted_date >= DATE(@since) AND noted_at >= @since
  AND command IN ('poll', 'backfill') AND status = 'succeeded'
GROUP BY source
ORDER BY source
"""
_PUBLISHED = """
WITH runs AS (
  SELECT JSON_VALUE(detail, '$.source') AS source, started_at
  FROM `ops.runs`
  WHERE noted_date >= DATE(@since) AND noted_at >= @since AND noted_at <= @settled
    AND command IN ('poll', 'backfill', 'fetch') AND status = 'succeeded' AND changes > 0
),
published AS (
  SELECT source, MAX(started_at) AS at FROM runs WHERE source IS NOT NULL GROUP BY source
),
here AS (
  SELECT source, publish_time FROM `raw.changes` WHERE publish_date >= DATE(@since)
  UNION ALL
  SELECT source, publish_time FROM `raw.duplicates` WHERE publish_date >= DATE(@since)
  UNION ALL
  SELECT source, publish_time FROM `ops.dead_letters` WHERE failed_date >= DATE(@since)
)
SELECT
  source,
  TIMESTAMP_DIFF(ANY_VALUE(published.at), MAX(here.publish_time), SECOND) AS missing_s,
  MAX(here.publish_time) IS NULL AS is_none_here
FROM published
LEFT JOIN here USING (source)
GROUP BY source
ORDER BY source
"""
_NIGHTS = """
SELECT JSON_VALUE(detail, '$.source') AS source, COUNT(DISTINCT DATE(started_at)) AS nights
FROM `ops.runs`
WHERE noted_date >= DATE(@since) AND noted_at >= @since
  AND command = 'nightly' AND status = 'succeeded'
GROUP BY source
ORDER BY source
"""
_COUNTED = """
SELECT source, object_type, there, held,
  DIV(TIMESTAMP_DIFF(@now, counted_at, SECOND), 3600) AS hours_old
FROM `ops.reconciliation`
ORDER BY source, object_type
"""
_DUPLICATES = "SELECT COUNT(*) AS things FROM `ops.duplicates`"


class Asked(NamedTuple):
    """Of whom is asked, and within which bounds."""

    client: bigquery.Client
    window: Window
    now: datetime
    expected: tuple[str, ...]
    """Sources that the deployment's settings name."""
    bounds: Bounds

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - timedelta(hours=self.window.hours)

    def own(self, sql: str, **values: Value) -> list[dict[str, Any]]:
        """Rows of a question of our own."""
        return run_own(self.client, sql, values, limit=MOST, timeout_s=TIMEOUT_S).rows

    def view(self, name: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """Rows of a view."""
        return run_view(self.client, name, since=since, limit=MOST, timeout_s=TIMEOUT_S).rows


class Question(NamedTuple):
    """What is asked, and what the answer means."""

    name: str
    """Of the check that is unknown where there is no answer."""
    ask: Callable[[Asked], Rows]
    judge: Callable[[Rows, Asked], Iterator[Check]]
    after_a_night: bool = False
    """Not asked of a window in which no night need have been."""


QUESTIONS: tuple[Question, ...] = (
    Question(
        "source_silence_h",
        lambda asked: asked.view("ops.freshness"),
        lambda rows, asked: rules.heard(rows, asked.expected, asked.bounds),
    ),
    Question(
        "pipeline_delay_s",
        lambda asked: asked.view("ops.freshness"),
        lambda rows, asked: rules.in_time(rows),
    ),
    Question(
        "polls_that_succeeded",
        lambda asked: asked.own(_POLLS, since=asked.since),
        lambda rows, asked: rules.read(rows, asked.expected),
    ),
    Question(
        "published_and_not_here_s",
        lambda asked: asked.own(
            _PUBLISHED,
            since=asked.since,
            settled=asked.now - timedelta(seconds=rules.DELAY_S),
        ),
        lambda rows, asked: rules.arrived(rows),
    ),
    Question(
        "error_ratio",
        lambda asked: letters_since(asked.client, asked.since),
        lambda rows, asked: rules.failed_messages(rows, asked.bounds),
    ),
    Question(
        "open_retriable_letters",
        lambda asked: asked.view("ops.dead_letters_summary", asked.since),
        lambda rows, asked: rules.open_letters(rows),
    ),
    Question(
        "lost_duplicates",
        lambda asked: asked.view("ops.accounting"),
        lambda rows, asked: rules.accounted(rows),
    ),
    Question(
        "quality_errors",
        lambda asked: asked.view("ops.quality_latest"),
        lambda rows, asked: rules.quality(rows, asked.window),
    ),
    Question(
        "match_rate",
        lambda asked: asked.view("ops.match_quality"),
        lambda rows, asked: rules.matched(rows, asked.window),
    ),
    Question(
        "lost_runs",
        lambda asked: runs_amiss(asked.client, asked.since, asked.now),
        lambda rows, asked: rules.runs(rows),
    ),
    Question(
        "nights",
        lambda asked: asked.own(_NIGHTS, since=asked.since),
        lambda rows, asked: rules.nights(rows, asked.window, asked.expected),
        after_a_night=True,
    ),
    Question(
        "lacking_share",
        lambda asked: asked.own(_COUNTED, now=asked.now),
        lambda rows, asked: rules.reconciled(rows, asked.expected),
        after_a_night=True,
    ),
    Question(
        "duplicates",
        lambda asked: asked.own(_DUPLICATES),
        lambda rows, asked: rules.single(rows),
    ),
)


def answered(asked: Asked) -> Iterator[Check]:
    """The checks of every question; one that gets no answer is unknown, with the reason."""
    for question in QUESTIONS:
        if question.after_a_night and not asked.window.nights:
            continue
        try:
            rows = question.ask(asked)
        except (SalesIntelError, *NO_ANSWER) as error:
            reason = str(error) if isinstance(error, SalesIntelError) else type(error).__name__
            yield unknown(question.name, f"the warehouse gives no answer: {reason}")
            continue
        yield from question.judge(rows, asked)
