"""Looks again and again at what is amiss, and publishes what is so and what no longer is."""

from collections.abc import Callable

from operations.notifications.conditions import Observed, conditions, recovered
from operations.notifications.ledger import Ledger
from operations.notifications.observing import observed
from operations.notifications.settings import Bounds
from operations.place import Place
from schemas.clock import Clock, wall_clock
from schemas.notice import Notice

SILENT_ROUNDS = 2
"""A warehouse that is started again just now is no condition yet."""


class Watch:
    """Rounds of one watch; what it saw last is in the ledger, so that it survives its process."""

    def __init__(
        self,
        place: Place,
        bounds: Bounds,
        ledger: Ledger,
        publish: Callable[[Notice], None],
        clock: Clock = wall_clock,
        silent_rounds: int = SILENT_ROUNDS,
    ) -> None:
        self._silent_rounds = silent_rounds
        self._place = place
        self._bounds = bounds
        self._ledger = ledger
        self._publish = publish
        self._clock = clock
        self._silent = 0

    def round(self) -> int:
        """Publishes everything that is so, and what has recovered once; returns how many are so."""
        return self.say(observed(self._place, self._bounds, self._clock))

    def say(self, seen: Observed) -> int:
        """As `round`, of what was seen."""
        self._silent = self._silent + 1 if seen.stack and not seen.warehouse else 0
        now, before = self._clock(), self._ledger.firing()
        firing = conditions(seen, self._bounds, now)
        if 0 < self._silent < self._silent_rounds:
            firing = {key: one for key, one in firing.items() if one.kind != "no_answer"}
        over = [
            notice
            for key, notice in before.items()
            if key not in firing and seen.tells_of(notice.kind)
        ]
        unknown = {
            key: notice
            for key, notice in before.items()
            if key not in firing and not seen.tells_of(notice.kind)
        }
        for notice in (*firing.values(), *(recovered(one, now) for one in over)):
            self._publish(notice)
        # After it is published: what is published twice is told once.
        self._ledger.keep_firing(before, firing | unknown)
        return len(firing)
