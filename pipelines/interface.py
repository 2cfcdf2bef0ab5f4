"""What a running job is updated by, as text: labels, coders, state and timers of a graph.

tests/pipelines/golden and tests/templates/golden hold it; pipelines/compatibility.py compares it.
"""

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.portability.api import beam_runner_api_pb2 as proto
from apache_beam.runners.pipeline_context import PipelineContext

PARDO = "beam:transform:pardo:v1"
TIME_DOMAINS = {
    proto.TimeDomain.EVENT_TIME: "event time",
    proto.TimeDomain.PROCESSING_TIME: "processing time",
}


class Interface:
    """What of a graph is compared when a running job is updated."""

    def __init__(self, graph: proto.Pipeline, context: PipelineContext, shards: int) -> None:
        self.graph = graph
        self._context = context
        self._shards = shards

    @classmethod
    def of_pipeline(cls, pipeline: beam.Pipeline, shards: int) -> "Interface":
        """That of a graph as it was built."""
        graph, context = pipeline.to_runner_api(return_context=True, use_fake_coders=False)
        return cls(graph, context, shards)

    @classmethod
    def of_staged(cls, staged: bytes, shards: int) -> "Interface":
        """That of a graph as it was staged for Dataflow (pipeline.pb)."""
        graph = proto.Pipeline.FromString(staged)
        return cls(graph, PipelineContext(graph.components), shards)

    @property
    def transforms(self) -> dict[str, proto.PTransform]:
        """Every transform by its full label, in the order in which the graph is built."""
        found: dict[str, proto.PTransform] = {}
        known = self.graph.components.transforms
        # All stands below one that has no name of ours.
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
        yield f"shards: {self._shards}"
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
        spec = self.graph.components.coders[coder_id]
        parts = ", ".join(self._coder(part) for part in spec.component_coder_ids)
        urn = spec.spec.urn
        if urn.startswith("beam:coder:pickled_python"):
            made = self._context.coders.get_by_id(coder_id)
            plain: object = object.__repr__
            return type(made).__name__ if type(made).__repr__ is plain else repr(made)
        name = urn.removeprefix("beam:coder:").removesuffix(":v1")
        return f"{name}({parts})" if parts else name
