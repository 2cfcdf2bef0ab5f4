"""What the environment says: one place for all commands."""

import os
from pathlib import Path

DATA_VARIABLE = "SALESINTEL_DATA"
SETTINGS_VARIABLE = "SALESINTEL_CONFIG"
PROJECT_VARIABLE = "SALESINTEL_PROJECT"
OBJECTS_VARIABLE = "SALESINTEL_OBJECTS"
CURSORS_VARIABLE = "SALESINTEL_CURSORS"
REDACTION_KEY_VARIABLE = "SALESINTEL_REDACTION_KEY"
CURSORS = "cursors.db"
DEFAULT_DATA = Path("data/local")
DEMO_DATA = Path("data/demo")
SANDBOX_FOLDER = Path("data/sandbox")
DEFAULT_SETTINGS = Path("salesintel.toml")


def cloud_project() -> str | None:
    """The project whose warehouse is meant, in the cloud; None on one machine."""
    return os.environ.get(PROJECT_VARIABLE) or None


def objects_address() -> str:
    """Where payloads that are too large for a message go in the cloud; empty where nobody said."""
    return os.environ.get(OBJECTS_VARIABLE, "")


def cursors_address() -> str:
    """Where the cursors of the source lie in the cloud; empty where nobody said."""
    return os.environ.get(CURSORS_VARIABLE, "")


def redaction_key() -> str:
    """The secret that holds the key of field policies and erasures in the cloud; empty where nobody
    said."""
    return os.environ.get(REDACTION_KEY_VARIABLE, "")


def settings_address() -> str:
    """The settings file of the environment as it is named there: a path, or gs://…; empty where
    nobody said."""
    return os.environ.get(SETTINGS_VARIABLE, "")


def data_directory() -> Path:
    """The data directory that is meant where none is named."""
    return Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)


def settings_file(directory: Path | None = None) -> Path | None:
    """The settings file that is meant where none is named; None where there is none.

    The environment's comes first, then the data directory's own, then the one that is here.
    """
    named = os.environ.get(SETTINGS_VARIABLE)
    if named:
        return Path(named)
    places = [*([directory / DEFAULT_SETTINGS] if directory else []), DEFAULT_SETTINGS]
    return next((path for path in places if path.exists()), None)
