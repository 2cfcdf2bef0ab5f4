"""The same graph over a bounded set of messages: rebuild, and whatever is measured without a queue.

Runs on the in-process portable runner, which is the faster one for bounded input.
"""

from collections.abc import Callable, Iterable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.graph import Ingest, Parts
from schemas.flow import Received, RowBatch

RUNNER = "FnApiRunner"
Source = Callable[[], Iterable[Received]]
"""Opens a bounded set of messages; picklable, called in the pipeline."""


def run_bounded(source: Source, parts: Parts, seeds: Sequence[RowBatch] = ()) -> None:
    """Runs the graph over all messages of a source; returns when every row is written.

    With `seeds` (pipelines/seeds.py) the resolver writes only what differs from the tables.
    """
    pipeline = beam.Pipeline(runner=RUNNER, options=PipelineOptions([]))
    begin = pipeline | "Begin" >> beam.Create([0])
    messages = begin | "Messages" >> beam.FlatMap(lambda _: source()).with_output_types(Received)
    known = None
    if seeds:
        known = pipeline | "Seeds" >> beam.Create(seeds).with_output_types(RowBatch)
    messages | "Ingest" >> Ingest(parts, known, len(seeds) if seeds else None)
    pipeline.run().wait_until_finish()
