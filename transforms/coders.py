"""How the elements of the graph are encoded between steps; part of a running job's interface."""

from typing import Any

import msgspec
from apache_beam import coders

from schemas.flow import (
    Arrival,
    Normalised,
    Received,
    RowBatch,
    pack_normalised,
    pack_rows,
    unpack_normalised,
    unpack_rows,
)

_PACK = msgspec.msgpack.Encoder()
_RECEIVED = msgspec.msgpack.Decoder(Received)
_ARRIVAL = msgspec.msgpack.Decoder(Arrival)


class _BytesCoder(coders.Coder):  # type: ignore[misc]
    """A coder whose bytes are msgpack; equal values have equal bytes."""

    def is_deterministic(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class ReceivedCoder(_BytesCoder):
    """Coder of `Received`."""

    def encode(self, value: Received) -> bytes:
        """Its msgpack bytes."""
        return _PACK.encode(value)

    def decode(self, encoded: bytes) -> Received:
        """The value again."""
        return _RECEIVED.decode(encoded)

    def to_type_hint(self) -> Any:
        """The type it is for."""
        return Received


class ArrivalCoder(_BytesCoder):
    """Coder of `Arrival`."""

    def encode(self, value: Arrival) -> bytes:
        """Its msgpack bytes."""
        return _PACK.encode(value)

    def decode(self, encoded: bytes) -> Arrival:
        """The value again."""
        return _ARRIVAL.decode(encoded)

    def to_type_hint(self) -> Any:
        """The type it is for."""
        return Arrival


class NormalisedCoder(_BytesCoder):
    """Coder of `Normalised`."""

    def encode(self, value: Normalised) -> bytes:
        """Its msgpack bytes."""
        return pack_normalised(value)

    def decode(self, encoded: bytes) -> Normalised:
        """The value again."""
        return unpack_normalised(encoded)

    def to_type_hint(self) -> Any:
        """The type it is for."""
        return Normalised


class RowBatchCoder(_BytesCoder):
    """Coder of `RowBatch`."""

    def encode(self, value: RowBatch) -> bytes:
        """Its msgpack bytes."""
        return pack_rows(value)

    def decode(self, encoded: bytes) -> RowBatch:
        """The value again."""
        return unpack_rows(encoded)

    def to_type_hint(self) -> Any:
        """The type it is for."""
        return RowBatch


coders.registry.register_coder(Received, ReceivedCoder)
coders.registry.register_coder(Arrival, ArrivalCoder)
coders.registry.register_coder(Normalised, NormalisedCoder)
coders.registry.register_coder(RowBatch, RowBatchCoder)
