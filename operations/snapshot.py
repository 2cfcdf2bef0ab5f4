"""`salesintel snapshot`: the whole data directory as one, also while its stack runs."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec
from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from rich.markup import escape

from embedded.copies import copy_messages, copy_progress, copy_tables, is_archive, pack
from embedded.directory import FORMAT, DataDirectory, Stack
from embedded.manifest import NAME, Manifest, sums_of
from embedded.warehouse import WarehouseServer, copy_database
from operations import config
from operations.console import console, errors, running
from operations.runs import RunNotes, noted_run
from operations.waiting import until_written
from schemas.clock import to_us, wall_clock
from schemas.errors import ConfigurationError, RetriableError
from schemas.operations import Erasure
from schemas.tables import BY_ROW, TABLES
from transforms.settings import load_settings
from warehouse.clients import bigquery_client
from warehouse.digests import Checksum, ask, checksum_of
from warehouse.latest import table_reference


def snapshot(directory: DataDirectory, out: Path) -> Manifest:
    """Takes it and says what it holds; ConfigurationError where `out` is there already."""
    if out.exists():
        raise ConfigurationError(f"{out} is there already: name a new folder, or a new .tar.gz")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        with _source(directory) as (stack, run):
            taken_at = wall_clock()
            with console.status("copying …"):
                settled = _copy(directory, stack, folder, taken_at)
            with console.status("reading the copy …"):
                tables, erased_until = _contents(folder)
            manifest = Manifest(
                taken_at=taken_at,
                data_format=FORMAT,
                source=str(directory.path.resolve()),
                while_running=stack is not None,
                settled=settled,
                tables=tables,
                erased_until=erased_until,
                files=sums_of(folder),
            )
            (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
            with console.status("packing …"):
                pack(folder, out)
            if run is not None:
                run.detail["rows"] = {name: table.rows for name, table in tables.items()}
                run.detail["settled"] = settled
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(manifest, out)
    return manifest


@contextmanager
def _source(directory: DataDirectory) -> Iterator[tuple[Stack | None, RunNotes | None]]:
    """The stack that runs on the directory, or none: then nobody may start one meanwhile."""
    try:
        stack, endpoint = running(directory)
    except ConfigurationError:
        if not directory.is_one():
            raise ConfigurationError(
                f"{directory.path} is no data directory: name one with --data"
            ) from None
        directory.open()
        try:
            yield None, None
        finally:
            directory.close()
    else:
        with noted_run(endpoint, "snapshot") as run:
            yield stack, run


def _copy(directory: DataDirectory, stack: Stack | None, folder: Path, taken_at: int) -> bool:
    """Copies all of it, in the order of embedded/copies.py; whether the tables are complete."""
    settled = True
    copy_progress(directory, folder)
    if stack is None:
        copy_tables(directory, folder)
    else:
        _copy_settings(stack, folder)
        try:
            until_written(directory, taken_at)
        except RetriableError as error:
            settled = False
            errors.print(f"[yellow]{escape(str(error))}[/yellow]: what waits comes with Pub/Sub")
        copy_database(stack.rest, directory.warehouse, folder / "warehouse")
    copy_messages(directory, folder)
    return settled


def _copy_settings(stack: Stack, folder: Path) -> None:
    """The settings that the stack runs with, and the model that they name, where they lie
    elsewhere."""
    if not stack.settings:
        return
    file = Path(stack.settings)
    shutil.copy2(file, folder / config.DEFAULT_SETTINGS.name)
    model = Path(load_settings(file).identity_model)
    if model.is_file() and model.resolve().parent == file.resolve().parent:
        shutil.copy2(model, folder / model.name)


def _contents(folder: Path) -> tuple[dict[str, Checksum], int]:
    """What the tables of the copy hold: that it can be read is tried at once. Also until when it
    knows of erasures."""
    with tempfile.TemporaryDirectory() as logs:
        server = WarehouseServer(folder / "warehouse", log=Path(logs) / "warehouse.log")
        client = bigquery_client(server.start())
        try:
            tables = dict(_checksums(client))
            newest = _newest_erasure(client) if BY_ROW[Erasure].id in tables else None
        finally:
            client.close()
            server.stop()
    return tables, to_us(newest) if newest else 0


def _checksums(client: bigquery.Client) -> Iterator[tuple[str, Checksum]]:
    """Of every table that is there: one that was stopped before an upgrade lacks the newest."""
    for table in TABLES:
        with suppress(NotFound):
            yield table.id, checksum_of(client, table)


def _newest_erasure(client: bigquery.Client) -> datetime | None:
    name = table_reference(client, BY_ROW[Erasure])
    [row] = ask(client, f"SELECT MAX(asked_at) AS newest FROM {name}")  # noqa: S608 (own name)
    newest: datetime | None = row.newest
    return newest


def _say(manifest: Manifest, out: Path) -> None:
    size = sum(one.bytes for one in manifest.files.values())
    rows = sum(one.rows for one in manifest.tables.values())
    how = "while the stack ran" if manifest.while_running else "of a stack that was stopped"
    console.print(
        f"[green]kept[/green] in {escape(str(out))} {how}: {rows:,} rows in "
        f"{len(manifest.tables)} tables, {size / 1e6:,.1f} MB in {len(manifest.files)} files",
        highlight=False,
        soft_wrap=True,
    )
    secret = sorted(name for name in manifest.files if name.endswith((".key", ".toml", ".env")))
    console.print(
        f"It holds what is personal, and {escape(', '.join(secret))}: keep it as safe as the "
        "directory itself. Files that the settings read secrets from are not in it.",
        highlight=False,
        soft_wrap=True,
    )
    if is_archive(out):
        out.chmod(0o600)
    console.print(f"  bring it back: salesintel restore {escape(str(out))} --data DIR")
