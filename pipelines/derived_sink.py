"""What a rebuild writes: rows that are made of changes, and neither those nor what is resolved."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.columns import Row
from schemas.identity import Entity, EntityChange, Link, PairCandidate, PairEvidence
from schemas.operations import SchemaChange
from schemas.records import Duplicate, RawChange
from warehouse.row_sink import OpenSink, RowSink
from warehouse.storage_write import RefusedRow

LEFT_OUT = (
    *(RawChange, Duplicate, SchemaChange),
    *(Link, Entity, EntityChange, PairEvidence, PairCandidate),
)


@dataclass
class DerivedSink:
    """A sink that lets derived rows through: raw ones are there, what is resolved comes later."""

    inner: RowSink

    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows; passes on what is derived."""
        self.inner.write([row for row in rows if not isinstance(row, LEFT_OUT)])

    def flush(self) -> list[RefusedRow]:
        """As the sink within."""
        return self.inner.flush()

    def discard(self) -> None:
        """As the sink within."""
        self.inner.discard()

    def close(self) -> None:
        """As the sink within."""
        self.inner.close()


def derived_sink(inner: OpenSink) -> DerivedSink:
    """Such a sink before another: what a step carries to its worker."""
    return DerivedSink(inner())
