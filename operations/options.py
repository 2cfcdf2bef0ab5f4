"""Options that commands share, and what is made of them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from embedded.directory import DataDirectory
from operations import config
from schemas.errors import ConfigurationError

Data = Annotated[Path | None, typer.Option("--data", help="Data directory of the stack.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")]
Source = Annotated[str, typer.Argument(help="gmail, salesforce, hubspot or dialpad.")]
Objects = Annotated[list[str] | None, typer.Option(help="Only this, as in contact; repeat it.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="0 = a free one.")]
HealthHost = Annotated[str, typer.Option("--host", help="Address of --port.")]
HealthPort = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, help="Tell here how it fares: /health/ready."),
]
LONGEST_S = 86_400.0
_EVERY = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")]


def directory_of(data: Path | None) -> DataDirectory:
    """The stack's directory: what was named, or the default."""
    return DataDirectory(data or config.data_directory())


def settings_of(settings: Path | None, directory: DataDirectory) -> Path | None:
    """The settings file: what was named, or what is found beside us or in the directory."""
    return settings or config.settings_file(directory.path)


def seconds_of(text: str, option: str, least: float) -> float:
    """`1s`, `250ms`, `2m`, or a number of seconds; ConfigurationError for anything else, and for
    less than `least` seconds or more than a day."""
    found = _EVERY.match(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2] or "s"] if found else 0.0
    if not least <= seconds <= LONGEST_S:
        raise ConfigurationError(
            f"{option} {text!r}: write how often, as in 5s, 250ms or 2m; {least:g} s to a day"
        )
    return seconds


def moment(text: str | None, option: str) -> datetime | None:
    """A day or time, UTC where it names no zone; ConfigurationError where it is none."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {text!r} is no date: write 2026-01-31 or 2026-01-31T08:00:00Z"
        ) from None
