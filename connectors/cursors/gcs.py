"""Cursors in a Cloud Storage bucket: an object a cursor, moved by generation match.

https://cloud.google.com/storage/docs/request-preconditions
"""

import json

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from connectors.cursors.store import Cursor, CursorMoved, Lease, LeaseTaken, Stored
from schemas.clock import Clock, wall_clock

TIMEOUT_S = 30.0


class GcsCursorStore:
    """Cursors under `<prefix>/cursors/`, leases under `<prefix>/leases/` of a bucket."""

    def __init__(
        self, client: storage.Client, bucket: str, prefix: str = "", clock: Clock = wall_clock
    ) -> None:
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._clock = clock

    def _get(self, path: str) -> tuple[dict[str, object] | None, int]:
        blob = self._bucket.blob(self._prefix + path)
        try:
            body = blob.download_as_bytes(timeout=TIMEOUT_S)
        except NotFound:
            return None, 0
        # The generation of what was downloaded, from the headers of that very answer.
        return json.loads(body), int(blob.generation)

    def _put(self, path: str, content: dict[str, object], generation: int) -> int:
        blob = self._bucket.blob(self._prefix + path)
        blob.upload_from_string(
            json.dumps(content, sort_keys=True),
            content_type="application/json",
            if_generation_match=generation,
            timeout=TIMEOUT_S,
        )
        return int(blob.generation)

    def read(self, name: str) -> Stored:
        """As CursorStore."""
        content, generation = self._get(f"cursors/{name}.json")
        return Stored(content, generation)

    def write(self, name: str, cursor: Cursor, generation: int) -> int:
        """As CursorStore. A retry after a lost answer finds the cursor moved, by itself: the page
        is then read again, which is what at least once means."""
        try:
            return self._put(f"cursors/{name}.json", cursor, generation)
        except PreconditionFailed:
            raise CursorMoved(f"the cursor of {name} has moved: another poller reads it") from None

    def lease(self, name: str, holder: str, ttl_s: float) -> Lease:
        """As CursorStore."""
        path = f"leases/{name}.json"
        found, generation = self._get(path)
        now = self._clock()
        if found and found["holder"] != holder and int(str(found["until"])) > now:
            raise LeaseTaken(f"{name} is being read by another poller")
        until = now + int(ttl_s * 1_000_000)
        try:
            self._put(path, {"holder": holder, "until": until}, generation)
        except PreconditionFailed:
            raise LeaseTaken(f"{name} is being read by another poller") from None
        return Lease(name, holder, until)

    def release(self, lease: Lease) -> None:
        """As CursorStore."""
        path = f"leases/{lease.name}.json"
        found, generation = self._get(path)
        if found and found["holder"] == lease.holder:
            try:
                self._bucket.blob(self._prefix + path).delete(
                    if_generation_match=generation, timeout=TIMEOUT_S
                )
            except (NotFound, PreconditionFailed):
                return
