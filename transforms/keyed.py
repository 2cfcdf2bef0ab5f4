"""Elements grouped by shard within a bundle: one element a shard crosses the shuffle, not many."""

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

MOST_TOGETHER = 200
"""Elements of one shard that travel together: a message of some megabytes at most."""


class ByShardFn(beam.DoFn):  # type: ignore[misc]
    """Gathers a bundle's elements by shard; emits (shard, elements) when the bundle ends.

    A group has the timestamp of its earliest element, so that the watermark stays honest.
    """

    def __init__(self, shard_of_element: Callable[[Any], int]) -> None:
        self._shard_of_element = shard_of_element
        self._groups: dict[int, list[Any]] = {}
        self._earliest: dict[int, Any] = {}

    def start_bundle(self) -> None:
        """Forgets what a failed bundle gathered."""
        self._groups, self._earliest = {}, {}

    def process(
        self, element: Any, timestamp: Any = beam.DoFn.TimestampParam
    ) -> Iterator[WindowedValue]:
        """Gathers; emits a group that is full."""
        shard = self._shard_of_element(element)
        group = self._groups.setdefault(shard, [])
        group.append(element)
        self._earliest[shard] = min(self._earliest.get(shard, MAX_TIMESTAMP), timestamp)
        if len(group) >= MOST_TOGETHER:
            yield self._emit(shard)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits what is gathered."""
        for shard in list(self._groups):
            yield self._emit(shard)

    def _emit(self, shard: int) -> WindowedValue:
        group, earliest = self._groups.pop(shard), self._earliest.pop(shard)
        return WindowedValue((shard, group), earliest, (GlobalWindow(),))
