"""The streaming graph's interface as text: what a running job is updated by.

`make golden` writes it to tests/pipelines/golden/; test_golden_interface.py compares.
"""

from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.graph import Parts
from pipelines.interface import Interface
from pipelines.options import DEFAULT_SHARDS
from pipelines.stream import build
from schemas.flow import RowBatch
from transforms.settings import Settings
from warehouse.sink import DiscardSink

GOLDEN = Path(__file__).parent / "golden"


def streaming_graph(*, seeded: bool) -> beam.Pipeline:
    """The pipeline as a deployment builds it, never run; seeded as after a restart."""
    pipeline = beam.Pipeline(options=PipelineOptions(["--streaming"]))
    seeds = overrides = None
    if seeded:
        seeds = pipeline | "Seeds" >> beam.Create([]).with_output_types(RowBatch)
        overrides = pipeline | "Overrides" >> beam.Create([]).with_output_types(RowBatch)
    parts = Parts(Settings(), DiscardSink)
    build(pipeline, parts, "project", seeds, 0 if seeded else None, overrides)
    return pipeline


INTERFACES = {"stream.txt": False, "stream-seeded.txt": True}


def interface(name: str) -> str:
    """The interface that a golden file holds, as the code has it now."""
    graph = streaming_graph(seeded=INTERFACES[name])
    return Interface.of_pipeline(graph, DEFAULT_SHARDS).text()


if __name__ == "__main__":
    for name in INTERFACES:
        (GOLDEN / name).write_text(interface(name), encoding="utf-8")
