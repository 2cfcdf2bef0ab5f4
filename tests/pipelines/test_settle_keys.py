"""The local runner keeps what it knows of a key for ever: the graph must not invent new ones."""

import apache_beam as beam
import pytest
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from graph_interface import streaming_graph

from pipelines.options import DEFAULT_SHARDS


class Reshuffles(PipelineVisitor):
    def __init__(self) -> None:
        self.keys: dict[str, int] = {}

    def enter_composite_transform(self, transform_node: AppliedPTransform) -> None:
        if isinstance(transform_node.transform, beam.Reshuffle):
            self.keys[transform_node.full_label] = transform_node.transform.num_buckets


@pytest.mark.parametrize("seeded", [False, True])
def test_rows_cross_their_shuffle_under_as_many_keys_as_there_are_shards(seeded: bool) -> None:
    found = Reshuffles()
    streaming_graph(seeded=seeded).visit(found)
    assert found.keys["Ingest/Settle"] == DEFAULT_SHARDS
