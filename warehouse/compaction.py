"""The compaction: the latest rows of a table, brought up to date in its current table.

A view that reads the latest rows compares every version of every key, each time it is asked. After
a compaction it takes them from the current table, and compares only what came since the mark.

The views show the same before, during and after, whatever dies in between:

* rows are put into the current table beside those that they supersede, and those go afterwards. Of
  the keys that this concerns every view still reads all rows: they have some since its mark;
* the mark is noted when the current table is complete, and the views move to it after that;
* nothing here changes the table itself: a current table can be dropped and made anew.

Two compactions, or one and a rebuild, must not run at once; who calls sees to it. Where two meet
all the same, what one has put is gone with the other's sweep: it is counted before a mark is noted.
"""

from collections.abc import Iterable, Mapping

from google.cloud import bigquery

from schemas.clock import Clock, from_us, wall_clock
from schemas.columns import Table, columns
from schemas.current import COMPACTED, CURRENT, MARK, STAMP, same_key_sql, touched_sql
from schemas.errors import FatalError, RetriableError
from schemas.tables import latest_sql
from warehouse.bounded import changed, rows
from warehouse.catalogue import View, latest_text, qualified, replace_view, views

TIMEOUT_S = 1_200.0
"""Of a statement, which ends by itself then, whatever became of who sent it. In the cloud the next
compaction, or the retention, begins no sooner (terraform/connectors.tf).
https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration.FIELDS.job_timeout_ms
"""

SMALL_ROWS = 100_000
"""A table below has no current table: to compare all its rows takes no longer than to plan for two
tables."""


def compact(
    client: bigquery.Client,
    settled: int,
    dataset_prefix: str = "",
    clock: Clock = wall_clock,
    small: int = SMALL_ROWS,
    *,
    anew: bool = False,
) -> dict[str, int]:
    """Brings every current table up to date, then moves the views to it; rows put into each.

    `settled` (microseconds): every row that was made before is written. A row that comes with an
    older moment all the same, as one that is restored, is not seen by the views until `start_over`,
    with which it begins where `anew`: whatever mark is noted meanwhile.
    """
    if anew:
        start_over(client, dataset_prefix)
    put, marks, moved = {}, dict[str, int](), list[Table]()
    for table in COMPACTED:
        job = _Job(client, table, dataset_prefix, clock())
        before = 0 if anew else job.mark()
        if before == 0:
            if job.rows() < small:
                continue
            # A view may go by a current table that is no longer there, or is not complete.
            _replace(client, dataset_prefix, {}, [table])
        put[table.id] = job.put(before)
        marks[table.id] = before
        if put[table.id] or before == 0:
            job.sweep(whole=before == 0)
            if (left := job.fresh()) < put[table.id]:
                start_over(client, dataset_prefix)
                raise RetriableError(
                    f"{CURRENT[table.id].id} has {left:,} of the {put[table.id]:,} rows that were "
                    "put into it: another compaction ran; views read whole tables until the next"
                )
            marks[table.id] = max(before, settled)
            job.note(marks[table.id])
            moved.append(table)
    _replace(client, dataset_prefix, marks, moved)
    return put


def start_over(client: bigquery.Client, dataset_prefix: str = "") -> None:
    """Lets the views read the whole tables again, until the next compaction, which begins anew.

    For whatever takes rows away, or writes some with a moment that has passed.
    """
    jobs = [_Job(client, table, dataset_prefix, 0) for table in COMPACTED]
    if any(job.noted() for job in jobs):
        _replace(client, dataset_prefix, {}, COMPACTED)
        for job in jobs:
            job.note(0)


def clear(client: bigquery.Client, dataset_prefix: str = "") -> None:
    """The same, and leaves nothing in the current tables: where somebody has to be forgotten."""
    start_over(client, dataset_prefix)
    for table in CURRENT.values():
        name = f"`{client.project}.{dataset_prefix}{table.id}`"
        changed(client, f"DELETE FROM {name} WHERE TRUE", timeout_s=TIMEOUT_S)  # noqa: S608


def compacted_views(tables: Iterable[Table]) -> list[View]:
    """The views that read the latest rows of any of these tables."""
    texts = [latest_text(table.id) for table in tables]
    return [view for view in views().values() if any(text in view.sql for text in texts)]


def _replace(
    client: bigquery.Client, prefix: str, marks: Mapping[str, int], tables: Iterable[Table]
) -> None:
    for view in compacted_views(tables):
        replace_view(client, view, prefix, marks)


class _Job:
    """The compaction of one table, at one moment."""

    def __init__(self, client: bigquery.Client, table: Table, prefix: str, now: int) -> None:
        self._client, self._table, self._prefix, self._now = client, table, prefix, now
        self._reference = f"{client.project}.{prefix}{CURRENT[table.id].id}"
        self._whole = f"{client.project}.{prefix}{table.id}"

    def mark(self) -> int:
        """The moment up to which the current table is complete; 0 where it is not.

        FatalError where its columns are not in the table's order: rows of both are put together by
        place.
        """
        current = self._current()
        whole = self._client.get_table(self._whole, timeout=TIMEOUT_S)
        names = [field.name for field in current.schema if field.name != STAMP]
        if names != [field.name for field in whole.schema]:
            raise FatalError(
                f"{CURRENT[self._table.id].id} has its columns in another order than "
                f"{self._table.id}: drop it, it is a copy and is made anew"
            )
        return int(current.labels.get(MARK, 0))

    def noted(self) -> int:
        """The same, whatever the columns are."""
        return int(self._current().labels.get(MARK, 0))

    def rows(self) -> int:
        """Rows of the whole table."""
        counted = f"SELECT COUNT(*) AS n FROM `{self._whole}`"  # noqa: S608 (own names)
        return int(next(iter(rows(self._client, counted, timeout_s=TIMEOUT_S))).n)

    def note(self, mark: int) -> None:
        """Notes that moment; 0 = it is complete up to none."""
        current = self._current()
        current.labels = {**current.labels, MARK: str(mark)}
        self._client.update_table(current, ["labels"], timeout=TIMEOUT_S)

    def put(self, mark: int) -> int:
        """Puts the latest rows of all keys that have rows since the mark; how many rows."""
        table = self._table
        names = ", ".join(column.name for column in columns(table.row))
        latest = touched_sql(table, mark) if mark else latest_sql(table, f"`{table.id}`")
        into = f"INSERT INTO `{CURRENT[table.id].id}` ({names}, {STAMP})"
        return self._run(f"{into} SELECT {names}, @now FROM ({latest})")  # noqa: S608 (own names)

    def sweep(self, *, whole: bool) -> int:
        """Takes away what the rows just put have superseded, or all others."""
        current = f"`{CURRENT[self._table.id].id}`"
        others = f"DELETE FROM {current} AS kept WHERE kept.{STAMP} != @now"  # noqa: S608
        if whole:
            return self._run(others)
        same = same_key_sql(self._table, "fresh", "kept")
        fresh = f"SELECT 1 FROM {current} AS fresh WHERE fresh.{STAMP} = @now AND {same}"  # noqa: S608
        return self._run(f"{others} AND EXISTS ({fresh})")

    def fresh(self) -> int:
        """How many rows there are of those just put."""
        counted = f"SELECT COUNT(*) AS n FROM `{self._reference}` WHERE {STAMP} = @now"  # noqa: S608
        return int(next(iter(rows(self._client, counted, [self._moment()], timeout_s=TIMEOUT_S))).n)

    def _moment(self) -> bigquery.ScalarQueryParameter:
        return bigquery.ScalarQueryParameter("now", "TIMESTAMP", from_us(self._now))

    def _run(self, sql: str) -> int:
        statement = qualified(sql, self._client.project, self._prefix)
        return changed(self._client, statement, [self._moment()], timeout_s=TIMEOUT_S)

    def _current(self) -> bigquery.Table:
        return self._client.get_table(self._reference, timeout=TIMEOUT_S)
