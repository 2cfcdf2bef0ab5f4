"""The demo's summary: a page that a person enjoys reading."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from operations.console import console
from operations.demo_figures import Figures
from sandbox.evaluate import Rate

SUBJECT_CHARACTERS = 44
QUESTION = "SELECT source, COUNT(*) AS people FROM sales.people_latest GROUP BY source"
"""Shown within double quotes, where a shell would take backticks for a command."""


def show_summary(figures: Figures, directory: Path) -> None:
    """Prints what went in, where it ended, what it says and how fast it was."""
    _sources(figures)
    _reconciliation(figures)
    _happened(figures)
    _account(figures)
    _dead_letters(figures)
    _rows(figures)
    _timeline(figures)
    _identity(figures)
    _speed(figures)
    _next(directory)


def _heading(text: str) -> None:
    console.print()
    console.print(Rule(f"[bold]{text}[/bold]", align="left", style="dim"))


def _table(*headings: str, right: Iterable[str] = ()) -> Table:
    table = Table(show_edge=False, box=None, padding=(0, 2, 0, 0), header_style="dim")
    numbers = set(right)
    for heading in headings:
        side = "right" if heading in numbers else "left"
        table.add_column(heading, justify=side, no_wrap=heading in numbers)  # type: ignore[arg-type]
    return table


def _sources(figures: Figures) -> None:
    _heading("Every record of every vendor, held against the vendor's own")
    table = _table("source", "records", "there", "held", "differ", right=RECORD_COUNTS)
    for one in figures.readings:
        name = f"{one.object_type}"
        counts = (f"{one.there:,}", f"{one.held:,}", f"{len(one.differences):,}")
        table.add_row(one.source, name, *counts)
    console.print(table)
    wrong = [line for one in figures.readings for line in one.differences]
    if wrong:
        console.print(f"[red]{len(wrong):,} records are not as their vendor has them:[/red]")
        for line in wrong[:MOST_DIFFERENCES]:
            console.print(escape(line), soft_wrap=True, highlight=False)
        return
    total = sum(one.there for one in figures.readings)
    console.print(f"[green]all {total:,} records are as their vendors have them now[/green]")


def _reconciliation(figures: Figures) -> None:
    _heading("Counted by the sources, held against ours: ops.reconciliation")
    table = _table("source", "records", "there", "held", "present", right=PRESENT_COUNTS)
    for one in figures.reconciled:
        counts = (f"{one.there:,}", f"{one.held:,}", _share(one.present, one.there))
        table.add_row(one.source, one.object_type, *counts)
    console.print(table)
    there = sum(one.there for one in figures.reconciled)
    present = sum(one.present for one in figures.reconciled)
    colour = "green" if there and present == there else "red"
    console.print(
        f"[{colour}]{_share(present, there)} of the {there:,} source objects are present[/{colour}]"
    )


def _share(part: int, whole: int) -> str:
    """Rounded down: what is not all of it never shows as 100 %."""
    return f"{part * 10_000 // whole / 100:g} %" if whole else "–"


def _happened(figures: Figures) -> None:
    _heading("What happened meanwhile, told by webhooks or polled")
    by_source: dict[str, list[str]] = {}
    for name, count in sorted(figures.happened.items()):
        source, _, what = name.partition(": ")
        by_source.setdefault(source, []).append(f"{count} {what}")
    table = _table("source", "what")
    for source, happened in by_source.items():
        table.add_row(source, ", ".join(happened))
    console.print(table)


def _account(figures: Figures) -> None:
    _heading("Every message is accounted for")
    counts = ("messages", "accepted", "duplicates", "dead_letters")
    table = _table("source", "messages", "accepted", "duplicates", "dead letters", right=ALL_COUNTS)
    totals = {name: sum(int(row[name]) for row in figures.accounting) for name in counts}
    for row in sorted(figures.accounting, key=lambda row: str(row["source"])):
        table.add_row(str(row["source"]), *(f"{int(row[name]):,}" for name in counts))
    table.add_row("[bold]all[/bold]", *(f"[bold]{totals[name]:,}[/bold]" for name in counts))
    console.print(table)


RECORD_COUNTS = ("there", "held", "differ")
PRESENT_COUNTS = ("there", "held", "present")
MOST_DIFFERENCES = 5
ALL_COUNTS = ("messages", "accepted", "duplicates", "dead letters", "rows", "share")


def _dead_letters(figures: Figures) -> None:
    _heading("Dead letters, with their reasons")
    table = _table("stage", "source", "letters", "for example", right=("letters",))
    for row in figures.dead_letters:
        sample = escape(str(row["sample_message"]))
        table.add_row(row["stage"], row["source"], f"{row['letters']:,}", sample)
    console.print(table)


def _rows(figures: Figures) -> None:
    _heading("Rows in the warehouse")
    table = _table("table", "rows", "", "table ", "rows ", right=("rows", "rows "))
    counts = [(name, f"{count:,}") for name, count in figures.rows.items()]
    half = -(-len(counts) // 2)
    for place in range(half):
        right = counts[half + place] if half + place < len(counts) else ("", "")
        table.add_row(*counts[place], "   ", *right)
    console.print(table)


def _timeline(figures: Figures) -> None:
    name = figures.timeline[0]["account_name"] if figures.timeline else "nobody"
    _heading(f"sales.account_timeline of {escape(str(name))}")
    table = _table("when (UTC)", "what", "subject", "with")
    for row in figures.timeline:
        table.add_row(
            f"{row['occurred_at']:%Y-%m-%d %H:%M}",
            _what(row),
            escape(_shortened(str(row["subject"] or row["detail"] or ""))),
            escape(", ".join(row["person_names"] or ())),
        )
    console.print(table)


def _what(row: dict[str, Any]) -> str:
    direction = {"inbound": " in", "outbound": " out"}.get(row["direction"] or "", "")
    return f"{row['kind']}{direction}"


def _shortened(text: str) -> str:
    return text if len(text) <= SUBJECT_CHARACTERS else text[: SUBJECT_CHARACTERS - 1] + "…"


def _identity(figures: Figures) -> None:
    _heading("Who is who, held against the truth")
    console.print(
        f"{figures.records:,} records of people and accounts are {figures.people:,} people and "
        f"{figures.accounts:,} accounts"
    )
    table = _table("", "matched", "precision", "of", right=("matched", "precision"))
    table.add_row(*_rate("e-mail participants", figures.email))
    table.add_row(*_rate("calls", figures.phone))
    pairs = figures.pairs
    made = f"{pairs.right + pairs.missed:,} true pairs of records (F1 {pairs.f1:.3f})"
    table.add_row("records", f"{pairs.recall:.1%}", f"{pairs.precision:.1%}", made)
    console.print(table)


def _rate(name: str, rate: Rate) -> tuple[str, str, str, str]:
    return name, f"{rate.rate:.1%}", f"{rate.precision:.1%}", f"{rate.total:,}"


def _speed(figures: Figures) -> None:
    _heading("How fast, on this machine")
    speed = figures.speed
    console.print(
        f"started in {speed.start_s:.0f} s; {speed.messages:,} messages read from the vendors and "
        f"written in {speed.backfill_s:.1f} s: [bold]{speed.per_s:,.0f} a second[/bold]"
    )
    console.print(
        f"then {len(speed.arrivals)} mails, one by one, from mailbox to warehouse in "
        f"[bold]{speed.median_s:.2f} s[/bold] (median), {speed.p95_s:.2f} s (p95)"
    )


def _next(directory: Path) -> None:
    command, here = _command(), f" --data {escape(shlex.quote(str(directory)))}"
    _heading("Try next")
    for why, line in (
        ("start this system again, in a terminal of its own", f"up{here}"),
        ("every communication once, newest first", f"query sales.communications{here}"),
        ("who writes to us and is in no CRM", f"query sales.unmatched_emails{here}"),
        ("a question of your own", f'query "{QUESTION}"{here}'),
        ("an empty system for files of your own, and then the files", "up"),
        ("", "import ~/Takeout/Mail contacts.csv"),
    ):
        if why:
            console.print(f"[dim]# {why}[/dim]", highlight=False)
        console.print(f"{command} {line}", soft_wrap=True, highlight=False)


def _command() -> str:
    """How the person who reads this can call us: by name, or by the path that was used."""
    if shutil.which("salesintel"):
        return "salesintel"
    return os.path.relpath(sys.argv[0]) if sys.argv[0].endswith("salesintel") else "salesintel"
