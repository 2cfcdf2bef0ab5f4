"""What travels between the steps of the pipeline, and how it is encoded on the way."""

from typing import Any

import msgspec

from schemas.change import Change
from schemas.columns import Row
from schemas.identity import IdentityRecord
from schemas.tables import TABLES


class Received(msgspec.Struct, frozen=True, array_like=True):
    """A message as it was pulled: nothing in it has been believed yet."""

    data: bytes
    attributes: dict[str, str]
    message_id: str
    publish_time: int
    """Microseconds since the epoch."""


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """A change with what is known of the message that carried it."""

    change: Change
    message_id: str
    publish_time: int


class RowBatch(msgspec.Struct, frozen=True, array_like=True):
    """The rows of one change, or of one decision: written together, by one step."""

    rows: tuple[Row, ...]


class Normalised(msgspec.Struct, frozen=True, array_like=True):
    """A change and all that it says: rows for the tables, records for the resolver."""

    arrival: Arrival
    rows: tuple[Row, ...]
    identities: tuple[IdentityRecord, ...]


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder()
_TABLE_OF = {table.row: index for index, table in enumerate(TABLES)}
_DECODERS = [msgspec.msgpack.Decoder(table.row) for table in TABLES]
_ARRIVAL = msgspec.msgpack.Decoder(Arrival)
_IDENTITIES = msgspec.msgpack.Decoder(tuple[IdentityRecord, ...])


def _pack_rows(rows: tuple[Row, ...]) -> list[Any]:
    return [(_TABLE_OF[type(row)], _PACK.encode(row)) for row in rows]


def _unpack_rows(packed: list[Any]) -> tuple[Row, ...]:
    return tuple(_DECODERS[index].decode(body) for index, body in packed)


def pack_rows(batch: RowBatch) -> bytes:
    """Bytes of a batch of rows."""
    return _PACK.encode(_pack_rows(batch.rows))


def unpack_rows(packed: bytes) -> RowBatch:
    """The batch that `pack_rows` packed."""
    return RowBatch(_unpack_rows(_UNPACK.decode(packed)))


def pack_normalised(element: Normalised) -> bytes:
    """Bytes of a normalised change."""
    return _PACK.encode(
        (
            _PACK.encode(element.arrival),
            _pack_rows(element.rows),
            _PACK.encode(element.identities),
        )
    )


def unpack_normalised(packed: bytes) -> Normalised:
    """The element that `pack_normalised` packed."""
    arrival, rows, identities = _UNPACK.decode(packed)
    return Normalised(_ARRIVAL.decode(arrival), _unpack_rows(rows), _IDENTITIES.decode(identities))
