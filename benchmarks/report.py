"""Figures beside their bars: as a table for a person, as JSON with the facts of the machine."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

Figures = dict[str, float]
Bars = dict[str, tuple[str, float]]

ROOT = Path(__file__).parent.parent


class Line(NamedTuple):
    """A figure; `value` is None where it could not be measured here, `sign` "" where it has no
    bar, `holds` None in either case."""

    benchmark: str
    figure: str
    value: float | None
    sign: str = ""
    bar: float = 0.0
    holds: bool | None = None


def judged(name: str, figures: dict[str, Figures], bars: dict[str, Bars]) -> list[Line]:
    """The lines of one benchmark: its figures, then the bars that it has no figure for."""
    wanted, lines = bars[name], []
    for figure, value in figures[name].items():
        sign, bar = wanted.get(figure, ("", 0.0))
        holds = (value >= bar if sign == ">=" else value <= bar) if sign else None
        lines.append(Line(name, figure, value, sign, bar, holds))
    missing = [figure for figure in wanted if figure not in figures[name]]
    return lines + [Line(name, figure, None, *wanted[figure]) for figure in missing]


def table(title: str, lines: list[Line]) -> Table:
    """What a person reads."""
    shown = Table(title=title)
    for heading in ("benchmark", "figure"):
        shown.add_column(heading, overflow="fold")
    for heading in ("value", "bar"):
        shown.add_column(heading, justify="right")
    shown.add_column("holds")
    for line in lines:
        value = "not here" if line.value is None else _number(line.value)
        bar = f"{line.sign} {_number(line.bar)}" if line.sign else ""
        holds = {True: "[green]yes[/green]", False: "[red]NO[/red]", None: ""}[line.holds]
        shown.add_row(line.benchmark, line.figure, value, bar, holds)
    return shown


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}"


def write(path: Path, figures: dict[str, Figures], bars: dict[str, Bars], quick: bool) -> None:
    """What another run is compared with."""
    lines = [line for name in figures for line in judged(name, figures, bars) if line.sign]
    found = {
        "machine": machine(),
        "quick": quick,
        "figures": figures,
        "bars": [
            {
                "benchmark": line.benchmark,
                "figure": line.figure,
                "value": line.value,
                "bar": f"{line.sign} {line.bar:g}",
                "holds": line.holds,
            }
            for line in lines
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, str | int | float]:
    """What the figures depend on. The load before tells whether the machine was busy."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "commit": _commit(),
        "load_1_minute": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = [line for line in lines if line.startswith("model name")]
    return named[0].partition(":")[2].strip() if named else platform.processor()


def _commit() -> str:
    """The commit that is measured, with a plus where files differ from it; empty without git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()
