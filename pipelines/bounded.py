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


def run_bounded(
    source: Source,
    parts: Parts,
    seeds: Sequence[RowBatch] = (),
    overrides: Sequence[RowBatch] = (),
) -> None:
    """Runs the graph over all messages of a source; returns when every row is written.

    With `seeds` (pipelines/seeds.py) the resolver writes only what differs from the tables;
    `overrides` are the decisions that stand in them.
    """
    pipeline = beam.Pipeline(runner=RUNNER, options=PipelineOptions([]))
    begin = pipeline | "Begin" >> beam.Create([0])
    messages = begin | "Messages" >> beam.FlatMap(lambda _: source()).with_output_types(Received)
    known = decided = None
    if seeds:
        known = pipeline | "Seeds" >> beam.Create(seeds).with_output_types(RowBatch)
    if overrides:
        decided = pipeline | "Overrides" >> beam.Create(overrides).with_output_types(RowBatch)
    seeded = len(seeds) if seeds else None
    messages | "Ingest" >> Ingest(parts, known, seeded, overrides=decided)
    pipeline.run().wait_until_finish()
