"""The settings that a place goes by: those of its stack, or of its stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from operations import config
from operations.place import Place
from pipelines.checks import ANY_KEY, checked_settings
from schemas.errors import ConfigurationError
from transforms.settings import Settings


def settings_named(place: Place) -> str:
    """What they are read from; empty for the defaults.

    On one machine they are those that its stack runs with. In the cloud the environment names them,
    as a file or where the stream has them from, gs://…/salesintel.toml: ConfigurationError where it
    does not, for under others who is who would be weighed otherwise than it is published, and
    nobody would know what is on legal hold.
    """
    if place.directory is not None:
        return place.reached().settings
    named = config.settings_address()
    if not named:
        raise ConfigurationError(
            f"{config.SETTINGS_VARIABLE} is not set: in the cloud it names the settings of the "
            "stream, as in gs://PROJECT-config/salesintel.toml"
        )
    return named


@contextmanager
def settings_in_use(place: Place, key: bytes = ANY_KEY) -> Iterator[Settings]:
    """The settings, under the key of the pipeline where that matters; within, the model that they
    name can be read."""
    named = settings_named(place)
    if "://" not in named:
        yield checked_settings(Path(named) if named else None, key)
        return
    # Cloud Storage's client is loaded where it is asked.
    from pipelines.settings_in_bucket import settings_at

    with TemporaryDirectory() as folder:
        yield settings_at(named, key, Path(folder))
