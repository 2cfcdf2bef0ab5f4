"""The order to forget a person, on its way to every writer and to the resolver."""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from google.cloud import bigquery

from connectors.publisher import ChangePublisher, publisher_client
from embedded.directory import DataDirectory
from operations.person import Scene
from operations.waiting import until_written
from schemas.clock import from_us, wall_clock
from schemas.erasure import MOST_MARKS, Erase, encode
from schemas.errors import ConfigurationError, RetriableError
from schemas.operations import Erasure
from schemas.topology import DECISIONS_TOPIC
from warehouse.erasures import MARKS_AGE_S
from warehouse.latest import latest
from warehouse.query import Value, run_own

_NOTED = """
SELECT COUNT(DISTINCT part) AS n FROM `ops.erasures` WHERE erasure_id = @id AND asked_at = @at
"""


class Order(NamedTuple):
    """One erasure; given twice, and once more where it is lifted."""

    scene: Scene
    client: bigquery.Client
    erasure_id: str
    by: str
    reason: str = ""

    def give(self, marks: Sequence[str]) -> None:
        """Published in parts and awaited in ops.erasures; RetriableError where it does not get
        there."""
        now = wall_clock()
        starts = range(0, len(marks), MOST_MARKS)
        self._publish(
            Erase(
                erasure_id=self.erasure_id,
                part=part,
                marks=tuple(marks[start : start + MOST_MARKS]),
                asked_at=now,
                asked_by=self.by,
                reason=self.reason,
            )
            for part, start in enumerate(starts)
        )
        self._noted(now, len(starts))

    def lift(self) -> int:
        """Every part taken back; how many. ConfigurationError where none stands."""
        standing = [one for one in erasures(self.client) if one.erasure_id == self.erasure_id]
        if not standing or all(one.is_lifted for one in standing):
            raise ConfigurationError(
                f"no erasure {self.erasure_id} stands: see `salesintel erase --list`"
            )
        now = max(wall_clock(), *(one.asked_at + 1 for one in standing))
        self._publish(
            Erase(
                erasure_id=self.erasure_id,
                part=one.part,
                marks=one.marks,
                asked_at=now,
                asked_by=self.by,
                reason=self.reason or one.reason,
                is_lifted=True,
            )
            for one in standing
        )
        self._noted(now, len(standing))
        return len(standing)

    def _publish(self, orders: Iterable[Erase]) -> None:
        publisher = ChangePublisher(publisher_client(), self.scene.stack.project)
        for erase in orders:
            publisher.publish_message(DECISIONS_TOPIC, *encode(erase))
        publisher.flush()
        until_written(self.scene.directory, wall_clock())

    def _noted(self, moment: int, parts: int) -> None:
        values: dict[str, Value] = {"id": self.erasure_id, "at": from_us(moment)}
        noted = run_own(self.client, _NOTED, values).rows[0]["n"]
        if noted < parts:
            raise RetriableError(
                f"{parts - noted} of {parts} parts of the order did not get through: see "
                "`salesintel query ops.dead_letters_summary`"
            )


def erasures(client: bigquery.Client) -> list[Erasure]:
    """Every part of every erasure as it stands, the newest first."""
    return sorted(latest(client, Erasure), key=lambda one: (-one.asked_at, one.part))


def barrier(directory: DataDirectory) -> None:
    """Returns when whatever is written has been held against what stands in ops.erasures now."""
    time.sleep(MARKS_AGE_S)
    until_written(directory, wall_clock())
