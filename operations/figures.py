"""`salesintel figures`: how everything is, as one line of JSON a figure, for who watches the logs.

In the cloud a job prints them every few minutes, and log-based metrics make curves and alerts of
them (terraform/metrics.tf); a line's keys are that interface.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import msgspec
from google.cloud import bigquery

from operations.place import Place, warehouse_at
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


def of_matches(rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure]:
    """Rows of ops.match_quality: each rate with its precision: as people decided, else promised."""
    for row in rows:
        source = f"{row['source']} {row['kind']}"
        for name, value in (
            ("match_rate", row["rate"]),
            ("match_precision", row["promised"] if row["precision"] is None else row["precision"]),
        ):
            if value is not None:
                yield Figure(figure=name, value=float(value), source=source)


def rates(client: bigquery.Client) -> Iterator[Figure]:
    """How much is matched, which reads all interactions."""
    matches = run_view(client, "ops.match_quality", limit=MOST, timeout_s=RATES_TIMEOUT_S)
    yield from of_matches(matches.rows)


def found(client: bigquery.Client, clock: Clock = wall_clock) -> Iterator[Figure]:
    """Every figure but the rates, as it is now."""
    yield from of_checks(run_view(client, "ops.health", limit=MOST).rows)
    yield from of_freshness(run_view(client, "ops.freshness", limit=MOST).rows)
    since: datetime = from_us(clock()).astimezone(UTC) - QUOTA_WINDOW
    values: dict[str, Value] = {"since": since, "refusals": _REFUSALS}
    yield from of_quota(run_sql(client, _QUOTA, values, limit=MOST).rows)


def figures(place: Place, stream: TextIO, *, of_rates: bool = False) -> None:
    """Writes a line each, as soon as it is known; `of_rates`: of those, which read a lot, alone."""
    with warehouse_at(place) as client:
        for figure in rates(client) if of_rates else found(client):
            stream.write(msgspec.json.encode(figure).decode() + "\n")
            stream.flush()
