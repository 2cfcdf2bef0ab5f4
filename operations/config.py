"""What the environment says: one place for all commands."""

import os
from pathlib import Path

DATA_VARIABLE = "SALESINTEL_DATA"
SETTINGS_VARIABLE = "SALESINTEL_CONFIG"
DEFAULT_DATA = Path("data/local")
DEMO_DATA = Path("data/demo")
DEFAULT_SETTINGS = Path("salesintel.toml")


def data_directory() -> Path:
    """The data directory that is meant where none is named."""
    return Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)


def settings_file() -> Path | None:
    """The settings file that is meant where none is named; None where there is none."""
    named = os.environ.get(SETTINGS_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_SETTINGS if DEFAULT_SETTINGS.exists() else None
