"""What a cursor is, and what a store of cursors promises."""

from typing import Any, NamedTuple, Protocol

from schemas.errors import RetriableError

Cursor = dict[str, Any]
"""JSON; what stands in it is the stream's own business."""


class CursorMoved(RetriableError):
    """Somebody else has moved the cursor since it was read: what was read may be read again."""


class LeaseTaken(RetriableError):
    """Somebody else reads this stream: leave it to them."""


class Stored(NamedTuple):
    """A cursor and the generation under which it stands; a stream never read has neither."""

    cursor: Cursor | None
    generation: int


class Lease(NamedTuple):
    """The right to read a stream; `until` in microseconds since the epoch."""

    name: str
    holder: str
    until: int


class CursorStore(Protocol):
    """Cursors by name. Names hold no address: streams hash theirs."""

    def read(self, name: str) -> Stored:
        """The cursor of a stream."""
        ...

    def write(self, name: str, cursor: Cursor, generation: int) -> int:
        """Moves a cursor that still has the generation it was read with, and returns the new one;
        CursorMoved where it has not. On disk when this returns."""
        ...

    def lease(self, name: str, holder: str, ttl_s: float) -> Lease:
        """Takes the lease of a stream, or renews one's own; LeaseTaken while another holds it."""
        ...

    def release(self, lease: Lease) -> None:
        """Gives a lease back; one that has run out and gone elsewhere is left alone."""
        ...
