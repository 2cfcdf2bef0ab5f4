"""The order to forget a person, on its way to every writer and to the resolver."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from google.cloud import bigquery

from connectors.publisher import ChangePublisher, publisher_client
from operations import config
from operations.privacy.person import Scene
from schemas.clock import from_us, wall_clock
from schemas.erasure import MOST_MARKS, Erase, encode
from schemas.errors import ConfigurationError, RetriableError
from schemas.operations import Erasure
from schemas.topology import DECISIONS_TOPIC
from transforms.erasure import mark_of_key
from warehouse.latest import latest
from warehouse.query import Value, run_own

_NOTED = """
SELECT COUNT(DISTINCT part) AS n FROM `ops.erasures` WHERE erasure_id = @id AND asked_at = @at
"""


UntilTaken = Callable[[Callable[[], int]], int]
"""As `until_taken` of operations/privacy/surroundings.py."""


class Order(NamedTuple):
    """One erasure; given twice, and once more where it is lifted."""

    scene: Scene
    client: bigquery.Client
    until_taken: UntilTaken
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
        publisher = ChangePublisher(publisher_client(), self.scene.endpoint.project)
        for erase in orders:
            publisher.publish_message(DECISIONS_TOPIC, *encode(erase))
        publisher.flush()

    def _noted(self, moment: int, parts: int) -> None:
        values: dict[str, Value] = {"id": self.erasure_id, "at": from_us(moment)}

        def missing() -> int:
            return int(parts - run_own(self.client, _NOTED, values).rows[0]["n"])

        if left := self.until_taken(missing):
            raise RetriableError(
                f"{left} of {parts} parts of the order did not get through: does the pipeline run? "
                "See `salesintel query ops.dead_letters_summary`, then do it again"
            )


def erasures(client: bigquery.Client) -> list[Erasure]:
    """Every part of every erasure as it stands, the newest first."""
    return sorted(latest(client, Erasure), key=lambda one: (-one.asked_at, one.part))


def refuse_other_key(scene: Scene, standing: Iterable[Erasure]) -> None:
    """ConfigurationError where the key is not that of the erasures that stand: it would find nobody
    whom they forget, and theirs nobody whom it marks.

    Whether it is the stream's own only the first erasure cannot know.
    """
    # On one machine the key lies beside the tables, and erasures may be older than its mark.
    marks = {mark for one in standing if not one.is_lifted for mark in one.marks}
    if scene.place.cloud and marks and mark_of_key(scene.key) not in marks:
        raise ConfigurationError(
            f"{config.REDACTION_KEY_VARIABLE} names another key than that of the erasures before: "
            "name the version that the stream was started with"
        )
