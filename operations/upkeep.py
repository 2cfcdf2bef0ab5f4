"""`salesintel compact` and `salesintel retention`: what a running stack does by itself, now."""

from pathlib import Path

from rich.table import Table

from embedded.directory import DataDirectory
from embedded.upkeep import compact_once, expire_once
from operations.console import console, running
from pipelines.checks import checked_settings
from warehouse.compaction import SMALL_ROWS


def compact(directory: DataDirectory) -> None:
    """Brings the current tables up to date."""
    _, endpoint = running(directory)
    with console.status("compacting …"):
        put = compact_once(directory, endpoint)
    if not put:
        console.print(f"nothing to do: no table has {SMALL_ROWS:,} rows")
        return
    _show(put, "rows brought up to date")


def retention(directory: DataDirectory) -> None:
    """Deletes what has expired, by the settings that the stack runs with."""
    stack, endpoint = running(directory)
    settings = checked_settings(
        Path(stack.settings) if stack.settings else None, directory.make_redaction_key()
    )
    if settings.retention.holds_all:
        console.print("everything is on legal hold: nothing expires")
        return
    with console.status("deleting what has expired …"):
        gone = expire_once(directory, endpoint, settings.retention)
    if not gone:
        console.print("nothing has expired")
        return
    _show(gone, "rows deleted")


def _show(counts: dict[str, int], heading: str) -> None:
    table = Table(show_edge=False)
    table.add_column("table")
    table.add_column(heading, justify="right")
    for table_id, count in counts.items():
        table.add_row(table_id, f"{count:,}")
    console.print(table)
