"""`salesintel figures`: how everything is, as one line of JSON a figure, for who watches the logs.

In the cloud a job prints them every few minutes, and log-based metrics make curves and alerts of
them (terraform/metrics.tf); a line's keys are that interface.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import msgspec
from google.cloud import bigquery

from embedded.directory import DataDirectory
from operations.console import warehouse_of
from schemas.clock import Clock, from_us, wall_clock
from warehouse.query import Value, run_sql, run_view

MOST = 1_000
"""Rows of a view that are told of: there are as many as checks, or as sources."""

LAGS = ("source_lag_s", "publish_lag_s", "write_lag_s")
"""Columns of ops.freshness that are told, in seconds."""

QUOTA_WINDOW = timedelta(hours=1)
_QUOTA = """
SELECT
  JSON_VALUE(detail, '$.source') AS source,
  COUNTIF(REGEXP_CONTAINS(
    COALESCE(TO_JSON_STRING(JSON_QUERY(detail, '$.failures')), ''), @refusals
  )) AS refused
FROM `ops.runs`
WHERE noted_date >= DATE(@since) AND noted_at >= @since AND status != 'running'
  AND JSON_VALUE(detail, '$.source') IS NOT NULL
GROUP BY source
ORDER BY source
"""
_REFUSALS = "BudgetSpent|LimitReached|status 429"
"""How runs say that a source's quota is spent, or our own budget of its calls."""

_RATES = """
WITH known AS (
  SELECT DISTINCT entity_id
  FROM `identity.links_latest`
  WHERE entity_id IS NOT NULL AND REGEXP_CONTAINS(record_key, '^(salesforce|hubspot|files):')
),
seen AS (
  SELECT interaction_id, IF(LOGICAL_OR(kind = 'email'), 'email', 'call') AS kind
  FROM `sales.interactions_latest`
  WHERE NOT is_draft AND kind IN ('email', 'call')
  GROUP BY interaction_id
  HAVING NOT LOGICAL_OR(is_bulk)
),
parties AS (
  SELECT
    seen.kind,
    IF(party.is_shared, party.account_entity_id, party.entity_id) AS entity_id
  FROM seen
  JOIN `sales.interaction_parties` AS party ON party.interaction_id = seen.interaction_id
  WHERE NOT party.is_internal AND IF(
    seen.kind = 'email', party.email IS NOT NULL AND NOT party.is_shared, party.phone IS NOT NULL
  )
)
SELECT
  parties.kind,
  COUNTIF(known.entity_id IS NOT NULL) / COUNT(*) AS rate
FROM parties
LEFT JOIN known ON known.entity_id = parties.entity_id
GROUP BY parties.kind
ORDER BY parties.kind
"""
RATES_TIMEOUT_S = 300.0


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `ok` where the figure has a bound: whether it is kept."""

    figure: str
    value: float
    source: str = ""
    ok: bool | None = None


def of_checks(rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure]:
    """Rows of ops.health."""
    for row in rows:
        yield Figure(figure=row["name"], value=float(row["value"]), ok=bool(row["ok"]))


def of_freshness(rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure]:
    """Rows of ops.freshness; a lag that nobody knows is not told."""
    for row in rows:
        for name in LAGS:
            if row[name] is not None:
                yield Figure(figure=name, value=float(row[name]), source=row["source"])


def of_quota(rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure]:
    """How many of a source's runs were refused for its quota within the hour."""
    for row in rows:
        name, refused = "quota_refusals_last_hour", float(row["refused"])
        yield Figure(figure=name, value=refused, source=row["source"])


def rates(client: bigquery.Client) -> Iterator[Figure]:
    """Which share of mails' participants (bulk, internal and role addresses aside) and of calls'
    numbers lead to somebody whom a CRM knows; how many of them rightly, `match-report` says."""
    for row in run_sql(client, _RATES, limit=MOST, timeout_s=RATES_TIMEOUT_S).rows:
        yield Figure(figure="match_rate", value=float(row["rate"]), source=row["kind"])


def found(client: bigquery.Client, clock: Clock = wall_clock) -> Iterator[Figure]:
    """Every figure but the rates, as it is now."""
    yield from of_checks(run_view(client, "ops.health", limit=MOST).rows)
    yield from of_freshness(run_view(client, "ops.freshness", limit=MOST).rows)
    since: datetime = from_us(clock()).astimezone(UTC) - QUOTA_WINDOW
    values: dict[str, Value] = {"since": since, "refusals": _REFUSALS}
    yield from of_quota(run_sql(client, _QUOTA, values, limit=MOST).rows)


def figures(directory: DataDirectory, stream: TextIO, *, of_rates: bool = False) -> None:
    """Writes a line each, as soon as it is known; `of_rates`: of those, which read a lot, alone."""
    with warehouse_of(directory) as client:
        for figure in rates(client) if of_rates else found(client):
            stream.write(msgspec.json.encode(figure).decode() + "\n")
            stream.flush()
