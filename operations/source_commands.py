"""How the commands that concern live sources are called; each is a module of its own."""

from pathlib import Path
from typing import Annotated

import typer

from operations import config
from operations.options import (
    Data,
    HealthHost,
    HealthPort,
    Objects,
    Port,
    SettingsFile,
    Source,
    moment,
    seconds_of,
)
from operations.place import place_of, settings_at
from schemas.clock import from_us, to_us, wall_clock
from schemas.errors import ConfigurationError

app = typer.Typer()


@app.command()
def poll(
    source: Source,
    once: Annotated[bool, typer.Option("--once", help="One round; so it is by itself.")] = False,
    every: Annotated[str | None, typer.Option(help="From round to round, as in 60s or 5m.")] = None,
    objects: Objects = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Read what is new in a source into the running system; exit code 1 where a part failed."""
    from operations.poll import poll as run

    if once and every is not None:
        raise ConfigurationError("--once and --every: choose one of the two")
    place = place_of(data)
    file = settings_at(settings, place)
    every_s = None if every is None else seconds_of(every, "--every", 1.0)
    if not run(place, file, source, objects or (), every_s):
        raise typer.Exit(1)


@app.command()
def webhooks(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 0,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Take what vendors send, into the running system, until Ctrl-C."""
    from operations.webhooks import webhooks as run

    place = place_of(data)
    run(place, settings_at(settings, place), host, port)


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="gmail or hubspot.")],
    once: Annotated[bool, typer.Option("--once", help="End when no hint waits.")] = False,
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Read whole what the webhooks have hinted at, into the running system, until Ctrl-C."""
    from operations.fetch import fetch as run

    place = place_of(data)
    file = settings_at(settings, place)
    if not run(place, file, source, once=once, host=host, port=port):
        raise typer.Exit(1)


@app.command()
def backfill(
    source: Source,
    since: Annotated[str, typer.Option(help="Nothing older, as in 2026-01-31.")],
    until: Annotated[str | None, typer.Option(help="Nothing from then on; default: now.")] = None,
    objects: Objects = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Read what a source has of an earlier time; broken off, it goes on where it was."""
    from operations.poll import backfill as run

    begin, end = moment(since, "--since"), moment(until, "--until")
    assert begin is not None
    if begin > from_us(wall_clock()):
        raise ConfigurationError(f"--since {since!r} lies in the future: name a day that has been")
    if end is not None and end <= begin:
        raise ConfigurationError(f"--until {until!r} is not after --since {since!r}")
    place = place_of(data)
    file = settings_at(settings, place)
    if not run(place, file, source, to_us(begin), to_us(end) if end else None, objects or ()):
        raise typer.Exit(1)


@app.command()
def sandbox(
    seed: Annotated[int, typer.Option(help="Seed of the company and of what happens.")] = 7,
    people: Annotated[int, typer.Option(help="How many people the company knows.")] = 100,
    ports: Annotated[
        str, typer.Option(help="Of gmail, salesforce, hubspot, dialpad; 0 = a free one.")
    ] = "0,0,0,0",
    live: Annotated[
        str | None, typer.Option(help="How often something happens, as in 1s; default: never.")
    ] = None,
    webhooks: Annotated[
        str, typer.Option(help="Address of the service that is told, as in http://127.0.0.1:8080.")
    ] = "",
    limits: Annotated[
        bool, typer.Option("--limits", help="With the vendors' rate limits.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="What goes wrong, as in hubspot:429:0.2 (a fifth of all calls); repeat."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where the settings file and its secrets go.")
    ] = config.SANDBOX_FOLDER,
) -> None:
    """Run the four vendors of a made-up company in this terminal; Ctrl-C stops them."""
    from operations import sandbox as alone

    alone.sandbox(
        folder,
        seed=seed,
        people=people,
        ports=alone.ports_of(ports),
        every_s=None if live is None else seconds_of(live, "--live", alone.SHORTEST_S),
        webhooks=alone.address_of(webhooks) if webhooks else "",
        limits=limits,
        faults=alone.faults_of(fault or ()),
    )


@app.command()
def nightly(
    sources: Annotated[
        list[str] | None, typer.Argument(help="gmail, salesforce, …; default: all set up.")
    ] = None,
    days: Annotated[int, typer.Option(min=0, max=366, help="Days to count.")] = 3,
    until: Annotated[
        str | None, typer.Option(help="They end before this day; default: today.")
    ] = None,
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Once a night: count what each source has, find what has come loose or is gone unnoticed."""
    from operations.nightly import nightly as run

    place = place_of(data)
    end = moment(until, "--until")
    file = settings_at(settings, place)
    if not run(place, file, sources or (), days, to_us(end) if end else None):
        raise typer.Exit(1)


@app.command()
def subscribe(
    source: Annotated[str, typer.Argument(help="dialpad.")],
    data: Data = None,
    settings: SettingsFile = None,
) -> None:
    """Make the subscriptions by which a source sends us events; those there are stay."""
    from operations.subscribe import make_subscriptions

    place = place_of(data)
    if not make_subscriptions(place, settings_at(settings, place), source):
        raise typer.Exit(1)
