"""What one subscription has ready, what it has handed out, and until when: in memory.

A restart forgets the leases, so that what was not acknowledged is delivered again.
"""

import heapq
import threading
from collections.abc import Iterable
from typing import NamedTuple

from schemas.clock import Clock

SECOND_US = 1_000_000


class Lease(NamedTuple):
    """A message that is handed out; `deadline` in microseconds."""

    message: int
    deadline: int


class Delivered(NamedTuple):
    """A message to hand out now, under this ack id, for the so-manieth time."""

    message: int
    ack_id: str
    attempt: int


class Deliveries:
    """Ready, leased and acknowledged messages of one subscription."""

    def __init__(
        self,
        backlog: Iterable[tuple[int, str]],
        floor: int,
        clock: Clock,
        *,
        ordered: bool = False,
        backoff_us: tuple[int, int] = (0, 0),
    ) -> None:
        self._clock = clock
        self._ordered = ordered
        self._backoff_us = backoff_us
        self.changed = threading.Condition()
        self._ready: list[int] = []
        self._waiting: set[int] = set()
        self._delayed: list[tuple[int, int]] = []
        self._leases: dict[str, Lease] = {}
        self._lease_of: dict[int, str] = {}
        self._expiries: list[tuple[int, str]] = []
        self._attempts: dict[int, int] = {}
        self._ordering: dict[int, str] = {}
        self._acknowledged: set[int] = set()
        self._floor = floor
        self._newest = floor
        self._serial = 0
        self.arrive(backlog)

    def arrive(self, messages: Iterable[tuple[int, str]]) -> None:
        """New messages, with their ordering keys."""
        with self.changed:
            for message, ordering in messages:
                self._newest = max(self._newest, message)
                self._waiting.add(message)
                heapq.heappush(self._ready, message)
                if self._ordered and ordering:
                    self._ordering[message] = ordering
            self.changed.notify_all()

    def take(self, most: int, deadline_s: float) -> list[Delivered]:
        """Hands out at most `most` messages, oldest first; of one ordering key in order."""
        with self.changed:
            self._expire()
            now = self._clock()
            blocked = {self._ordering[m] for m in self._lease_of if m in self._ordering}
            passed_over: list[int] = []
            taken: list[Delivered] = []
            while self._ready and len(taken) < most:
                message = heapq.heappop(self._ready)
                if message not in self._waiting:
                    continue
                if self._ordering.get(message) in blocked:
                    passed_over.append(message)
                    continue
                self._waiting.discard(message)
                self._serial += 1
                ack_id = f"{message}-{self._serial}"
                lease = Lease(message, now + int(deadline_s * SECOND_US))
                self._leases[ack_id] = lease
                self._lease_of[message] = ack_id
                heapq.heappush(self._expiries, (lease.deadline, ack_id))
                attempt = self._attempts[message] = self._attempts.get(message, 0) + 1
                taken.append(Delivered(message, ack_id, attempt))
            for message in passed_over:
                heapq.heappush(self._ready, message)
            return taken

    def acknowledge(self, ack_ids: Iterable[str]) -> tuple[list[int], int]:
        """The messages that this acknowledges, and the id up to which all are acknowledged.

        An ack id whose lease has expired still acknowledges its message, as long as no one else
        has it.
        """
        with self.changed:
            done = []
            for ack_id in ack_ids:
                lease = self._leases.pop(ack_id, None)
                message = lease.message if lease else _message_of(ack_id)
                if message is None or message <= self._floor:
                    continue
                current = self._lease_of.get(message)
                if current == ack_id:
                    del self._lease_of[message]
                elif current is not None or message not in self._waiting:
                    continue
                self._waiting.discard(message)
                self._attempts.pop(message, None)
                self._ordering.pop(message, None)
                done.append(message)
            self._acknowledged.update(done)
            self._raise_floor()
            self.changed.notify_all()
            return done, self._floor

    def _raise_floor(self) -> None:
        live = (
            min(
                min(self._waiting, default=self._newest + 1),
                min(self._lease_of, default=self._newest + 1),
            )
            if len(self._acknowledged) >= FLOOR_EVERY or not (self._waiting or self._lease_of)
            else 0
        )
        if live - 1 > self._floor:
            self._floor = live - 1
            self._acknowledged = {m for m in self._acknowledged if m > self._floor}

    def leased(self, ack_ids: Iterable[str]) -> list[str]:
        """Those of the ack ids whose lease still holds."""
        with self.changed:
            return [ack_id for ack_id in ack_ids if ack_id in self._leases]

    def modify(self, ack_ids: Iterable[str], deadline_s: float) -> None:
        """Sets new deadlines from now on; 0 gives the messages back at once."""
        with self.changed:
            now = self._clock()
            for ack_id in ack_ids:
                lease = self._leases.get(ack_id)
                if lease is None:
                    continue
                if deadline_s <= 0:
                    self._give_back(ack_id)
                else:
                    deadline = now + int(deadline_s * SECOND_US)
                    self._leases[ack_id] = Lease(lease.message, deadline)
                    heapq.heappush(self._expiries, (deadline, ack_id))
            self.changed.notify_all()

    def _give_back(self, ack_id: str) -> None:
        lease = self._leases.pop(ack_id)
        key = self._ordering.get(lease.message)
        self._return(lease.message)
        if key is None:
            return
        # What came after it under the same key has to come after it again.
        later = [m for m in self._lease_of if self._ordering.get(m) == key]
        for message in later:
            self._leases.pop(self._lease_of[message], None)
            self._return(message)

    def _return(self, message: int) -> None:
        self._lease_of.pop(message, None)
        self._waiting.add(message)
        least, most = self._backoff_us
        if least:
            pause = min(least * 2 ** (self._attempts.get(message, 1) - 1), most)
            heapq.heappush(self._delayed, (self._clock() + pause, message))
        else:
            heapq.heappush(self._ready, message)

    def _expire(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            deadline, ack_id = heapq.heappop(self._expiries)
            lease = self._leases.get(ack_id)
            if lease is not None and lease.deadline <= deadline:
                self._give_back(ack_id)
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._delayed)[1])

    def exhausted(self, attempts: int) -> list[int]:
        """Messages that wait although they were handed out so often: for the dead-letter topic."""
        with self.changed:
            self._expire()
            return [
                message for message in self._waiting if self._attempts.get(message, 0) >= attempts
            ]

    def drop(self, messages: Iterable[int]) -> tuple[list[int], int]:
        """Acknowledges messages that wait: they have gone to the dead-letter topic."""
        return self.acknowledge([f"{message}-0" for message in messages])

    @property
    def backlog(self) -> int:
        """Messages not acknowledged."""
        with self.changed:
            return len(self._waiting) + len(self._lease_of)


FLOOR_EVERY = 5_000
"""Acknowledgements after which it is worth looking for the oldest message that is not."""


def _message_of(ack_id: str) -> int | None:
    head = ack_id.partition("-")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 19 else None
