"""The streaming graph's interface as text: what a running job is updated by.

`make golden` writes it to tests/pipelines/golden/; test_golden_interface.py compares.
"""

from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as proto
from apache_beam.runners.pipeline_context import PipelineContext

from pipelines.graph import Parts
from pipelines.options import DEFAULT_SHARDS
from pipelines.stream import build
from schemas.flow import RowBatch
from transforms.settings import Settings
from warehouse.sink import DiscardSink

GOLDEN = Path(__file__).parent / "golden"
PARDO = "beam:transform:pardo:v1"
TIME_DOMAINS = {
    proto.TimeDomain.EVENT_TIME: "event time",
    proto.TimeDomain.PROCESSING_TIME: "processing time",
}


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


class Interface:
    """What of a graph is compared when a running job is updated."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        self.graph, self._context = pipeline.to_runner_api(
            return_context=True, use_fake_coders=False
        )

    @property
    def transforms(self) -> dict[str, proto.PTransform]:
        """Every transform by its full label, in the order in which the graph is built."""
        found: dict[str, proto.PTransform] = {}
        known = self.graph.components.transforms
        waiting = [
            one for root in self.graph.root_transform_ids for one in known[root].subtransforms
        ][::-1]
        while waiting:
            transform = known[waiting.pop()]
            found[transform.unique_name] = transform
            waiting += reversed(transform.subtransforms)
        return found

    def lines(self) -> Iterable[str]:
        """The interface, a fact a line."""
        yield f"shards: {DEFAULT_SHARDS}"
        for label, transform in self.transforms.items():
            yield ""
            yield label
            for tag, collection in sorted(transform.outputs.items()):
                yield f"    {'main' if tag == 'None' else tag}: {self._coder_of(collection)}"
            if transform.spec.urn == PARDO:
                yield from self._cells(proto.ParDoPayload.FromString(transform.spec.payload))

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines()) + "\n"

    def _cells(self, pardo: proto.ParDoPayload) -> Iterable[str]:
        for name, state in sorted(pardo.state_specs.items()):
            kind = state.WhichOneof("spec")
            element = getattr(state, kind)
            coder = getattr(element, "coder_id", "") or getattr(element, "element_coder_id", "")
            yield f"    state {name}: {kind.removesuffix('_spec')} of {self._coder(coder)}"
        for name, timer in sorted(pardo.timer_family_specs.items()):
            domain = TIME_DOMAINS[timer.time_domain]
            yield f"    timer {name}: {domain}, {self._coder(timer.timer_family_coder_id)}"

    def _coder_of(self, collection: str) -> str:
        return self._coder(self.graph.components.pcollections[collection].coder_id)

    def _coder(self, coder_id: str) -> str:
        context: PipelineContext = self._context
        spec = self.graph.components.coders[coder_id]
        parts = ", ".join(self._coder(part) for part in spec.component_coder_ids)
        urn = spec.spec.urn
        if urn.startswith("beam:coder:pickled_python"):
            made = context.coders.get_by_id(coder_id)
            return repr(made) if type(made).__repr__ is not object.__repr__ else type(made).__name__
        name = urn.removeprefix("beam:coder:").removesuffix(":v1")
        return f"{name}({parts})" if parts else name


INTERFACES = {"stream.txt": False, "stream-seeded.txt": True}


def interface(name: str) -> str:
    """The interface that a golden file holds, as the code has it now."""
    return Interface(streaming_graph(seeded=INTERFACES[name])).text()


if __name__ == "__main__":
    for name in INTERFACES:
        (GOLDEN / name).write_text(interface(name), encoding="utf-8")
