"""`salesintel query`: views by name and SQL, as a table, CSV or JSON."""

from datetime import datetime
from typing import TextIO

from embedded.directory import DataDirectory
from operations.console import errors, warehouse_of
from schemas.errors import ConfigurationError
from warehouse.query import run_sql, run_view
from warehouse.render import FORMATS


def query(
    directory: DataDirectory,
    what: str,
    stream: TextIO,
    account: str | None,
    since: datetime | None,
    limit: int,
    output: str,
) -> None:
    """Writes the rows to `stream`; ConfigurationError where what is asked does not fit."""
    write = FORMATS.get(output)
    if write is None:
        raise ConfigurationError(f"--format {output!r}: choose one of {', '.join(FORMATS)}")
    is_sql = any(c.isspace() for c in what.strip())
    if is_sql and (account is not None or since is not None):
        raise ConfigurationError("--account and --since go with a view: put them into the SQL")
    with warehouse_of(directory) as client:
        if is_sql:
            result = run_sql(client, what, limit=limit)
        else:
            result = run_view(client, what, account=account, since=since, limit=limit)
    write(result, stream)
    if result.truncated and output != "table":
        errors.print(f"[dim]the first {limit:,} rows; more with --limit[/dim]")
