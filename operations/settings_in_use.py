"""The settings that a place's records are weighed by: those of its stack, or of its stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from operations import config
from operations.place import Place
from pipelines.checks import ANY_KEY, checked_settings
from schemas.errors import ConfigurationError
from transforms.settings import Settings


@contextmanager
def settings_in_use(place: Place) -> Iterator[Settings]:
    """The settings; within, the model that they name can be read.

    On one machine they are those that its stack runs with. In the cloud the environment names them,
    as a file or where the stream has them from, gs://…/salesintel.toml: ConfigurationError where it
    does not, for under others who is who would be weighed otherwise than it is published.
    """
    if place.directory is not None:
        file = place.reached().settings
        yield checked_settings(Path(file) if file else None, ANY_KEY)
        return
    named = config.settings_address()
    if not named:
        raise ConfigurationError(
            f"{config.SETTINGS_VARIABLE} is not set: in the cloud it says by which settings the "
            "stream weighs, as in gs://PROJECT-config/salesintel.toml"
        )
    if "://" not in named:
        yield checked_settings(Path(named), ANY_KEY)
        return
    # Cloud Storage's client is loaded where it is asked.
    from pipelines.settings_in_bucket import settings_at

    with TemporaryDirectory() as folder:
        yield settings_at(named, ANY_KEY, Path(folder))
