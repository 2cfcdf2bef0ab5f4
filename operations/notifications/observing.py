"""What is looked at, in SQL: each question within the partitions that it needs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from google.cloud import bigquery

from operations.console import NO_ANSWER
from operations.notifications.conditions import (
    Growth,
    Letters,
    Observed,
    RuleSeen,
    RunSeen,
    SourceAge,
)
from operations.notifications.settings import Bounds
from operations.place import Place, warehouse_at
from schemas.clock import Clock, from_us
from schemas.errors import ConfigurationError, SalesIntelError
from schemas.operations import SILENT_S
from warehouse.query import Value, run_own

RUN_DAYS = 14
"""How long a run that is lost or has failed is spoken of: as ops.failed_runs has it."""
MOST = 1_000

_SOURCE = "COALESCE(source, REGEXP_EXTRACT(topic, r'^changes-(.+)$'), 'unknown')"
_LETTERS = f"""
WITH ends AS (
  SELECT source, message_id, 0 AS is_letter FROM `raw.changes`
  WHERE publish_date >= @first_day AND written_at >= @since
  UNION ALL
  SELECT source, message_id, 0 FROM `raw.duplicates`
  WHERE publish_date >= @first_day AND written_at >= @since
  UNION ALL
  SELECT {_SOURCE}, message_id, 1 FROM `ops.dead_letters`
  WHERE failed_date >= @day AND failed_at >= @since AND message_id IS NOT NULL
)
SELECT source, COUNT(DISTINCT message_id) AS messages,
  COUNT(DISTINCT IF(is_letter = 1, message_id, NULL)) AS letters
FROM ends GROUP BY source ORDER BY source
"""  # noqa: S608 (own names)
_GROWTH = """
SELECT stage,
  COUNT(DISTINCT IF(failed_at >= @hour_ago, dead_letter_id, NULL)) AS last_hour,
  COUNT(DISTINCT IF(failed_at < @hour_ago, dead_letter_id, NULL)) AS day_before
FROM `ops.dead_letters`
WHERE failed_date >= @day AND failed_at >= @since
GROUP BY stage ORDER BY stage
"""
_AGES = "SELECT source, publish_lag_s FROM `ops.freshness` ORDER BY source"
_RUNS = """
WITH newest AS (
  SELECT
    command, run_id, status, started_at, noted_at, COALESCE(error_message, '') AS error,
    COALESCE(JSON_VALUE(detail, '$.source'), '') AS source
  FROM `ops.runs`
  WHERE noted_date >= @day AND noted_at >= @since
  QUALIFY ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY status = 'running', noted_at DESC) = 1
),
judged AS (
  SELECT *,
    MAX(IF(status = 'succeeded', started_at, NULL)) OVER (PARTITION BY command, source) AS good,
    CASE
      WHEN status = 'failed' AND error != 'ConfigurationError' THEN 'failed'
      WHEN status = 'running' AND TIMESTAMP_DIFF(@now, noted_at, SECOND) > @lost_s THEN 'lost'
    END AS state
  FROM newest
)
SELECT IF(source = '', command, CONCAT(command, ' ', source)) AS command, run_id, state, error
FROM judged
WHERE state IS NOT NULL AND COALESCE(good < started_at, TRUE)
ORDER BY started_at
"""
_RULES = """
SELECT rule_id, severity, message FROM `ops.quality_latest` WHERE NOT passed ORDER BY rule_id
"""


def observed(place: Place, bounds: Bounds, clock: Clock) -> Observed:
    """All that can be seen now."""
    try:
        place.reached()
    except ConfigurationError:
        return Observed(stack=False, warehouse=False)
    given_up = tuple(sorted(_given_up(place)))
    try:
        with warehouse_at(place) as client:
            return _asked(client, bounds, clock)._replace(given_up=given_up)
    except (SalesIntelError, *NO_ANSWER):
        return Observed(given_up=given_up, warehouse=False)


def letters_since(client: bigquery.Client, since: datetime) -> list[dict[str, Any]]:
    """Messages and dead letters by source of what was written since then."""
    values: dict[str, Value] = {
        "since": since,
        "day": since.date(),
        # What waited long before it was written lies under the day of its publish.
        "first_day": (since - timedelta(days=7)).date(),
    }
    return run_own(client, _LETTERS, values, limit=MOST).rows


def runs_amiss(client: bigquery.Client, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Runs that have noted something since then, are lost or have failed, and that no later one of
    their command has made good."""
    values: dict[str, Value] = {
        "now": now,
        "since": since,
        "day": since.date(),
        "lost_s": int(SILENT_S),
    }
    return run_own(client, _RUNS, values, limit=MOST).rows


def _given_up(place: Place) -> Iterator[str]:
    for name, seen in place.health().items():
        if seen.get("given_up"):
            yield name


def _asked(client: bigquery.Client, bounds: Bounds, clock: Clock) -> Observed:
    now = from_us(clock())
    window, hour = timedelta(minutes=bounds.window_min), timedelta(hours=1)
    day = timedelta(days=1)

    def ask(sql: str, **values: Value) -> list[dict[str, Any]]:
        return run_own(client, sql, values, limit=MOST).rows

    letters = letters_since(client, now - window)
    since = now - hour - day
    growth = ask(_GROWTH, hour_ago=now - hour, since=since, day=since.date())
    runs = runs_amiss(client, now - RUN_DAYS * day, now)
    return Observed(
        letters=tuple(Letters(**row) for row in letters),
        growth=tuple(Growth(**row) for row in growth),
        ages=tuple(SourceAge(row["source"], row["publish_lag_s"] or 0) for row in ask(_AGES)),
        runs=tuple(RunSeen(**row) for row in runs),
        rules=tuple(RuleSeen(**row) for row in ask(_RULES)),
    )
