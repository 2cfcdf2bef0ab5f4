"""`make bench`: runs every benchmark, prints a table and writes benchmarks/results/<time>.json.

A benchmark is a module `bench_<name>.py` with `run(quick=False) -> dict[str, float]`, figure to
value, the unit at the end of the figure's name, and with `BARS`, figure to (">=" or "<=", bar), for
the figures that have to reach something. `python -m benchmarks pubsub sink` runs those two alone;
`--quick` shortens each until its figures mean little. A benchmark informs: a bar that is missed is
shown and changes no exit code.
"""

import argparse
import importlib
import time
from pathlib import Path

from rich.console import Console

from benchmarks.report import Bars, Figures, judged, table, write

HERE = Path(__file__).parent


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; without one: all"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: seconds, not minutes")
    given = parser.parse_args(argv)
    for name in given.names:
        if name not in names():
            parser.error(f"there is no benchmark {name!r}; there are: {', '.join(names())}")
    return given


def main(argv: list[str] | None = None, results: Path = HERE / "results") -> None:
    """Runs the wanted benchmarks, or all."""
    given = arguments(argv)
    console = Console()
    figures: dict[str, Figures] = {}
    bars: dict[str, Bars] = {}
    path = results / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    for name in given.names or names():
        console.print(f"[dim]{name} …[/dim]")
        module = importlib.import_module(f"benchmarks.bench_{name}")
        bars[name] = module.BARS
        figures[name] = module.run(given.quick)
        # After each: what is measured stays, whatever the next one does.
        write(path, figures, bars, given.quick)
    title = "Figures measured on this machine" + (" (quick: no figure to quote)" * given.quick)
    console.print(table(title, [line for name in figures for line in judged(name, figures, bars)]))
    console.print(f"written to {path}", soft_wrap=True)


if __name__ == "__main__":
    main()
