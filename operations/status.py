"""`salesintel status`: what runs, what waits, what went wrong."""

from collections.abc import Mapping

from google.cloud import bigquery
from rich.markup import escape
from rich.table import Table

from embedded.directory import DataDirectory
from operations.console import console, warehouse_of
from pipelines.recovery import read_marks
from schemas.clock import from_us, wall_clock
from schemas.tables import TABLES
from warehouse.bounded import rows
from warehouse.query import TIMEOUT_S, run_view

LATE_S = 300
"""As ops.health has it of rows that come late."""


def status(directory: DataDirectory) -> bool:
    """Prints; True where everything is well."""
    stack = directory.stack()
    minutes = (wall_clock() - stack.started) / 60_000_000
    console.print(
        f"running since {from_us(stack.started):%Y-%m-%d %H:%M} UTC ({minutes:,.0f} minutes), "
        f"process {stack.pid}, data {escape(str(directory.path))}"
    )
    well = _children(directory) & _backlog(read_marks(directory.marks), wall_clock())
    with warehouse_of(directory) as client:
        _rows(client)
        return _health(client) and well


def _children(directory: DataDirectory) -> bool:
    table = Table(show_edge=False)
    for heading in ("process", "id", "state", "restarts"):
        table.add_column(heading, no_wrap=True)
    # A path that is cut leads nowhere.
    table.add_column("log", overflow="fold")
    well = True
    for name, seen in directory.read_health().items():
        good = bool(seen["healthy"])
        state = "runs" if good else "given up" if seen["given_up"] else "does not answer"
        well = well and good
        colour = "green" if good else "red"
        table.add_row(
            escape(name),
            str(seen["pid"] or "–"),
            f"[{colour}]{state}[/{colour}]",
            str(seen["restarts"]),
            escape(str(seen["log"])),
        )
    console.print(table)
    return well


def _backlog(marks: Mapping[str, int], now: int) -> bool:
    """How far behind the pipeline is, by subscription: everything older is written."""
    if not marks:
        return True
    table = Table(show_edge=False)
    table.add_column("subscription", overflow="fold")
    table.add_column("seconds behind", justify="right", no_wrap=True)
    late = False
    for name, mark in sorted(marks.items()):
        seconds = max(now - mark, 0) // 1_000_000
        is_late = seconds > LATE_S
        late = late or is_late
        shown = f"{seconds:,}"
        table.add_row(escape(name.rpartition("/")[2]), f"[red]{shown}[/red]" if is_late else shown)
    console.print(table)
    if late:
        console.print(
            f"[red]messages wait[/red] for more than {LATE_S} s: see the log of the pipeline"
        )
    return not late


def row_counts(client: bigquery.Client) -> dict[str, int]:
    """Rows of every table."""
    parts = " UNION ALL ".join(
        f"SELECT '{table.id}' AS id, COUNT(*) AS n FROM `{table.id}`"  # noqa: S608 (own names)
        for table in TABLES
    )
    return {row.id: int(row.n) for row in rows(client, parts, timeout_s=TIMEOUT_S)}


def _rows(client: bigquery.Client) -> None:
    table = Table(show_edge=False)
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, count in row_counts(client).items():
        table.add_row(name, f"{count:,}")
    console.print(table)


def _health(client: bigquery.Client) -> bool:
    found = run_view(client, "ops.health")
    well = True
    for row in found.rows:
        if not row["ok"]:
            well = False
            console.print(f"[red]{row['name']}[/red]: {row['action']}")
    if well:
        console.print("[green]all checks are well[/green]")
    return well
