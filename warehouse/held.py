"""What we hold of a source: ids of the records of an object that are not gone."""

from collections.abc import Iterator

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery
from requests.exceptions import RequestException

from schemas.errors import RetriableError
from schemas.tables import BY_ID, VERSION_ORDER
from warehouse.bounded import RETRY, rows
from warehouse.catalogue import qualified

TABLES = ("raw.changes", "sales.people", "sales.accounts", "sales.deals", "sales.interactions")
"""Where a record may be: changes expire after a while, and what became a dead letter on its way to
sales.* is in raw.changes alone."""
TIMEOUT_S = 600.0
PAGE_ROWS = 50_000
_RETRY = RETRY.with_timeout(30.0)


def living_sql() -> str:
    """The ids, in their order; parameters @source and @object_type. The newest version of all
    tables says whether a record is gone."""
    order = ", ".join(f"{column} DESC" for column in VERSION_ORDER)
    names = ", ".join(("object_id", "is_deleted", *VERSION_ORDER))
    parts = " UNION ALL ".join(
        f"SELECT {names} FROM `{BY_ID[table].id}`"  # noqa: S608 (own names)
        " WHERE source = @source AND object_type = @object_type"
        for table in TABLES
    )
    newest = f"ROW_NUMBER() OVER (PARTITION BY object_id ORDER BY {order}) = 1"
    latest = f"SELECT object_id, is_deleted FROM ({parts}) WHERE TRUE QUALIFY {newest}"  # noqa: S608
    return f"SELECT object_id FROM ({latest}) WHERE NOT is_deleted ORDER BY object_id"  # noqa: S608


def living_ids(
    client: bigquery.Client, source: str, object_type: str, dataset_prefix: str = ""
) -> Iterator[str]:
    """Object ids of the records of `source` that we hold and that are not gone, each once.

    Read page by page, however many they are; RetriableError where the warehouse does not answer.
    """
    parameters = [
        bigquery.ScalarQueryParameter("source", "STRING", source),
        bigquery.ScalarQueryParameter("object_type", "STRING", object_type),
    ]
    sql = qualified(living_sql(), client.project, dataset_prefix)
    try:
        found = rows(
            client, sql, parameters, timeout_s=TIMEOUT_S, page_size=PAGE_ROWS, retry=_RETRY
        )
        for row in found:
            yield row.object_id
    except (GoogleAPICallError, RequestException, TimeoutError) as error:
        raise RetriableError(
            f"the warehouse does not say what we hold of {source} {object_type}: "
            f"{type(error).__name__}"
        ) from error
