"""`salesintel figures`: every check and lag is a line that log-based metrics can read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from view_warehouse import embedded_warehouse, fill

from operations.figures import Figure, found, of_checks, of_freshness, of_matches, rates
from schemas.clock import to_us
from warehouse.catalogue import views

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_check_is_a_line_with_its_name_value_and_whether_it_is_kept() -> None:
    rows = [{"name": "stuck_runs", "value": 2.0, "threshold": 0.0, "ok": False, "action": "…"}]
    line = json.loads(msgspec.json.encode(next(of_checks(rows))))
    assert line == {"figure": "stuck_runs", "value": 2.0, "ok": False}


def test_a_lag_that_nobody_knows_is_not_told() -> None:
    row = {"source": "gmail", "source_lag_s": None, "publish_lag_s": 7, "write_lag_s": 5}
    assert list(of_freshness([row])) == [
        Figure(figure="publish_lag_s", value=7.0, source="gmail"),
        Figure(figure="write_lag_s", value=5.0, source="gmail"),
    ]


def test_no_rate_is_told_without_a_precision() -> None:
    row = {"source": "gmail", "kind": "email", "rate": 0.9, "precision": None, "promised": 0.99}
    assert list(of_matches([row, row | {"precision": 1.0}])) == [
        Figure(figure="match_rate", value=0.9, source="gmail email"),
        Figure(figure="match_precision", value=0.99, source="gmail email"),
        Figure(figure="match_rate", value=0.9, source="gmail email"),
        Figure(figure="match_precision", value=1.0, source="gmail email"),
    ]


@pytest.mark.slow
def test_the_warehouse_tells_checks_lags_and_refusals_for_quota(tmp_path: Path) -> None:
    def run(run_id: str, source: str, failures: dict[str, str], minutes: int) -> dict[str, object]:
        noted = NOW - timedelta(minutes=minutes)
        return {
            "run_id": run_id,
            "command": "poll",
            "status": "failed" if failures else "succeeded",
            "noted_at": noted,
            "noted_date": noted.date(),
            "detail": json.dumps({"source": source, "failures": failures}),
        }

    spent = {"hubspot/contact": "BudgetSpent: hubspot: nothing is left of search"}
    with embedded_warehouse(tmp_path) as client:
        rows = [
            run("a", "hubspot", spent, 5),
            run("b", "hubspot", {"hubspot/deal": "RetriableError: hubspot: status 429"}, 20),
            run("c", "hubspot", {"hubspot/deal": "RetriableError: no answer"}, 20),
            run("d", "hubspot", spent, 90),
            run("e", "dialpad", {}, 1),
        ]
        fill(client, "ops.runs", rows)
        change = {"source": "gmail", "change_id": "1", "record_key": "r"}
        fill(client, "raw.changes", [change | {"publish_time": "now - 60s"}])
        told = list(found(client, lambda: to_us(NOW)))
        assert list(rates(client)) == []
    quota = {one.source: one.value for one in told if one.figure == "quota_refusals_last_hour"}
    assert quota == {"dialpad": 0.0, "hubspot": 2.0}
    assert any(one.figure == "publish_lag_s" and one.source == "gmail" for one in told)
    checks = [one for one in told if one.ok is not None]
    assert len(checks) == views()["ops.health"].sql.count("UNION ALL\n  SELECT\n    ") + 1
