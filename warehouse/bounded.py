"""The one place that sends SQL to the warehouse: nothing is asked without a limit of time and of
bytes billed.

Past either the warehouse ends the query by itself, whatever became of who asked.
https://cloud.google.com/bigquery/docs/best-practices-costs#limit_query_costs_by_restricting_the_number_of_bytes_billed
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from google.api_core.exceptions import BadRequest, ServiceUnavailable, TooManyRequests
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from schemas.errors import RetriableError

GIB = 2**30
MAXIMUM_BYTES_BILLED = 20 * GIB
"""Of a question: about 0.12 USD on demand. https://cloud.google.com/bigquery/pricing"""
WHOLE_TABLES_BYTES = 2_000 * GIB
"""Of what reads tables whole on purpose (a rebuild, the resolver's start): about 12 USD."""

RETRY = Retry(predicate=if_exception_type(ServiceUnavailable, TooManyRequests), timeout=10.0)
"""Of SQL that a person wrote. A 500 is not tried again: the embedded warehouse gives it for SQL
that it cannot read."""

CONFLICT = "due to concurrent update"
"""In what BigQuery says of a statement that it takes back whole, for another has changed the table
meanwhile. https://cloud.google.com/bigquery/docs/troubleshoot-queries"""
CONFLICT_WAITS_S = (1.0, 5.0, 20.0, 60.0)

Parameter = Any
"""A ScalarQueryParameter or an ArrayQueryParameter."""


def submit(
    client: bigquery.Client,
    sql: str,
    parameters: Sequence[Parameter] = (),
    *,
    timeout_s: float,
    maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED,
    dry_run: bool = False,
    retry: Retry | None = RETRY,
) -> Any:
    """The job of one statement, begun; what the client raises where it cannot be."""
    settings = bigquery.QueryJobConfig(
        dry_run=dry_run,
        job_timeout_ms=int(timeout_s * 1_000),
        maximum_bytes_billed=maximum_bytes_billed,
        query_parameters=list(parameters),
        use_legacy_sql=False,
    )
    return client.query(sql, job_config=settings, timeout=timeout_s, retry=retry, job_retry=None)


def changed(
    client: bigquery.Client,
    sql: str,
    parameters: Sequence[Parameter] = (),
    *,
    timeout_s: float,
    maximum_bytes_billed: int = WHOLE_TABLES_BYTES,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """How many rows one INSERT, UPDATE or DELETE of our own concerned.

    It is not sent twice, unless the warehouse has taken it back: RetriableError where it does so
    again and again.
    """
    send = partial(submit, client, sql, parameters, timeout_s=timeout_s, retry=None)
    for wait_s in (*CONFLICT_WAITS_S, None):
        job = send(maximum_bytes_billed=maximum_bytes_billed)
        try:
            job.result(timeout=timeout_s, retry=None, job_retry=None)
        except BadRequest as error:
            if CONFLICT not in str(error.message):
                raise
        else:
            return int(job.num_dml_affected_rows or 0)
        if wait_s is not None:
            sleep(wait_s)
    raise RetriableError(
        "another statement changes the same table again and again, and this one was taken back: "
        "do it again when that has ended"
    )


def rows(
    client: bigquery.Client,
    sql: str,
    parameters: Sequence[Parameter] = (),
    *,
    timeout_s: float,
    maximum_bytes_billed: int = MAXIMUM_BYTES_BILLED,
    page_size: int | None = None,
    retry: Retry | None = DEFAULT_RETRY,
) -> Any:
    """The rows of one statement, read page by page; TimeoutError where they do not come in time.

    SQL of our own by default: whatever fails may pass, and is asked again.
    """
    job = submit(
        client,
        sql,
        parameters,
        timeout_s=timeout_s,
        maximum_bytes_billed=maximum_bytes_billed,
        retry=retry,
    )
    return job.result(timeout=timeout_s, page_size=page_size, retry=retry, job_retry=None)
