"""Versions inside the overlap that are already published, so that re-reading publishes nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.change import Change

_TOKEN = 16


class Remembered:
    """Record id to the newest published version: its stamp and a part of the change's id.

    The change's id, not the stamp alone: two edits within one second have one stamp, and the second
    must not pass for the first.
    """

    def __init__(self, kept: Mapping[str, Any] | None, most: int) -> None:
        self._kept: dict[str, tuple[int, str]] = {
            record_id: (int(stamp), str(token))
            for record_id, (stamp, token) in (kept or {}).items()
        }
        self._most = most

    def is_new(self, change: Change) -> bool:
        """Whether this very version is not yet published."""
        return self._kept.get(change.object_id) != (change.stamp, change.change_id[:_TOKEN])

    def keep(self, changes: Iterable[Change], floor: int) -> None:
        """Notes what is published, forgets what lies before the floor; beyond the bound the oldest
        go first."""
        for change in changes:
            self._kept[change.object_id] = (change.stamp, change.change_id[:_TOKEN])
        kept = {one: version for one, version in self._kept.items() if version[0] >= floor}
        if len(kept) > self._most:
            newest = sorted(kept.items(), key=lambda one: one[1][0])[-self._most :]
            kept = dict(newest)
        self._kept = kept

    def packed(self) -> dict[str, list[Any]]:
        """As a cursor keeps it."""
        return {one: list(version) for one, version in sorted(self._kept.items())}
