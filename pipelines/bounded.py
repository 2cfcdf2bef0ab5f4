"""The same graph over a bounded set of messages: rebuild, and whatever is measured without a queue.

Runs on the in-process portable runner, which is the faster one for bounded input.
"""

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.graph import Ingest, Parts
from schemas.flow import Received
from transforms.coders import ReceivedCoder

RUNNER = "FnApiRunner"


def run_bounded(messages: Iterable[Received], parts: Parts) -> beam.runners.runner.PipelineResult:
    """Runs the graph over the messages and returns when every row is written."""
    coder = ReceivedCoder()
    packed = [coder.encode(message) for message in messages]
    pipeline = beam.Pipeline(runner=RUNNER, options=PipelineOptions([]))
    received = (
        pipeline
        | "Messages" >> beam.Create(packed, reshuffle=False)
        | "Unpack" >> beam.Map(coder.decode).with_output_types(Received)
    )
    received | "Ingest" >> Ingest(parts)
    result = pipeline.run()
    result.wait_until_finish()
    return result
