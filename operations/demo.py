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

from connectors.files import BadInput, ImportOptions, plan, read
from connectors.objects import FolderStore
from connectors.publisher import ChangePublisher, publisher_client
from embedded.directory import DataDirectory
from embedded.supervisor import Supervisor
from operations.config import DEFAULT_SETTINGS
from operations.console import console, warehouse_of
from operations.demo_figures import Figures, Speed, measured
from operations.demo_summary import show_summary
from operations.imports import import_files
from operations.waiting import until_queryable, until_written
from sandbox.company import DEMO, Company, Manifest, Scale, export, generate
from sandbox.company.world import AS_OF_US
from schemas.change import stable_hash
from schemas.clock import wall_clock
from schemas.errors import ConfigurationError

ARRIVALS = 20
"""Mails that arrive one by one after the import: how soon can each be queried?"""

MARKER = "demo.json"
"""Stands in a directory that a demo has made: it may be replaced unless used since."""


def demo(
    directory: DataDirectory, seed: int, scale: Scale = DEMO, *, replace: bool = False
) -> Figures:
    """Makes the company, imports it, lets some mails arrive, and prints what came of it.

    ConfigurationError where the directory holds something that no demo has made, or, without
    `replace`, where it is not as its demo left it.
    """
    path = directory.path
    with _fresh(path, replace):
        _mark(path, {"seed": seed})
        company = generate(seed, scale)
        manifest = export(company, path / "company", later=ARRIVALS)
        settings = shutil.copy(manifest.settings, path / DEFAULT_SETTINGS)
    _introduce(company, manifest)
    began = time.monotonic()
    try:
        with _stack(directory, Path(settings)):
            started = time.monotonic() - began
            with warehouse_of(directory) as client:
                speed = _fill(directory, client, manifest, started)
                with console.status("asking the warehouse …"):
                    figures = measured(client, company, speed)
            show_summary(figures, manifest, path)
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


def _introduce(company: Company, manifest: Manifest) -> None:
    console.print(
        f"[bold]Alderpeak Supply[/bold] (seed {company.seed}): {len(company.reps)} reps, "
        f"{len(company.accounts)} accounts, {len(company.people)} people, {len(company.mails):,} "
        f"mails, {len(company.calls)} calls, two CRMs that disagree"
    )
    console.print(f"[dim]its files and the truth about it: {escape(str(manifest.directory))}[/dim]")


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
    directory: DataDirectory, client: bigquery.Client, manifest: Manifest, started_s: float
) -> Speed:
    began = time.monotonic()
    options = ImportOptions(as_of=AS_OF_US)
    imported = import_files(directory, manifest.imports, options, quiet=True)
    import_s = time.monotonic() - began
    arrivals = []
    publisher = ChangePublisher(
        publisher_client(), directory.stack().project, FolderStore(directory.objects)
    )
    with console.status("") as status:
        for number, path in enumerate(manifest.later, 1):
            status.update(f"a mail arrives … {number} of {len(manifest.later)}")
            arrivals.append(_arrive(client, publisher, path))
    until_written(directory, wall_clock())
    return Speed(started_s, imported.messages, import_s, tuple(arrivals))


def _arrive(client: bigquery.Client, publisher: ChangePublisher, path: Path) -> float:
    """Seconds from publishing a mail to finding its row."""
    options = ImportOptions(as_of=AS_OF_US)
    began = time.monotonic()
    for found in read(plan([path], options), options):
        if isinstance(found, BadInput):
            raise ConfigurationError(f"{path}: {found.reason}")
        publisher.publish(found)
        publisher.flush()
        until_queryable(client, found.record_key)
    return time.monotonic() - began
