"""Questions to the warehouse: a named view, or a SELECT of one's own.

Every query has a limit of time, of rows and of bytes billed. Values go as query parameters;
identifiers come from our own list of views and tables, never from the caller.
"""

from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPICallError, NotFound
from google.cloud import bigquery
from requests.exceptions import RequestException, Timeout

from schemas.clock import from_us, wall_clock
from schemas.errors import ConfigurationError, FatalError, RetriableError
from schemas.tables import BY_ID
from warehouse.allowed import check_allowed
from warehouse.bounded import MAXIMUM_BYTES_BILLED, RETRY, submit
from warehouse.catalogue import Narrowed, qualified, views
from warehouse.narrowing import MOST_KEYS, first_keys, found_by, is_embedded, one_of
from warehouse.scans import check_scans
from warehouse.statement import RefusedQuery, one_select

TIMEOUT_S = 30.0
LONGEST_S = 6 * 3600.0
"""BigQuery ends a query after six hours."""

ROWS = 100
MOST_ROWS = 1_000_000_000
TIMED_OUT = "Job timed out"
"""Of a statement that the warehouse has ended, as its limit says."""
OUT_OF_MEMORY = "Out of Memory Error"
"""Of DuckDB, in the embedded warehouse."""

_ACCOUNTS = """
SELECT entity_id
FROM `identity.entities_latest`
WHERE kind = 'account' AND (
  entity_id = @account
  OR LOWER(display_name) = LOWER(@account)
  OR LOWER(primary_domain) = LOWER(@account)
)
ORDER BY entity_id
"""
_OF_ACCOUNT = {
    "account_entity_id": "account_entity_id IN UNNEST(@accounts)",
    "account_entity_ids": "EXISTS ("
    "SELECT 1 FROM UNNEST(account_entity_ids) AS entity WHERE entity IN UNNEST(@accounts))",
}
MAXIMUM_ACCOUNTS = 1_000
"""Accounts of one name or domain that are looked up."""

Value = str | int | float | bool | datetime | date | list[str]
_KINDS: dict[type, str] = {
    str: "STRING",
    int: "INT64",
    float: "FLOAT64",
    bool: "BOOL",
    datetime: "TIMESTAMP",
    date: "DATE",
}


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in order, each by column name; `truncated` where the limit cut some off."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    truncated: bool


class _Source(NamedTuple):
    """What is asked by name: the column of the account, the condition of `@since`, the order, and
    where the first rows are looked up."""

    account: str | None = None
    since: str | None = None
    order: tuple[str, ...] = ()
    narrowed: Narrowed | None = None


def run_view(
    client: bigquery.Client,
    view_id: str,
    *,
    account: str | None = None,
    since: datetime | None = None,
    search: str | None = None,
    limit: int = ROWS,
    timeout_s: float = TIMEOUT_S,
    maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED,
    dataset_prefix: str = "",
    whole: bool = False,
) -> QueryResult:
    """The first `limit` rows of a view, or of a table, in its own order.

    `account` is an account's entity id, or its name or domain in any case; `since` (with
    a zone) cuts off what is older, of a table whole days; `search` has words that each row has in
    it. ConfigurationError where there is no such view, or where it knows no account, no time or no
    words; errors of the query as of `run_sql`.
    """
    source = _source(view_id)
    question = _Question(client, timeout_s, maximum_bytes_billed, dataset_prefix)
    conditions, parameters = list[str](), dict[str, Value]()
    narrowed = source.narrowed
    if since is not None:
        if source.since is None:
            raise ConfigurationError(f"{view_id} has no time: leave --since away")
        if since.tzinfo is None:
            raise ConfigurationError("--since has no time zone: add Z, or an offset as +02:00")
        conditions.append(source.since)
        parameters["since"] = since
    if search is not None:
        if narrowed is None or narrowed.texts is None:
            raise ConfigurationError(f"{view_id} cannot be searched: leave --search away")
        condition, words = found_by(narrowed, narrowed.texts, search)
        conditions.append(condition)
        parameters.update(words)
    of_account = None
    if account is not None:
        if source.account is None:
            raise ConfigurationError(f"{view_id} has no account: leave --account away")
        found = question.ask(_ACCOUNTS, {"account": account}, MAXIMUM_ACCOUNTS)
        of_account = _OF_ACCOUNT[source.account]
        parameters["accounts"] = [row["entity_id"] for row in found.rows]
    if narrowed is not None and checked_limit(limit) < MOST_KEYS and is_embedded(client):
        theirs = of_account and _OF_ACCOUNT["account_entity_id"]
        first = first_keys(narrowed, source.order, conditions, account=theirs, rows=limit + 1)
        condition, keys = one_of(narrowed.key, question.ask(first, parameters, limit + 1).rows)
        if narrowed.accounts:
            of_account = None  # A key has all its accounts or none of them.
        conditions = [condition]
        parameters = {"accounts": parameters["accounts"]} if of_account else {}
        parameters.update(keys)
    if of_account is not None:
        conditions.append(of_account)
    sql = f"SELECT * FROM `{view_id}`"  # noqa: S608 (an id of our own list)
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    if not whole:
        check_scans(sql, parameters, today=_today())
    sql += f" ORDER BY {', '.join(source.order)}" if source.order else ""
    return question.ask(f"{sql} LIMIT {checked_limit(limit) + 1:d}", parameters, limit)


def is_account(client: bigquery.Client, account: str) -> bool:
    """Whether there is an account that `run_view` takes it for."""
    question = _Question(client, TIMEOUT_S, MAXIMUM_BYTES_BILLED, "")
    return bool(question.ask(_ACCOUNTS, {"account": account}, 1).rows)


def run_sql(
    client: bigquery.Client,
    sql: str,
    parameters: Mapping[str, Value] | None = None,
    *,
    limit: int = ROWS,
    timeout_s: float = TIMEOUT_S,
    maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED,
    dataset_prefix: str = "",
    whole: bool = False,
) -> QueryResult:
    """The first `limit` rows of one SELECT, in its own order; `parameters` fill its `@names`.

    Of our tables, those in backticks (`` `sales.people` ``) are found under the prefix too.
    RefusedQuery for anything but one SELECT of our tables and views, for one that reads raw.changes
    without a day unless it is wanted `whole`, and with the warehouse's own
    words for SQL that it does not accept; RetriableError where it does not answer, or not in time.
    """
    statement, values = one_select(sql), dict(parameters or {})
    # Before the dry run, too: the embedded warehouse opens files in it.
    check_allowed(statement, client.project, readable(), dataset_prefix)
    if not whole:
        check_scans(statement, values, today=_today(), prefix=dataset_prefix)
    question = _Question(client, timeout_s, maximum_bytes_billed, dataset_prefix)
    kind = question.statement_type(statement, values)
    # The embedded warehouse has no name for a UNION.
    if kind not in ("SELECT", ""):
        raise RefusedQuery(f"only one SELECT is run here, and this is {kind}")
    return question.ask(statement, values, checked_limit(limit))


def run_own(
    client: bigquery.Client,
    sql: str,
    parameters: Mapping[str, Value] | None = None,
    *,
    limit: int = ROWS,
    timeout_s: float = TIMEOUT_S,
    dataset_prefix: str = "",
) -> QueryResult:
    """As `run_sql`, of a SELECT that is our own: it need not be looked at before it is sent."""
    question = _Question(client, timeout_s, MAXIMUM_BYTES_BILLED, dataset_prefix)
    return question.ask(sql, dict(parameters or {}), checked_limit(limit))


def readable() -> tuple[str, ...]:
    """The ids that `run_view` takes: views, then tables."""
    return (*sorted(views()), *sorted(BY_ID))


def _source(name: str) -> _Source:
    view = views().get(name)
    if view is not None:
        since = view.metadata.since and f"{view.metadata.since} >= @since"
        metadata = view.metadata
        return _Source(metadata.account, since, metadata.order, metadata.narrowed)
    table = BY_ID.get(name)
    if table is None:
        raise ConfigurationError(f"there is no view {name!r}; there are: {', '.join(readable())}")
    since = f"{table.partition} >= DATE(@since)" if table.partition else None
    return _Source(since=since, order=tuple(f"{column} DESC" for column in table.order))


def _today() -> date:
    return from_us(wall_clock()).date()


def checked_limit(limit: int) -> int:
    """The limit; ConfigurationError where no query could have it."""
    if limit < 1:
        raise ConfigurationError("--limit is below 1: ask for at least one row")
    if limit > MOST_ROWS:
        raise ConfigurationError(f"--limit is above {MOST_ROWS:,}: ask for fewer rows")
    return limit


class _Question(NamedTuple):
    """How a query is asked: of whom, and within which limits."""

    client: bigquery.Client
    timeout_s: float
    maximum_bytes_billed: int
    dataset_prefix: str

    def statement_type(self, sql: str, parameters: Mapping[str, Value]) -> str:
        """BigQuery's name for the statement, by a dry run: SELECT, DELETE, SCRIPT …"""
        try:
            return self._submit(sql, parameters, dry_run=True).statement_type or ""
        except (GoogleAPICallError, RequestException) as error:
            raise self._explained(error) from error

    def ask(self, sql: str, parameters: Mapping[str, Value], limit: int) -> QueryResult:
        """At most `limit` rows of a SELECT."""
        job = None
        try:
            job = self._submit(sql, parameters, dry_run=False)
            found = job.result(
                max_results=limit + 1, timeout=self.timeout_s, retry=RETRY, job_retry=None
            )
            rows = [dict(row) for row in found]
        except FutureTimeout as error:
            if job is not None:
                job.cancel(retry=None, timeout=self.timeout_s)
            raise self._late() from error
        except (GoogleAPICallError, RequestException) as error:
            raise self._explained(error) from error
        names = tuple(field.name for field in found.schema)
        return QueryResult(columns=names, rows=rows[:limit], truncated=len(rows) > limit)

    def _submit(self, sql: str, parameters: Mapping[str, Value], *, dry_run: bool) -> Any:
        return submit(
            self.client,
            qualified(sql, self.client.project, self.dataset_prefix),
            [_parameter(name, value) for name, value in parameters.items()],
            timeout_s=self.timeout_s,
            maximum_bytes_billed=self.maximum_bytes_billed,
            dry_run=dry_run,
        )

    def _late(self) -> RetriableError:
        return RetriableError(
            f"the warehouse took longer than {self.timeout_s:g} s: "
            "narrow the query (--account, --since, --limit) or allow it more time with --timeout"
        )

    def _explained(self, error: Exception) -> FatalError | RetriableError:
        if isinstance(error, Timeout):
            return self._late()
        if isinstance(error, NotFound):
            return RefusedQuery(f"{words_of(error)} Views and tables: {', '.join(readable())}")
        if isinstance(error, GoogleAPICallError) and OUT_OF_MEMORY in str(error.message):
            return RetriableError(
                "the question is too large for the warehouse's memory: narrow it (--account, "
                "--since, a --limit below 1,000), or start the system with `salesintel up "
                "--warehouse-memory 4GB`"
            )
        if isinstance(error, GoogleAPICallError) and TIMED_OUT in str(error.message):
            return self._late()
        if isinstance(error, BadRequest | Forbidden):
            return RefusedQuery(words_of(error))
        reason = words_of(error) if isinstance(error, GoogleAPICallError) else "no connection"
        return RetriableError(
            f"the warehouse does not answer ({reason}): see `salesintel status`, "
            "start it with `salesintel up`"
        )


def _parameter(name: str, value: Value) -> Any:
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(name, "STRING", value)
    return bigquery.ScalarQueryParameter(name, _KINDS[type(value)], value)


def words_of(error: GoogleAPICallError) -> str:
    """What the warehouse says, without address and job id."""
    text = str(error.message).partition("; reason:")[0].partition("\n\nLocation:")[0]
    if text.startswith(("POST http", "GET http")):
        text = text.partition(": ")[2]
    return text.strip()
