"""`salesintel restore`: a data directory from a snapshot, tried out before it takes its place."""

import shutil
import time
from pathlib import Path

import msgspec
from google.cloud import bigquery
from rich.markup import escape
from rich.table import Table

from embedded.copies import manifest_of, unpack
from embedded.directory import DataDirectory
from embedded.manifest import NAME, Manifest, check_files
from embedded.supervisor import Supervisor
from operations import config
from operations.console import console, running
from operations.privacy.restoring_erasures import (
    HOW_TO_EXPORT,
    apply_erasures,
    known_in,
    known_to_file,
    unknown_to,
)
from schemas.clock import DAY_US, from_us, wall_clock
from schemas.errors import ConfigurationError, FatalError, RetriableError
from schemas.operations import Erasure, Run
from schemas.tables import BY_ID
from schemas.topology import RETENTION_S
from warehouse.clients import Endpoint, bigquery_client
from warehouse.digests import Checksum, checksum_of
from warehouse.latest import latest
from warehouse.sink import StorageSink

GIVE_UP_AFTER_S = 60.0
NOBODY_KNOWS = (
    "NOBODY KNOWS WHO WAS ERASED SINCE THEN: no --erasures were named, and neither this directory "
    "nor the one that it was taken of has the snapshot's redaction.key and knows as much of "
    "erasures as the snapshot. Whoever was erased after it comes back with it"
)
BROUGHT_BACK = "the snapshot was taken while it ran"


def restore(
    source: Path,
    directory: DataDirectory,
    erasures: Path | None,
    *,
    replace: bool,
    unknowing: bool = False,
) -> bool:
    """Brings it back; False where somebody who was erased since then still stands in the tables.

    Whatever is in the way of the directory is moved aside, never deleted, and only with `replace`.
    ConfigurationError where nothing tells who was erased since then, unless `unknowing` allows it.
    """
    manifest = manifest_of(source)
    target = directory.path
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied and not replace:
        raise ConfigurationError(
            f"{target} is not empty: name another directory with --data, or add --yes, which moves "
            "what is there aside"
        )
    known = known_to_file(erasures, manifest) if erasures else known_in(target, manifest)
    if known is None and not unknowing:
        raise ConfigurationError(
            f"{NOBODY_KNOWS}. Nothing was put in place: keep the rows elsewhere ({HOW_TO_EXPORT}) "
            "and restore with --erasures, or add --without-erasures, which lets them come back"
        )
    if occupied:
        # FatalError where a stack runs on it.
        directory.open()
        directory.close()
    part = target.with_name(target.name + ".restoring")
    shutil.rmtree(part, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with console.status("unpacking …"):
            unpack(source, part)
            check_files(part, manifest)
            (part / NAME).unlink()
        with console.status("bringing it up …"):
            newer = _tried(DataDirectory(part), manifest, known)
        # Its own steps say what they wait for.
        are_out = not newer or apply_erasures(DataDirectory(part))
        aside = _take_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _say(manifest, target, aside)
    return _say_of_erasures(known, newer, are_out, given=erasures is not None)


def _tried(directory: DataDirectory, manifest: Manifest, known: list[Erasure] | None) -> int:
    """Starts the servers without the pipeline, holds the tables against the manifest and writes
    the erasures that they did not know of; how many those are."""
    supervisor = Supervisor(directory, config.settings_file(directory.path), pipeline=False)
    supervisor.start()
    try:
        _, endpoint = running(directory)
        client = bigquery_client(endpoint)
        try:
            _check_tables(client, manifest)
            newer = unknown_to(client, known or [])
            ended = list(_ended_runs(client))
        finally:
            client.close()
        _write(endpoint, [*newer, *ended])
        return len(newer)
    finally:
        supervisor.stop()


def _check_tables(client: bigquery.Client, manifest: Manifest) -> None:
    """FatalError where a table does not hold what the manifest says."""
    shown = Table(show_edge=False)
    for heading in ("table", "rows kept", "rows here", "what they say"):
        shown.add_column(heading)
    wrong = []
    for name, kept in manifest.tables.items():
        table = BY_ID.get(name)
        if table is None:
            continue
        here = checksum_of(client, table)
        verdict = _verdict(kept, here)
        if verdict is None:
            wrong.append(name)
        shown.add_row(name, f"{kept.rows:,}", f"{here.rows:,}", verdict or "[red]differs[/red]")
    console.print(shown)
    if wrong:
        raise FatalError(
            f"the tables do not hold what the manifest says: {', '.join(wrong)}. Nothing was put "
            "in place: use another snapshot"
        )


def _verdict(kept: Checksum, here: Checksum) -> str | None:
    """None where they differ. Of a table that has got columns since, only the rows can be told."""
    if kept.rows != here.rows:
        return None
    if kept.columns != here.columns:
        return "as many (it has other columns now)"
    return "equal" if kept.checksum == here.checksum else None


def _ended_runs(client: bigquery.Client) -> list[Run]:
    """An end for each run that had none: whoever ran it is not here."""
    now = wall_clock()
    return [_ended(run, now) for run in latest(client, Run) if run.status == "running"]


def _ended(run: Run, now: int) -> Run:
    return msgspec.structs.replace(
        run, status="stopped", noted_at=now, noted_date=now // DAY_US, error_message=BROUGHT_BACK
    )


def _write(endpoint: Endpoint, rows: list[Erasure | Run]) -> None:
    sink = StorageSink(endpoint, give_up_after_s=GIVE_UP_AFTER_S)
    try:
        sink.write(rows)
        refused = sink.flush()
    finally:
        sink.close()
    if refused:
        raise RetriableError(f"{len(refused)} rows were refused: {refused[0].error}")


def _take_place(part: Path, target: Path) -> Path | None:
    """Puts the restored directory in place; where what was there has gone."""
    aside = None
    if target.exists():
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        else:
            aside = target.with_name(f"{target.name}.before-{time.strftime('%Y%m%dT%H%M%S')}")
            target.rename(aside)
    part.rename(target)
    return aside


def _say(manifest: Manifest, target: Path, aside: Path | None) -> None:
    taken = from_us(manifest.taken_at)
    console.print(
        f"[green]restored[/green] to {escape(str(target))} as it was at {taken:%Y-%m-%d %H:%M:%S} "
        f"UTC, taken by version {manifest.version}",
        highlight=False,
        soft_wrap=True,
    )
    if aside is not None:
        console.print(f"what was there is in {escape(str(aside))}: remove it when all is well")
    age_s = (wall_clock() - manifest.taken_at) / 1_000_000
    if age_s > RETENTION_S and not manifest.settled:
        console.print(
            "[red]messages that waited when it was taken are older than Pub/Sub keeps them and "
            "will not be delivered[/red]: backfill every source from "
            f"{from_us(manifest.taken_at - DAY_US):%Y-%m-%d}"
        )
    console.print(f"  try next: salesintel up --data {escape(str(target))}", soft_wrap=True)
    console.print("  then poll each source: what has happened since is read from its cursor")


def _say_of_erasures(
    known: list[Erasure] | None, count: int, are_out: bool, *, given: bool
) -> bool:
    if known is None:
        console.print(
            f"[red]{NOBODY_KNOWS}[/red]: erase them again before anyone reads the tables",
            soft_wrap=True,
        )
        return True
    if count:
        whence = "the file" if given else "the directory that it comes from"
        console.print(f"{count:,} erasures that are newer were taken over from {whence}")
    if not are_out:
        console.print(
            "[red]whom they are about still stands in the restored tables[/red]: nothing more is "
            "written of them; erase them again before anyone reads the tables: salesintel erase"
        )
    return are_out
