"""Notices from the subscription to the channels: each told once to each, or given back."""

import logging
from collections.abc import Sequence

from connectors.hints import Hints, Pulled
from operations.notifications.channels import Channel, worded
from operations.notifications.ledger import Ledger, decide
from schemas.clock import Clock, wall_clock
from schemas.errors import InvalidPayload, SalesIntelError
from schemas.notice import Notice, decode
from schemas.quality import Severity

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
LEVELS: dict[Severity, int] = {"warning": 0, "error": 1}


class Notifier:
    """Tells channels of notices; for one thread. `failures` says of each channel why it failed in
    the round in hand."""

    def __init__(
        self,
        ledger: Ledger,
        channels: Sequence[Channel],
        min_severity: Severity,
        repeat_h: float,
        clock: Clock = wall_clock,
    ) -> None:
        self.failures: dict[str, str] = {}
        self._ledger = ledger
        self._channels = channels
        self._least = LEVELS[min_severity]
        self._repeat_us = int(repeat_h * HOUR_US)
        self._clock = clock

    def answer(self, hints: Hints, batch: Sequence[Pulled]) -> bool:
        """Tells of a batch, acknowledges what every channel has and gives back the rest, which
        comes again after the subscription's pause; False where there is any."""
        self.failures = {}
        notices = sorted(
            ((self._read(one), one) for one in batch), key=lambda pair: pair[0].happened_at
        )
        told = [(one, self.deliver(notice)) for notice, one in notices]
        hints.acknowledge([one for one, done in told if done])
        hints.give_back([one for one, done in told if not done])
        return all(done for _, done in told)

    def deliver(self, notice: Notice) -> bool:
        """Tells every channel what it has not been told; False where one could not be."""
        if LEVELS[notice.severity] < self._least:
            return True
        done = [self._told(channel, notice) for channel in self._channels]
        return all(done)

    def _told(self, channel: Channel, notice: Notice) -> bool:
        if channel.name in self.failures:
            # Not waited for again with every notice of the round.
            return False
        decision = decide(self._ledger.entry(channel.name, notice.key), notice, self._repeat_us)
        try:
            if decision.what is not None:
                channel.tell(worded(notice, decision.what, decision.repeats))
            # Died in between, it is told twice: better than never.
            self._ledger.keep(channel.name, notice.key, decision.entry)
        except SalesIntelError as error:
            log.warning("channel %s: %s", channel.name, error)
            self.failures[channel.name] = str(error)
            return False
        return True

    def _read(self, pulled: Pulled) -> Notice:
        try:
            return decode(pulled.data)
        except InvalidPayload as error:
            # Whoever published it meant something: that is told, and it does not come for ever.
            return Notice(
                kind="unreadable_notice",
                key="unreadable_notice:notifications",
                severity="warning",
                subject=str(error),
                action="see who publishes there; schemas/notice.py has what it should look like",
                happened_at=self._clock(),
            )
