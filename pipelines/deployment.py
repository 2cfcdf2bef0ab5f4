"""What a deployment in the cloud puts into the graph: its settings, key, store and warehouse."""

import tomllib
from pathlib import Path, PurePosixPath

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from connectors.bucket import bucket_store, read_object
from connectors.secrets import Secrets
from pipelines.checks import checked_settings
from pipelines.graph import Parts
from pipelines.options import SalesIntelOptions
from pipelines.secret_key import key_from
from schemas.errors import ConfigurationError
from transforms.settings import MODELS, Settings
from warehouse.clients import Endpoint
from warehouse.erasures import StandingMarks
from warehouse.settling import SENT_WITHIN_S
from warehouse.sink import StorageSink

GIVE_UP_AFTER_S = SENT_WITHIN_S
"""How long a bundle waits for the warehouse before Dataflow is to try it again elsewhere."""


def messages_project(options: PipelineOptions) -> str:
    """Project of topics and subscriptions."""
    named = options.view_as(SalesIntelOptions).messages_project
    return str(named or options.view_as(GoogleCloudOptions).project)


def endpoint_of(options: PipelineOptions) -> Endpoint:
    """Google's own warehouse."""
    named = options.view_as(SalesIntelOptions).warehouse_project
    return Endpoint(project=str(named or options.view_as(GoogleCloudOptions).project))


def parts_of(options: PipelineOptions, secrets: Secrets, folder: Path, job_name: str) -> Parts:
    """What the graph is made of; ConfigurationError where settings or key cannot be had.

    `folder` holds what is fetched for the settings, and has to stay until the graph is built.
    """
    given = options.view_as(SalesIntelOptions)
    key = key_from(secrets, given.redaction_key)
    settings = settings_at(given.settings, key, folder)
    endpoint = endpoint_of(options)
    objects = bucket_store(given.objects)
    known = StandingMarks.opener(endpoint, key, settings.region, give_up_after_s=GIVE_UP_AFTER_S)
    return Parts(
        settings=settings,
        open_sink=StorageSink.opener(
            endpoint, give_up_after_s=GIVE_UP_AFTER_S, sent_within_s=SENT_WITHIN_S
        ),
        fetch=objects.get,
        store=objects.put,
        redaction_key=key,
        open_known=known,
        job_name=job_name,
        shards=given.shards,
        dedupe_horizon_s=given.dedupe_horizon_s,
    )


def settings_at(uri: str, key: bytes, folder: Path) -> Settings:
    """The settings in a bucket, with the model of identity that lies beside them, if they name one.

    ConfigurationError names what is wrong by its address in the bucket.
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
