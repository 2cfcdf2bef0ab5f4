"""The store of payloads that are too large for a message, wherever a command works."""

from pathlib import Path

from connectors.objects import FolderStore, ObjectStore
from operations.place import Place


def objects_of(place: Place) -> ObjectStore:
    """A folder of the data directory, or a bucket; ConfigurationError where neither is named."""
    if not place.cloud:
        return FolderStore(Path(place.objects()))
    # A stack on one machine never loads the client.
    from connectors.bucket import bucket_store

    return bucket_store(place.objects())
