"""The store of payloads that are too large for a message, wherever a command works."""

from pathlib import Path

import msgspec

from connectors.objects import FolderStore, ObjectStore
from operations.place import Place
from schemas.columns import Row
from schemas.operations import DeadLetter
from schemas.records import RawChange


def objects_of(place: Place) -> ObjectStore:
    """A folder of the data directory, or a bucket; ConfigurationError where neither is named."""
    if not place.cloud:
        return FolderStore(Path(place.objects()))
    # A stack on one machine never loads the client.
    from connectors.bucket import bucket_store

    return bucket_store(place.objects())


def claim_of(row: Row) -> str | None:
    """Where the payload of a row lies, if it is kept apart from it."""
    if isinstance(row, RawChange):
        return row.dataref
    return row.payload_uri if isinstance(row, DeadLetter) else None


def with_payload(objects: ObjectStore, row: Row) -> Row:
    """The row with the payload that is kept apart from it; as it is where there is none, or none
    any more. RetriableError where the store cannot be read now."""
    address = claim_of(row)
    if not address:
        return row
    try:
        return msgspec.structs.replace(row, payload=objects.get(address))
    except LookupError:
        return row
