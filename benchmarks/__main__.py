"""`make bench`: runs every benchmark, prints a table and writes benchmarks/results/<time>.json.

A benchmark is a module `bench_<name>.py` with `run() -> dict[str, float]`: figure to value, the
unit at the end of the figure's name. `python -m benchmarks pubsub sink` runs those two alone.
"""

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def main(wanted: list[str]) -> None:
    """Runs the wanted benchmarks, or all."""
    console = Console()
    figures: dict[str, dict[str, float]] = {}
    for name in wanted or names():
        console.print(f"[dim]{name} …[/dim]")
        figures[name] = importlib.import_module(f"benchmarks.bench_{name}").run()
    table = Table(title="Figures measured on this machine")
    table.add_column("benchmark")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, values in figures.items():
        for figure, value in values.items():
            table.add_row(name, figure, f"{value:,.2f}" if value < 1_000 else f"{value:,.0f}")
    console.print(table)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    path.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")
    console.print(f"written to {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main(sys.argv[1:])
