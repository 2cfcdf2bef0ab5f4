"""Where every Flex Template begins: parameters in, a job submitted.

    python templates/main.py --pipeline=stream --runner=DataflowRunner --project=… --region=… …

What is wrong with the parameters is said before anything is submitted.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    SetupOptions,
    StandardOptions,
)

from connectors.secrets import Secrets, SecretStore
from pipelines.jobs import backfill, rebuild, replay, stream
from pipelines.jobs.launch import Launch
from pipelines.validation import checked_template
from schemas.clock import Clock, wall_clock
from schemas.errors import SalesIntelError

BUILDERS: dict[str, Callable[[beam.Pipeline, Launch], None]] = {
    "stream": stream.build,
    "backfill": backfill.build,
    "replay": replay.build,
    "rebuild": rebuild.build,
}
"""By the name of the template."""

IN_THE_IMAGE = "container"
"""Where workers find Beam: nothing is fetched when a job starts."""


def submit(argv: list[str], secrets: Secrets, clock: Clock = wall_clock) -> beam.Pipeline:
    """Submits the job that the arguments describe; ConfigurationError where they describe none."""
    options = PipelineOptions(argv)
    template = checked_template(options, clock)
    options.view_as(StandardOptions).streaming = template.streaming
    options.view_as(SetupOptions).sdk_location = IN_THE_IMAGE
    pipeline = beam.Pipeline(options=options)
    with tempfile.TemporaryDirectory() as folder:
        BUILDERS[template.name](pipeline, Launch(options, secrets, Path(folder), clock))
    pipeline.run()
    return pipeline


def main(argv: list[str] | None = None) -> int:
    """Entry of the launcher: exit code 1 and one line where the job cannot be."""
    try:
        submit(sys.argv[1:] if argv is None else argv, SecretStore(cloud=True))
    except SalesIntelError as error:
        print(f"no job was submitted: {error}", file=sys.stderr)
        return 1
    return 0
