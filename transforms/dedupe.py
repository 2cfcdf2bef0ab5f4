"""Lets the first message of each (change, attempt) pass; every other is a row of raw.duplicates.

The attempt is part of what is compared, so that a replay is not swallowed. Only this state expires,
a horizon after an id came or later (generations.py): a duplicate that comes then passes, writes the
same rows again, and the views show them once.
"""

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.userstate import on_timer
from apache_beam.utils.timestamp import Timestamp

from schemas.clock import DAY_US, Clock, wall_clock
from schemas.flow import Normalised, RowBatch
from schemas.records import Duplicate
from transforms.generations import FIRST_LOG, FLIP, ROLES, SECOND_LOG, Generations
from transforms.keyed import ByShardFn
from transforms.metrics import CHANGES_ACCEPTED, DUPLICATES, counter
from transforms.shard import TOKEN, shard_of

DUPLICATES_TAG = "duplicates"


def identity_of(element: Normalised) -> bytes:
    """What is remembered of a change: its id and attempt, 18 bytes."""
    change = element.arrival.change
    return bytes.fromhex(change.change_id) + change.attempt.to_bytes(2, "big")


def duplicate_row(element: Normalised, now: int) -> Duplicate:
    """The row that accounts for a message whose change had been accepted."""
    arrival = element.arrival
    return Duplicate(
        message_id=arrival.message_id,
        change_id=arrival.change.change_id,
        source=arrival.change.source,
        attempt=arrival.change.attempt,
        publish_time=arrival.publish_time,
        publish_date=arrival.publish_time // DAY_US,
        written_at=now,
    )


class DedupeFn(beam.DoFn):  # type: ignore[misc]
    """Stateful: elements of one shard together; nothing can raise after the first state write."""

    def __init__(self, horizon_s: float, clock: Clock, now: Callable[[], Timestamp]) -> None:
        self._horizon_s = horizon_s
        self._clock = clock
        self._now = now
        self._state = Generations("dedupe")
        self._accepted = counter(CHANGES_ACCEPTED)
        self._duplicates = counter(DUPLICATES)

    def start_bundle(self) -> None:
        """Opens no shard yet."""
        self._state.start_bundle()

    def process(
        self,
        keyed: tuple[int, list[Normalised]],
        token: Any = beam.DoFn.StateParam(TOKEN),
        first: Any = beam.DoFn.StateParam(FIRST_LOG),
        second: Any = beam.DoFn.StateParam(SECOND_LOG),
        roles: Any = beam.DoFn.StateParam(ROLES),
        timer: Any = beam.DoFn.TimerParam(FLIP),
    ) -> Iterator[Any]:
        """First sights to the main output, the others to `duplicates`."""
        key, elements = keyed
        identities = [identity_of(element) for element in elements]
        seen = self._state.open(key, token, (first, second, roles)).index
        fresh: dict[bytes, Normalised] = {}
        repeated = []
        for identity, element in zip(identities, elements, strict=True):
            if identity in fresh or identity in seen:
                repeated.append(element)
            else:
                fresh[identity] = element
        if fresh and self._state.remember(seen, list(fresh), (first, second), roles):
            timer.set(self._now() + self._horizon_s)
        yield from fresh.values()
        if repeated:
            now = self._clock()
            rows = tuple(duplicate_row(element, now) for element in repeated)
            yield beam.pvalue.TaggedOutput(DUPLICATES_TAG, RowBatch(rows))
        self._accepted.inc(len(fresh))
        self._duplicates.inc(len(repeated))

    @on_timer(FLIP)  # type: ignore[untyped-decorator]
    def flip(
        self,
        key: int = beam.DoFn.KeyParam,
        token: Any = beam.DoFn.StateParam(TOKEN),
        first: Any = beam.DoFn.StateParam(FIRST_LOG),
        second: Any = beam.DoFn.StateParam(SECOND_LOG),
        roles: Any = beam.DoFn.StateParam(ROLES),
    ) -> None:
        """Forgets the older generation."""
        seen = self._state.open(key, token, (first, second, roles)).index
        self._state.flip(seen, (first, second), roles)

    def finish_bundle(self) -> None:
        """Puts the indexes back."""
        self._state.finish_bundle()


class Dedupe(beam.PTransform):  # type: ignore[misc]
    """Main output: changes at their first sight. `duplicates`: rows for the others.

    `now` is the present, by which the timer is set; a test with its own clock passes its own.
    """

    def __init__(
        self,
        shards: int,
        horizon_s: float,
        clock: Clock = wall_clock,
        now: Callable[[], Timestamp] = Timestamp.now,
    ) -> None:
        super().__init__()
        self._shards = shards
        self._horizon_s = horizon_s
        self._clock = clock
        self._now = now

    # Beam has no type hint for several outputs and would say so at every start.
    @beam.typehints.no_annotations  # type: ignore[untyped-decorator]
    def expand(self, elements: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Groups by shard, then asks the state."""
        shards = self._shards

        def shard(element: Normalised) -> int:
            return shard_of(element.arrival.change.change_id, shards)

        keyed = elements | "By shard" >> beam.ParDo(ByShardFn(shard)).with_output_types(
            tuple[int, list[Normalised]]
        )
        outputs = keyed | "First sight" >> beam.ParDo(
            DedupeFn(self._horizon_s, self._clock, self._now)
        ).with_outputs(DUPLICATES_TAG, main="first")
        outputs.first.element_type = Normalised
        outputs[DUPLICATES_TAG].element_type = RowBatch
        return outputs
