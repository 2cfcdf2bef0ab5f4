"""What a deployment in the cloud puts into the graph: its settings, key, store and warehouse."""

from pathlib import Path

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from connectors.bucket import bucket_store
from connectors.secrets import Secrets
from pipelines.graph import Parts
from pipelines.options import SalesIntelOptions
from pipelines.secret_key import key_from
from pipelines.settings_in_bucket import settings_at
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
