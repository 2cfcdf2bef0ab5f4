"""Where the stream's subscriptions stand, kept as snapshots to go back to.

https://cloud.google.com/pubsub/docs/replay-overview
"""

from typing import Any

from google.api_core.exceptions import AlreadyExists, NotFound

from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS

SUBSCRIPTIONS = tuple(one.name for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION))
TIMEOUT_S = 60.0


class Positions:
    """Snapshots of every subscription that the stream reads; `subscriber` is the real client."""

    def __init__(self, subscriber: Any, project: str) -> None:
        self._subscriber = subscriber
        self._project = f"projects/{project}"

    def keep(self, position: str) -> None:
        """Makes the snapshots; those that are there already stay as they are."""
        for name in SUBSCRIPTIONS:
            request = {"name": self._snapshot(name, position), "subscription": self._of(name)}
            try:
                self._subscriber.create_snapshot(request=request, timeout=TIMEOUT_S)
            except AlreadyExists:
                continue

    def kept(self, position: str) -> bool:
        """Whether all of them are there: some alone are of a release that was broken off."""
        try:
            for name in SUBSCRIPTIONS:
                request = {"snapshot": self._snapshot(name, position)}
                self._subscriber.get_snapshot(request=request, timeout=TIMEOUT_S)
        except NotFound:
            return False
        return True

    def seek(self, position: str) -> None:
        """Back to them; nothing may read meanwhile."""
        for name in SUBSCRIPTIONS:
            request = {
                "subscription": self._of(name),
                "snapshot": self._snapshot(name, position),
            }
            self._subscriber.seek(request=request, timeout=TIMEOUT_S)

    def forget(self, position: str) -> None:
        """Drops those that are there; they would end by themselves after a week."""
        for name in SUBSCRIPTIONS:
            request = {"snapshot": self._snapshot(name, position)}
            try:
                self._subscriber.delete_snapshot(request=request, timeout=TIMEOUT_S)
            except NotFound:
                continue

    def _of(self, name: str) -> str:
        return f"{self._project}/subscriptions/{name}"

    def _snapshot(self, name: str, position: str) -> str:
        return f"{self._project}/snapshots/{name}-{position}"
