"""Settings held against what the graph would make of them, before anything starts."""

from pathlib import Path

from transforms.normalise.context import Context
from transforms.redact import Redact
from transforms.settings import Settings, load_settings


def checked_settings(path: Path | None, redaction_key: bytes) -> Settings:
    """The settings of a file, or the defaults where `path` is None.

    ConfigurationError names the first thing that is wrong: a key that is none, a custom field or a
    field policy of a column that there is not.
    """
    settings = load_settings(path)
    Context(settings)
    Redact(settings.field_policies, redaction_key)
    return settings
