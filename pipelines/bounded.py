"""The same graph over a bounded set of messages: whatever is tried or measured without a queue.

Runs on the in-process portable runner, which is the faster one for bounded input.
"""

from collections.abc import Callable, Iterable

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.graph import Ingest, Parts
from schemas.flow import Received

RUNNER = "FnApiRunner"
Source = Callable[[], Iterable[Received]]
"""Opens a bounded set of messages; picklable, called in the pipeline."""


def run_bounded(source: Source, parts: Parts) -> None:
    """Runs the graph over all messages of a source; returns when every row is written."""
    pipeline = beam.Pipeline(runner=RUNNER, options=PipelineOptions([]))
    begin = pipeline | "Begin" >> beam.Create([0])
    messages = begin | "Messages" >> beam.FlatMap(lambda _: source()).with_output_types(Received)
    messages | "Ingest" >> Ingest(parts)
    pipeline.run().wait_until_finish()
