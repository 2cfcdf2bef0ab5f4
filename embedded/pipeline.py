"""The streaming pipeline on one machine: `python -m embedded.pipeline …`, run by the supervisor.

SIGTERM drains it: what was handed out is finished and acknowledged, the rest goes back. After a
kill it seeks back to the low-water mark and goes on (pipelines/recovery.py).
"""

import argparse
import logging
import os
import signal
from pathlib import Path
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from google.cloud import pubsub_v1

from connectors.objects import FolderStore
from embedded.direct import Sources, local_sources
from pipelines.checks import checked_settings
from pipelines.graph import Parts
from pipelines.recovery import read_marks, seek_back
from pipelines.seeds import read_overrides, read_seeds
from pipelines.stream import build
from schemas.flow import RowBatch
from schemas.logs import ENVIRONMENT, JSON, log_json
from warehouse.clients import Endpoint, bigquery_client
from warehouse.erasures import StandingMarks
from warehouse.sink import StorageSink

log = logging.getLogger(__name__)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of the pipeline's process."""
    parser = argparse.ArgumentParser(prog="embedded.pipeline", description=__doc__)
    parser.add_argument("--project", required=True, help="Project of topics and datasets.")
    parser.add_argument("--pubsub", required=True, help="host:port of the embedded Pub/Sub.")
    parser.add_argument("--rest", required=True, help="http://host:port of the warehouse.")
    parser.add_argument("--grpc", required=True, help="host:port of its Storage API.")
    parser.add_argument("--objects", type=Path, required=True, help="Folder of large payloads.")
    parser.add_argument("--marks", type=Path, required=True, help="File of low-water marks.")
    parser.add_argument("--redaction-key", type=Path, help="File with the key of field policies.")
    parser.add_argument("--settings", type=Path, help="Settings file (TOML).")
    parser.add_argument("--shards", type=int, default=LOCAL_SHARDS, help="Shards of state.")
    return parser.parse_args(argv)


DRAIN_S = 60

LOCAL_SHARDS = 8
"""One thread runs the local graph: more shards would only make smaller groups."""


def run(options: argparse.Namespace) -> None:
    """Runs until it is told to drain; raises what makes the runner give up."""
    os.environ["PUBSUB_EMULATOR_HOST"] = options.pubsub
    key = options.redaction_key.read_bytes() if options.redaction_key else b""
    settings = checked_settings(options.settings, key)
    endpoint = Endpoint(project=options.project, rest=options.rest, grpc=options.grpc)
    objects = FolderStore(options.objects)
    marks = read_marks(options.marks)
    if marks:
        with pubsub_v1.SubscriberClient() as subscriber:
            seek_back(subscriber, marks)
    warehouse = bigquery_client(endpoint)
    seeds, overrides = read_seeds(warehouse), read_overrides(warehouse)
    log.info("seeding the resolver with %d records, %d decisions", len(seeds), len(overrides))
    parts = Parts(
        settings=settings,
        open_sink=StorageSink.opener(endpoint),
        fetch=objects.get,
        store=objects.put,
        redaction_key=key,
        open_known=StandingMarks.opener(endpoint, key, settings.region),
        shards=options.shards,
    )
    sources = Sources(options.marks)
    with local_sources(sources):
        pipeline = beam.Pipeline(
            runner=BundleBasedDirectRunner(),
            options=PipelineOptions(["--streaming", f"--project={options.project}"]),
        )
        known = pipeline | "Seeds" >> beam.Create(seeds).with_output_types(RowBatch)
        decided = pipeline | "Overrides" >> beam.Create(overrides).with_output_types(RowBatch)
        build(
            pipeline,
            parts,
            options.project,
            known if seeds else None,
            len(seeds),
            decided if overrides else None,
        )
        result = pipeline.run()

        def drain(number: int, frame: FrameType | None) -> None:
            log.info("draining")
            sources.drain()
            # The kernel ends what has not drained by then: a warehouse that is gone for good would
            # be waited for without end. What is not acknowledged is delivered again.
            signal.alarm(DRAIN_S)

        signal.signal(signal.SIGTERM, drain)
        signal.signal(signal.SIGINT, drain)
        log.info("the pipeline is running")
        result.wait_until_finish()
    log.info("the pipeline has drained")


def main() -> None:
    """Entry of the process."""
    if os.environ.get(ENVIRONMENT) == JSON:
        log_json()
    else:
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    # It tells at every start how it reads its own type hints.
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    run(arguments())


if __name__ == "__main__":
    main()
