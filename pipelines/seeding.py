"""Seeds read within the pipeline: how a job on Dataflow starts its resolver from the tables.

On one machine they are read before the pipeline is made (pipelines/seeds.py). Here they would not
fit into the graph, and whoever launches it shall not see them: workers read them, a slice of all
records each. A graph that is built with seeds keeps these steps for as long as it is updated.
"""

from collections.abc import Iterator

import apache_beam as beam

from pipelines.seeds import SLICES, read_overrides, read_seeds
from schemas.flow import RowBatch
from warehouse.clients import Endpoint, bigquery_client


def every_slice(_: bytes) -> Iterator[str]:
    """All of them."""
    yield from SLICES


def seeds_of_slice(which: str, endpoint: Endpoint) -> Iterator[RowBatch]:
    """The seeds of the records in a slice."""
    with bigquery_client(endpoint) as client:
        yield from read_seeds(client, within=which)


def standing_overrides(_: bytes, endpoint: Endpoint) -> Iterator[RowBatch]:
    """The decisions that stand."""
    with bigquery_client(endpoint) as client:
        yield from read_overrides(client)


class Seeds(beam.PTransform):  # type: ignore[misc]
    """The seeds that `Ingest` takes."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """Every slice on a worker of its own, as far as there are workers."""
        return (
            begin
            | "Begin" >> beam.Impulse()
            | "Slices" >> beam.FlatMap(every_slice).with_output_types(str)
            | "Apart" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(seeds_of_slice, self._endpoint).with_output_types(RowBatch)
        )


class Overrides(beam.PTransform):  # type: ignore[misc]
    """The decisions that `Ingest` takes."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection:
        """They are few: one worker reads them."""
        return (
            begin
            | "Begin" >> beam.Impulse()
            | "Read" >> beam.FlatMap(standing_overrides, self._endpoint).with_output_types(RowBatch)
        )
