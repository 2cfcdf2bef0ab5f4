"""Options that commands share, and what is made of them."""

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
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")]


def directory_of(data: Path | None) -> DataDirectory:
    """The stack's directory: what was named, or the default."""
    return DataDirectory(data or config.data_directory())


def settings_of(settings: Path | None, directory: DataDirectory) -> Path | None:
    """The settings file: what was named, or what is found beside us or in the directory."""
    return settings or config.settings_file(directory.path)


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
