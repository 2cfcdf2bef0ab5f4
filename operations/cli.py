"""`salesintel`: the command line. Each command is a module; here is how it is called.

A command loads what it needs when it is called: a service must be there within a second or two.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from embedded.directory import DataDirectory
from operations import (
    backup_commands,
    config,
    identity_commands,
    privacy_commands,
    source_commands,
    upkeep_commands,
    watching_commands,
)
from operations.console import console, set_up_logs, spoken_errors
from operations.options import Data, Port, SettingsFile, Yes, directory_of, moment, settings_of
from operations.place import place_of, settings_at
from schemas.clock import to_us
from schemas.version import VERSION


class Commands(TyperGroup):
    """The one place that errors of all commands pass through."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was typed."""
        with spoken_errors(debug=ctx.params["debug"]):
            return super().invoke(ctx)


app = typer.Typer(
    name="salesintel",
    cls=Commands,
    help="Every customer interaction in one deduplicated stream, resolved to real people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def main_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
) -> None:
    """Options of all commands."""
    set_up_logs()


@app.command()
def demo(
    data: Data = None,
    seed: Annotated[int, typer.Option(help="Seed of the company.")] = 7,
    yes: Annotated[
        bool, typer.Option("--yes", help="Replace its directory, whatever was added to it since.")
    ] = False,
) -> None:
    """A small company through the whole system, with results; ends by itself."""
    from operations.demo import demo as run

    run(DataDirectory(data or config.DEMO_DATA), seed, replace=yes)


@app.command()
def up(
    data: Data = None,
    settings: SettingsFile = None,
    pubsub_port: Port = 0,
    rest_port: Port = 0,
    grpc_port: Port = 0,
    warehouse_memory: Annotated[
        str | None,
        typer.Option(help="What the warehouse may hold, as in 4GB: more for large questions."),
    ] = None,
) -> None:
    """Start the whole system in this terminal; Ctrl-C stops it."""
    from embedded.supervisor import Ports
    from embedded.warehouse import MEMORY
    from operations.up import up as run

    directory = data or config.data_directory()
    run(
        directory,
        settings or config.settings_file(directory),
        Ports(pubsub_port, rest_port, grpc_port),
        MEMORY if warehouse_memory is None else warehouse_memory,
        default=data is None,
    )


@app.command()
def status(data: Data = None) -> None:
    """What runs, what is stored, what went wrong; exit code 1 where something is amiss."""
    from operations.status import status as run

    if not run(directory_of(data)):
        raise typer.Exit(1)


@app.command()
def doctor(
    source: Annotated[
        str | None, typer.Argument(help="Ask this source instead: gmail, salesforce, …")
    ] = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Whether this machine can run the system, or we may read a source, with the fix where not."""
    from operations.doctor import doctor as run
    from operations.doctor import doctor_of

    if source is None:
        directory = directory_of(data)
        well = run(directory, settings_of(settings, directory))
    else:
        place = place_of(data)
        well = doctor_of(source, settings_at(settings, place), place)
    if not well:
        raise typer.Exit(1)


@app.command()
def figures(
    of_rates: Annotated[
        bool, typer.Option("--rates", help="Match rates, which read a lot.")
    ] = False,
    data: Data = None,
) -> None:
    """How everything is, a line of JSON a figure: for who watches the logs."""
    from operations.figures import figures as run

    run(place_of(data), sys.stdout, of_rates=of_rates)


app.add_typer(source_commands.app)


@app.command("import")
def import_command(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zips.")],
    data: Data = None,
    as_of: Annotated[
        str | None, typer.Option(help="Stamp of rows that have none; default: the file's own.")
    ] = None,
    mailbox: Annotated[str, typer.Option(help="Mailbox that the mails come from.")] = "",
    column: Annotated[
        list[str] | None, typer.Option("--map", help="Our field=your heading, for own CSVs.")
    ] = None,
    kind: Annotated[str, typer.Option(help="Kind of CSVs, as in files.account.")] = "",
    namespace: Annotated[
        str | None, typer.Option(help="Put before the ids of own CSVs; default: the file's name.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times that name none.")] = "UTC",
    wait: Annotated[bool, typer.Option(help="Return when everything is written.")] = True,
) -> None:
    """Import mails, CRM exports and call logs; a second time changes nothing."""
    from connectors.files import ImportOptions, mapping_of
    from operations.imports import import_files

    stamp = moment(as_of, "--as-of")
    options = ImportOptions(
        as_of=to_us(stamp) if stamp else None,
        mailbox=mailbox,
        mapping=mapping_of(column or []),
        kind=kind,
        namespace=namespace,
        zone=zone,
    )
    imported = import_files(directory_of(data), paths, options, wait=wait)
    console.print(
        f"[green]{imported.changes:,} changes published[/green], {imported.bad:,} inputs that "
        "could not be read"
    )
    if imported.bad:
        console.print("  see them: salesintel query ops.dead_letters_summary")
    if imported.bad and not imported.changes:
        raise typer.Exit(1)
    console.print("  try next: salesintel query sales.account_timeline")


@app.command()
def query(
    what: Annotated[str, typer.Argument(help="A view or table, or a SELECT.")],
    data: Data = None,
    account: Annotated[str | None, typer.Option(help="Name, domain or id of an account.")] = None,
    since: Annotated[str | None, typer.Option(help="Nothing older, as in 2026-01-31.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Words that a row has in it, in any order and case.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows at the most.")] = 100,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that it may take, for large questions.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read raw.changes without a day: for operators.")
    ] = False,
    reader: Annotated[
        str | None, typer.Option("--as", help="Ask as this reader: see what he sees of texts.")
    ] = None,
) -> None:
    """Ask a view by name, or the warehouse in SQL."""
    from operations.query import query as run
    from warehouse.query import TIMEOUT_S

    begin = moment(since, "--since")
    seconds = TIMEOUT_S if timeout is None else timeout
    place = place_of(data)
    run(place, what, sys.stdout, account, begin, search, limit, output, seconds, whole, reader)


@app.command("resolve")
def resolve_command(
    records: Annotated[Path, typer.Argument(help="CSV of records, also gzipped.")],
    out: Annotated[Path, typer.Option(help="CSV of id, entity_id, confidence.")],
    model: Annotated[str, typer.Option(help="shipped, fit (to these records) or a file.")] = "fit",
    save_model: Annotated[Path | None, typer.Option(help="Keep the model in this file.")] = None,
    explain: Annotated[
        list[str] | None, typer.Option(help="Say why of this id or entity; repeat it.")
    ] = None,
    region: Annotated[str, typer.Option(help="Country of national phone numbers.")] = "US",
) -> None:
    """Which records of a file are one person or account; exit code 1 where rows are unreadable."""
    from operations.identity.resolve import resolve as run

    if run(records, out, model, explain or (), save_model, region):
        raise typer.Exit(1)


app.add_typer(identity_commands.app)
app.add_typer(upkeep_commands.app)
app.add_typer(watching_commands.app)
app.add_typer(privacy_commands.app)


@app.command()
def replay(
    data: Data = None,
    stage: Annotated[str, typer.Option(help="Only this stage.")] = "",
    error_type: Annotated[str, typer.Option(help="Only this class of error.")] = "",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    dead_letter: Annotated[str, typer.Option("--id", help="Only this dead letter.")] = "",
    since: Annotated[str | None, typer.Option(help="Only what failed since then.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 10_000,
    yes: Yes = False,
) -> None:
    """Publish dead letters again, exactly as they came; shows first what it would do."""
    from connectors.objects import FolderStore
    from operations.replaying import replaying
    from pipelines.replay import Selection
    from warehouse.query import checked_limit

    directory = directory_of(data)
    chosen = Selection(
        stage=stage,
        error_type=error_type,
        source=source,
        dead_letter_id=dead_letter,
        since=moment(since, "--since"),
        limit=checked_limit(limit),
    )
    replaying(directory, chosen, FolderStore(directory.objects), dry_run=not yes)


app.add_typer(backup_commands.app)


@app.command()
def version() -> None:
    """The version."""
    console.print(VERSION)


def main() -> None:
    """Runs the command that was typed."""
    app()
