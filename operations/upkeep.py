"""How the upkeep of the warehouse tells what it has done."""

from rich.table import Table

from operations.console import console


def show_counts(counts: dict[str, int], heading: str) -> None:
    """A line a table."""
    table = Table(show_edge=False)
    table.add_column("table")
    table.add_column(heading, justify="right")
    for table_id, count in counts.items():
        table.add_row(table_id, f"{count:,}")
    console.print(table)
