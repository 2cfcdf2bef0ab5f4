"""What a SELECT reads of raw.changes, worked out from its text: no question reads all of it by
accident."""

from datetime import UTC, date, datetime

import pytest
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st

from operations.costs.usage import FIRST_COPY_DAYS, WATCHED_DAYS
from operations.notifications.settings import LONGEST_SILENCE_H
from pipelines.parameters import LONGEST_HORIZON_S
from schemas.tables import BY_ID
from warehouse.catalogue import views
from warehouse.query import run_sql, run_view
from warehouse.scans import GUARDED, Scan, check_scans, scans
from warehouse.statement import RefusedQuery

TODAY = date(2026, 3, 1)
ALL = 91
SINCE = {"since": datetime(2026, 2, 20, 8, tzinfo=UTC), "day": date(2026, 2, 28), "text": "x"}


@pytest.mark.parametrize(
    ("where", "partitions"),
    [
        ("publish_date >= DATE '2026-02-01'", 29),
        ("'2026-02-01' <= publish_date AND source = 'gmail'", 29),
        ("(publish_date >= '2026-02-01') AND (publish_date < '2026-02-03')", 3),
        ("publish_date BETWEEN '2026-02-01' AND '2026-02-03'", 3),
        ("publish_date = CURRENT_DATE()", 1),
        ("publish_date > DATE_SUB(CURRENT_DATE(), INTERVAL 1 WEEK)", 8),
        ("publish_date >= CURRENT_DATE() - 6", 7),
        ("publish_date <= DATE_ADD(DATE '2025-12-01', INTERVAL 1 DAY)", 2),
        ("publish_date >= DATE(@since)", 10),
        ("publish_date >= @day", 2),
        ("publish_date = '2020-01-01'", 0),
    ],
)
def test_partitions_that_a_condition_leaves_are_counted(where: str, partitions: int) -> None:
    for sql in (
        f"SELECT record_key FROM `raw.changes` WHERE {where}",
        f"WITH one AS (SELECT * FROM raw.changes AS c WHERE {where}) SELECT * FROM one",
    ):
        [scan] = scans(sql, SINCE, today=TODAY)
        assert scan.partitions(TODAY) == partitions
        check_scans(sql, SINCE, today=TODAY)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM `raw.changes`",
        "SELECT * FROM `some-project.raw.changes` AS c WHERE c.source = 'gmail'",
        "SELECT * FROM raw.changes WHERE publish_date >= '2026-02-01' OR source = 'gmail'",
        "SELECT * FROM raw.changes WHERE publish_time >= '2026-02-01'",
        "SELECT * FROM raw.changes WHERE DATE_ADD(publish_date, INTERVAL 1 DAY) >= '2026-02-01'",
        "SELECT * FROM raw.changes WHERE publish_date >= DATE(@text)",
        "SELECT * FROM raw.changes WHERE publish_date >= DATE(@absent)",
        "SELECT * FROM raw.changes WHERE publish_date >= '1970-01-01'",
        "SELECT * FROM raw.changes WHERE publish_date >= CURRENT_DATE() - 99999999999",
        "SELECT 1 FROM raw.changes WHERE publish_date >= (SELECT MIN(publish_date) FROM sales.x)",
        "SELECT * FROM raw.changes AS c LEFT JOIN sales.people AS p ON publish_date > '2026-02-01'",
        "SELECT * FROM sales.people UNION ALL SELECT * FROM raw.changes",
        "WITH a AS (SELECT * FROM raw.changes) SELECT * FROM a WHERE publish_date > '2026-02-01'",
        "SELECT 1 AS n WHERE EXISTS (SELECT 1 FROM x_raw.changes)",
    ],
)
def test_what_leaves_nothing_out_is_refused_with_what_to_do(sql: str) -> None:
    assert [scan.partitions(TODAY) for scan in scans(sql, SINCE, today=TODAY, prefix="x_")] == [ALL]
    with pytest.raises(
        RefusedQuery, match=r"all of raw\.changes, 91 days: .*publish_date.*--whole"
    ):
        check_scans(sql, SINCE, today=TODAY, prefix="x_")


def test_other_tables_are_no_concern_of_it() -> None:
    assert scans("SELECT * FROM `sales.people` JOIN `raw.duplicates` USING (x)", today=TODAY) == []


@given(st.dates(), st.dates())
def test_no_two_days_leave_more_than_there_is_or_less_than_nothing(one: date, other: date) -> None:
    assert 0 <= Scan("raw.changes", one, other).partitions(TODAY) <= ALL


def test_what_is_guarded_is_partitioned_and_expires() -> None:
    assert all(BY_ID[one].partition and BY_ID[one].expiry_days for one in GUARDED)


@pytest.mark.parametrize("view_id", list(views()))
def test_no_view_reads_as_much_as_half_of_them(view_id: str) -> None:
    read = scans(views()[view_id].sql, today=TODAY)
    assert all(scan.partitions(TODAY) < ALL / 2 for scan in read)


def test_what_the_operators_views_read_is_what_the_cost_of_a_month_goes_by() -> None:
    def partitions(view_id: str) -> set[int]:
        return {scan.partitions(TODAY) for scan in scans(views()[view_id].sql, today=TODAY)}

    assert partitions("ops.freshness") == {WATCHED_DAYS}
    assert partitions("ops.accounting") == {WATCHED_DAYS, FIRST_COPY_DAYS}
    assert partitions("ops.health") == partitions("ops.dead_letters_summary") == set()
    # What is older than the window is not remembered, and no longer silence can be told.
    assert (WATCHED_DAYS - 1 + 2 * LONGEST_HORIZON_S // 86_400) == FIRST_COPY_DAYS - 1
    assert LONGEST_SILENCE_H / 24 == WATCHED_DAYS - 1


def test_a_question_is_refused_before_anything_is_sent() -> None:
    nowhere = bigquery.Client.__new__(bigquery.Client)
    nowhere._properties = {}
    nowhere.project = "p"
    with pytest.raises(RefusedQuery, match="reads all of"):
        run_sql(nowhere, "SELECT COUNT(*) AS n FROM `raw.changes`")
    with pytest.raises(RefusedQuery, match="reads all of"):
        run_view(nowhere, "raw.changes")
    with pytest.raises(RefusedQuery, match="reads all of"):
        run_view(nowhere, "raw.changes", since=datetime(1970, 1, 1, tzinfo=UTC))
