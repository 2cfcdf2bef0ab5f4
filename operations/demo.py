"""`salesintel demo`: a small company through the whole system, and what came of it."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.cloud import bigquery
from rich.markup import escape

from embedded.directory import DataDirectory
from embedded.ports import free_port
from embedded.supervisor import Supervisor
from operations.console import console, warehouse_of
from operations.demo_figures import Figures, Speed, measured
from operations.demo_sources import SINCE, Readers, lived
from operations.demo_summary import show_summary
from operations.waiting import accounted, until_written
from sandbox.company import DEMO, Company, Scale, export, generate
from sandbox.vendors.estate import Estate
from schemas.change import stable_hash
from schemas.clock import wall_clock
from schemas.errors import ConfigurationError

DETAILS_S = 1.0
"""How soon after a call its transcript is there; a minute or more at the vendor."""
FIRST_DAYS = 1
"""How far back the first poll goes where that can be said: the backfill has read what is older."""

MARKER = "demo.json"
"""Stands in a directory that a demo has made: it may be replaced unless used since."""


def demo(
    directory: DataDirectory, seed: int, scale: Scale = DEMO, *, replace: bool = False
) -> Figures:
    """Makes the company, reads its vendors while things happen there, and prints what came of it.

    ConfigurationError where the directory holds something that no demo has made, or, without
    `replace`, where it is not as its demo left it.
    """
    path = directory.path
    with _fresh(path, replace):
        _mark(path, {"seed": seed})
        company = generate(seed, scale)
        export(company, path / "company")
    _introduce(company, path / "company")
    began = time.monotonic()
    webhooks = f"http://127.0.0.1:{free_port()}"
    try:
        with Estate(
            company,
            path / "vendors",
            clock=wall_clock,
            webhooks=webhooks,
            details_s=DETAILS_S,
            first_days=FIRST_DAYS,
            prompt=True,
        ) as estate:
            settings = estate.write_settings(path)
            with _stack(directory, settings), warehouse_of(directory) as client:
                started = time.monotonic() - began
                figures = _fill(directory, client, estate, Readers(directory, settings), started)
                show_summary(figures, path)
    finally:
        _mark(path, {"seed": seed, "left": _state(path)})
    return figures


@contextmanager
def _fresh(path: Path, replace: bool) -> Iterator[None]:
    """Within, the directory is empty and nobody else may use it."""
    entries = set(path.iterdir()) if path.is_dir() else set()
    if entries and path / MARKER not in entries:
        raise ConfigurationError(
            f"{path} holds something that no demo has made: name another directory with --data"
        )
    holder = DataDirectory(path)
    holder.open()
    try:
        if entries and not replace and _marked(path) != _state(path):
            raise ConfigurationError(
                f"{path} is not as its demo left it, your own data may be in it: name another "
                "directory with --data, or replace all of it with --yes"
            )
        # The lock is held, and an attempt that ends before the next mark is still a demo's.
        kept = {holder.run, holder.run / "lock", path / MARKER}
        for entry in {*entries, *holder.run.iterdir()} - kept:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        yield
    finally:
        holder.close()


def _mark(path: Path, what: dict[str, object]) -> None:
    (path / MARKER).write_text(json.dumps(what) + "\n", encoding="utf-8")


def _marked(path: Path) -> str:
    """The state in which a demo left the directory; none where it was killed."""
    try:
        return str(json.loads((path / MARKER).read_text("utf-8"))["left"])
    except (ValueError, KeyError, TypeError):
        return ""


def _state(path: Path) -> str:
    """Changes with whatever is written into the directory; looking at it changes nothing."""
    ours = (path / MARKER, DataDirectory(path).run / "lock")
    lines = []
    for one in sorted(path.rglob("*")):
        if one in ours:
            continue
        seen = one.lstat()
        figures = "" if one.is_dir() else f" {seen.st_size} {seen.st_mtime_ns}"
        lines.append(f"{one.relative_to(path)}{figures}")
    return stable_hash(*lines)


def _introduce(company: Company, files: Path) -> None:
    console.print(
        f"[bold]Alderpeak Supply[/bold] (seed {company.seed}): {len(company.reps)} reps, "
        f"{len(company.accounts)} accounts, {len(company.people)} people, {len(company.mails):,} "
        f"mails, {len(company.calls)} calls, two CRMs that disagree"
    )
    console.print(
        "[dim]Gmail, Salesforce, HubSpot and Dialpad are simulated here and called through the "
        f"real clients; the truth about the company, and its files: {escape(str(files))}[/dim]"
    )


@contextmanager
def _stack(directory: DataDirectory, settings: Path) -> Iterator[None]:
    supervisor = Supervisor(directory, settings)
    watching = threading.Thread(target=supervisor.run, name="supervisor", daemon=True)
    try:
        with console.status("starting …") as status:
            supervisor.start(lambda line: status.update(f"{line} …"))
        watching.start()
        yield
    finally:
        with console.status("stopping …"):
            supervisor.ask_to_stop()
            if watching.is_alive():
                watching.join()
            supervisor.stop()


def _fill(
    directory: DataDirectory,
    client: bigquery.Client,
    estate: Estate,
    readers: Readers,
    started_s: float,
) -> Figures:
    began = time.monotonic()
    with console.status("filling back: all that the four vendors have …"):
        readers.each("backfill", "--since", SINCE)
        readers.each("poll")
        until_written(directory, wall_clock())
    backfill_s, messages = time.monotonic() - began, accounted(client)
    with console.status("things happen: mails, calls, edits, merges, deletions …"):
        live = lived(estate, readers, directory, client)
    with console.status("the night comes: each source says how many records it has …"):
        readers.each("nightly")
        until_written(directory, wall_clock())
    speed = Speed(started_s, messages, backfill_s, live.arrivals)
    with console.status("asking the warehouse …"):
        return measured(client, estate, live.happened, speed)
