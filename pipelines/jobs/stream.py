"""Job `stream`: subscriptions to tables, its resolver seeded from what the warehouse holds."""

import apache_beam as beam

from pipelines.deployment import endpoint_of, messages_project, parts_of
from pipelines.jobs.launch import Launch
from pipelines.seeding import Overrides, Seeds
from pipelines.stream import build as build_stream


def build(pipeline: beam.Pipeline, launch: Launch) -> None:
    """The graph of the local stack, by Dataflow's own reader."""
    parts = parts_of(launch.options, launch.secrets, launch.folder, job_name="stream")
    seeds = overrides = None
    if launch.given.seeds == "tables":
        endpoint = endpoint_of(launch.options)
        seeds = pipeline | "Seeds" >> Seeds(endpoint)
        overrides = pipeline | "Overrides" >> Overrides(endpoint)
    project = messages_project(launch.options)
    build_stream(pipeline, parts, project, seeds, overrides=overrides)
