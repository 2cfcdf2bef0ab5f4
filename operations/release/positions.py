"""Where the stream's subscriptions stand, kept as snapshots to go back to.

https://cloud.google.com/pubsub/docs/replay-overview
"""

from typing import Any

from google.api_core.exceptions import NotFound

from schemas.topology import DECISIONS_SUBSCRIPTION, PIPELINE_SUBSCRIPTIONS

SUBSCRIPTIONS = tuple(one.name for one in (*PIPELINE_SUBSCRIPTIONS, DECISIONS_SUBSCRIPTION))
TIMEOUT_S = 60.0
READER = "job"
"""Label of a snapshot: the run that read when it was made."""


class Positions:
    """Snapshots of every subscription that the stream reads; `subscriber` is the real client.

    A subscription that a release adds is made by Terraform, after the snapshots: it has none.
    """

    def __init__(self, subscriber: Any, project: str) -> None:
        self._subscriber = subscriber
        self._project = f"projects/{project}"

    def keep(self, position: str, reader: str) -> None:
        """Makes the snapshots, in place of any by that name, while `reader` reads."""
        self.forget(position)
        for name in SUBSCRIPTIONS:
            request = {
                "name": self._snapshot(name, position),
                "subscription": self._of(name),
                "labels": {READER: reader},
            }
            try:
                self._subscriber.create_snapshot(request=request, timeout=TIMEOUT_S)
            except NotFound:
                continue

    def kept(self, position: str) -> str:
        """Which run read when they were made; empty where there are none. Some without the others
        are of a release that was broken off, of one that adds a subscription, or soon to expire."""
        for name in SUBSCRIPTIONS:
            request = {"snapshot": self._snapshot(name, position)}
            try:
                found = self._subscriber.get_snapshot(request=request, timeout=TIMEOUT_S)
            except NotFound:
                continue
            return str(found.labels[READER])
        return ""

    def seek(self, position: str) -> tuple[str, ...]:
        """Back to them; nothing may read meanwhile. Returns the subscriptions that stay as they
        are: nothing was kept of them."""
        missed = []
        for name in SUBSCRIPTIONS:
            request = {
                "subscription": self._of(name),
                "snapshot": self._snapshot(name, position),
            }
            try:
                self._subscriber.seek(request=request, timeout=TIMEOUT_S)
            except NotFound:
                missed.append(name)
        return tuple(missed)

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
