"""The settings of a deployment where the cloud has them: in a bucket, with the model of identity
that they name beside them."""

import tomllib
from pathlib import Path, PurePosixPath

from connectors.bucket import read_object
from pipelines.checks import checked_settings
from schemas.errors import ConfigurationError
from transforms.settings import MODELS, Settings


def settings_at(uri: str, key: bytes, folder: Path) -> Settings:
    """The settings in a bucket, with the model of identity that lies beside them, if they name one.

    `folder` holds what is fetched, and has to stay until the model is read. ConfigurationError
    names what is wrong by its address in the bucket.
    """
    path = folder / "salesintel.toml"
    text = read_object(uri)
    path.write_bytes(text)
    model = _model_named(text)
    if model:
        beside = folder / model
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(read_object(f"{uri.rpartition('/')[0]}/{model}"))
    try:
        return checked_settings(path, key)
    except ConfigurationError as error:
        here = f"{folder}/"
        there = f"{uri.rpartition('/')[0]}/"
        raise ConfigurationError(str(error).replace(str(path), uri).replace(here, there)) from None


def _model_named(text: bytes) -> str:
    """The file of a model, relative to that of the settings; empty where none is named."""
    try:
        named = tomllib.loads(text.decode("utf-8")).get("identity_model", MODELS[0])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # What is wrong with it is said by who reads the whole of it.
        return ""
    if not isinstance(named, str) or named in MODELS:
        return ""
    path = PurePosixPath(named)
    if path.is_absolute() or ".." in path.parts:
        raise ConfigurationError(
            f"identity_model {named!r}: name a file that lies beside the settings in their bucket"
        )
    return str(path)
