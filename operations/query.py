"""`salesintel query`: views by name and SQL, as a table, CSV or JSON."""

from datetime import datetime
from typing import TextIO

from rich.markup import escape

from operations.audit import audited
from operations.console import errors
from operations.place import Place, warehouse_at
from schemas.errors import ConfigurationError
from warehouse.access import check_seen
from warehouse.query import LONGEST_S, TIMEOUT_S, is_account, run_sql, run_view
from warehouse.render import FORMATS


def query(
    place: Place,
    what: str,
    stream: TextIO,
    account: str | None,
    since: datetime | None,
    search: str | None,
    limit: int,
    output: str,
    timeout_s: float = TIMEOUT_S,
    whole: bool = False,
    reader: str | None = None,
) -> None:
    """Writes the rows to `stream`, as `reader` sees them where one is named: of views for reps and
    managers, for there is nothing else that they see.

    ConfigurationError where what is asked does not fit.
    """
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    if not 0 < timeout_s <= LONGEST_S:
        raise ConfigurationError(f"--timeout {timeout_s:g}: choose 1 to {LONGEST_S:g} seconds")
    is_sql = any(c.isspace() for c in what.strip())
    narrow = {"account": account, "since": since, "search": search}
    narrow = {name: value for name, value in narrow.items() if value is not None}
    if is_sql and narrow:
        raise ConfigurationError(
            "--account, --since and --search go with a view: put them into the SQL"
        )
    endpoint = place.reached().endpoint
    if reader is not None:
        check_seen(what, endpoint.project, is_sql=is_sql)
    asked = {
        "sql" if is_sql else "view": what,
        **narrow,
        "limit": limit,
        **({"as": reader} if reader is not None else {}),
        **({"whole": True} if whole else {}),
        **({"timeout_s": timeout_s} if timeout_s != TIMEOUT_S else {}),
    }
    with (
        audited(endpoint, "query", asked, must=False) as deed,
        warehouse_at(place, reader) as client,
    ):
        if is_sql:
            result = run_sql(client, what, limit=limit, timeout_s=timeout_s, whole=whole)
        else:
            result = run_view(
                client,
                what,
                account=account,
                since=since,
                search=search,
                limit=limit,
                timeout_s=timeout_s,
                whole=whole,
            )
        deed.rows_given = len(result.rows)
        write(result, stream)
        if account is not None and not result.rows and not is_account(client, account):
            errors.print(
                f"there is no account {escape(repr(account))}: name one by its whole name, its "
                "domain or its entity id",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
    if result.truncated and output != "table":
        errors.print(f"[dim]the first {limit:,} rows; more with --limit[/dim]")
