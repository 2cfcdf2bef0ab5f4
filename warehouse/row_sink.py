"""What takes rows: the protocol of every sink."""

from collections.abc import Callable, Sequence
from typing import Protocol

from schemas.columns import Row
from warehouse.storage_write import RefusedRow


class RowSink(Protocol):
    """Where rows go."""

    def write(self, rows: Sequence[Row]) -> None:
        """Takes rows; may send them already."""
        ...

    def flush(self) -> list[RefusedRow]:
        """Returns when every row is acknowledged; the rows that were refused, with reasons."""
        ...

    def discard(self) -> None:
        """Forgets what was taken since the last flush: it will come again."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


OpenSink = Callable[[], RowSink]
