"""How the commands are called that look after our own tables and tell what is amiss."""

import sys
from typing import Annotated

import typer

from operations.options import (
    Data,
    HealthHost,
    HealthPort,
    SettingsFile,
    seconds_of,
)
from operations.place import place_of, settings_at

app = typer.Typer()

SHORTEST_S = 1.0


@app.command()
def quality(
    table: Annotated[
        list[str] | None, typer.Option(help="Only rules about this table; repeat it.")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="Only warning, or only error.")] = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    days: Annotated[
        int, typer.Option(min=1, max=4_000, help="Of partitioned tables, the days looked at.")
    ] = 35,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Ask the rules about our tables; exit code 1 where one fails, 2 where one cannot be asked."""
    from operations.quality import quality as run

    place = place_of(data)
    file = settings_at(settings, place)
    if not run(
        place,
        file,
        sys.stdout,
        tables=table or (),
        severity=severity,
        output=output,
        days=days,
    ):
        raise typer.Exit(1)


@app.command()
def verify(
    within: Annotated[str, typer.Option(help="How far back: 1h, 24h or 7d.")] = "1h",
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Check a deployment; exit code 1 where something is amiss, 2 where it cannot be told."""
    from operations.verify import verify as run

    place = place_of(data)
    code = run(place, settings_at(settings, place), within, sys.stdout, output=output)
    if code:
        raise typer.Exit(code)


@app.command()
def notify(
    every: Annotated[str, typer.Option(help="From look to look, as in 60s or 5m.")] = "60s",
    once: Annotated[bool, typer.Option("--once", help="Look once, and tell what waits.")] = False,
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Watch over the system and tell people what is amiss, until Ctrl-C."""
    from operations.notify import notify as run

    place = place_of(data)
    every_s = seconds_of(every, "--every", SHORTEST_S)
    file = settings_at(settings, place)
    if not run(place, file, every_s, once=once, host=host, port=port):
        raise typer.Exit(1)
