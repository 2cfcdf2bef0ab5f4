"""What one subscription has ready, what it has handed out, and until when: in memory.

A restart forgets the leases, so that what was not acknowledged is delivered again.
"""

import heapq
import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from embedded.pubsub.ready import Ready
from schemas.clock import Clock

SECOND_US = 1_000_000
STALE_EXPIRIES = 10_000
"""Deadlines of leases long gone that may lie about before they are swept."""


class Lease(NamedTuple):
    """A message that is handed out; `deadline` in microseconds."""

    message: int
    deadline: int


class Delivered(NamedTuple):
    """A message to hand out now, under this ack id, for the so-manieth time."""

    message: int
    ack_id: str
    attempt: int


class Backoff(NamedTuple):
    """How long a message waits before it is delivered again, microseconds; doubles each time."""

    least_us: int = 0
    most_us: int = 0

    def pause_us(self, attempt: int) -> int:
        """The pause after an attempt, the first being 1."""
        # 2 ** 30 times the least pause is above any most; more would only make big numbers.
        return min(self.least_us << min(attempt - 1, 30), self.most_us)


class Deliveries:
    """Ready, leased and acknowledged messages of one subscription; safe from any thread."""

    def __init__(
        self,
        backlog: Iterable[tuple[int, str]],
        floor: int,
        clock: Clock,
        *,
        ordered: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        self.backoff = backoff or Backoff()
        self._clock = clock
        self._ordered = ordered
        self._changed = threading.Condition()
        self._version = 0
        self._ready = Ready()
        self._delayed: list[tuple[int, int, str]] = []
        self._resumes: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        self._leases: dict[str, Lease] = {}
        self._lease_of: dict[int, str] = {}
        self._out_of_key: Counter[str] = Counter()
        self._expiries: list[tuple[int, str]] = []
        self._attempts: dict[int, int] = {}
        self._unfinished: deque[int] = deque()
        self._acknowledged: set[int] = set()
        self._floor = floor
        self._newest = floor
        # From the clock, so that an ack id from before a restart or a seek is never one of now.
        self._serial = self._first_serial = clock()
        self.arrive(backlog)

    def arrive(self, messages: Iterable[tuple[int, str]]) -> None:
        """New messages with their ordering keys, in the order of their ids; known ones are passed.

        The order is what the floor rests on: all up to the newest have arrived.
        """
        with self._changed:
            for message, key in messages:
                if message <= self._newest:
                    continue
                self._newest = message
                self._unfinished.append(message)
                if self._ordered and key:
                    self._keys[message] = key
                    self._ready.push(message, key)
                else:
                    self._ready.push(message, "")
            self._notify()

    def take(self, most: int, deadline_s: float) -> list[Delivered]:
        """Hands out at most `most` messages, oldest first; of one ordering key in order."""
        with self._changed:
            now = self._clock()
            self._expire(now)
            deadline = now + int(deadline_s * SECOND_US)
            taken: list[Delivered] = []
            while len(taken) < most:
                message = self._ready.pop(self._keys)
                if message is None:
                    break
                if message <= self._floor or message in self._acknowledged:
                    # Acknowledged late, while it waited.
                    self._keys.pop(message, None)
                    continue
                taken.append(self._lease(message, deadline))
            for delivered in taken:
                key = self._keys.get(delivered.message)
                if key:
                    self._ready.hold(key)
            return taken

    def _lease(self, message: int, deadline: int) -> Delivered:
        self._serial += 1
        ack_id = f"{message}-{self._serial}"
        self._leases[ack_id] = Lease(message, deadline)
        self._lease_of[message] = ack_id
        heapq.heappush(self._expiries, (deadline, ack_id))
        attempt = self._attempts[message] = self._attempts.get(message, 0) + 1
        key = self._keys.get(message)
        if key:
            self._out_of_key[key] += 1
        return Delivered(message, ack_id, attempt)

    def put_back(self, taken: Sequence[Delivered]) -> None:
        """Undoes a `take`, as if these had not been handed out."""
        with self._changed:
            for delivered in taken:
                message = delivered.message
                if self._lease_of.get(message) != delivered.ack_id:
                    continue
                if delivered.attempt > 1:
                    self._attempts[message] = delivered.attempt - 1
                else:
                    del self._attempts[message]
                key = self._end_lease(message)
                self._ready.push(message, key)
                self._release(key)
            self._notify()

    def acknowledge(self, ack_ids: Iterable[str]) -> tuple[list[int], int]:
        """The messages that this acknowledges, and the id up to which all are acknowledged.

        An ack id whose lease has ended still acknowledges its message, as long as no one else
        has it.
        """
        with self._changed:
            done = []
            for ack_id in ack_ids:
                lease = self._leases.get(ack_id)
                message = lease.message if lease else self._late(ack_id)
                if message is not None:
                    self._finish(message)
                    done.append(message)
            self._raise_floor()
            self._notify()
            return done, self._floor

    def _late(self, ack_id: str) -> int | None:
        head, _, tail = ack_id.partition("-")
        if not (head.isascii() and head.isdigit() and tail.isascii() and tail.isdigit()):
            return None
        if len(ack_id) > 40 or not self._first_serial < int(tail) <= self._serial:
            return None
        message = int(head)
        return message if message in self._attempts and message not in self._lease_of else None

    def _finish(self, message: int) -> None:
        waits = message not in self._lease_of
        key = self._end_lease(message)
        del self._attempts[message]
        if not waits:
            # One that waits still stands in its key's line: `take` passes it and forgets its key.
            self._keys.pop(message, None)
        self._acknowledged.add(message)
        self._release(key)

    def _end_lease(self, message: int) -> str:
        """Ends the lease of a message, where there is one; returns the message's key."""
        key = self._keys.get(message, "")
        ack_id = self._lease_of.pop(message, None)
        if ack_id is None:
            return key
        del self._leases[ack_id]
        if key:
            self._out_of_key[key] -= 1
            if not self._out_of_key[key]:
                del self._out_of_key[key]
        return key

    def _release(self, key: str) -> None:
        if key and key not in self._out_of_key and key not in self._resumes:
            self._ready.release(key)

    def _raise_floor(self) -> None:
        unfinished, acknowledged = self._unfinished, self._acknowledged
        while unfinished and unfinished[0] in acknowledged:
            acknowledged.discard(unfinished.popleft())
        self._floor = max(self._floor, unfinished[0] - 1 if unfinished else self._newest)

    def leased(self, ack_ids: Iterable[str]) -> list[str]:
        """Those of the ack ids whose lease still holds."""
        with self._changed:
            return [ack_id for ack_id in ack_ids if ack_id in self._leases]

    def modify(self, ack_ids: Iterable[str], deadline_s: float) -> None:
        """Sets new deadlines from now on; 0 gives the messages back at once."""
        with self._changed:
            now = self._clock()
            for ack_id in ack_ids:
                lease = self._leases.get(ack_id)
                if lease is None:
                    continue
                if deadline_s <= 0:
                    self._give_back(lease.message, now)
                else:
                    deadline = now + int(deadline_s * SECOND_US)
                    self._leases[ack_id] = Lease(lease.message, deadline)
                    heapq.heappush(self._expiries, (deadline, ack_id))
            self._notify()

    def _give_back(self, message: int, now: int) -> None:
        key = self._keys.get(message)
        together = [message]
        if key:
            # What came after it under the same key has to come after it again.
            together += [m for m in self._lease_of if m > message and self._keys.get(m) == key]
        pause = self.backoff.pause_us(self._attempts[message])
        for returned in together:
            self._end_lease(returned)
            if key or not pause:
                self._ready.push(returned, key or "")
        if pause:
            if key:
                self._resumes[key] = max(self._resumes.get(key, 0), now + pause)
            heapq.heappush(self._delayed, (now + pause, message, key or ""))
        self._release(key or "")

    def _expire(self, now: int) -> None:
        if len(self._expiries) > 2 * len(self._leases) + STALE_EXPIRIES:
            self._expiries = [(lease.deadline, i) for i, lease in self._leases.items()]
            heapq.heapify(self._expiries)
        while self._expiries and self._expiries[0][0] <= now:
            _, ack_id = heapq.heappop(self._expiries)
            lease = self._leases.get(ack_id)
            if lease is not None and lease.deadline <= now:
                self._give_back(lease.message, now)
        while self._delayed and self._delayed[0][0] <= now:
            _, message, key = heapq.heappop(self._delayed)
            if not key:
                self._ready.push(message, "")
            elif self._resumes.get(key, 0) <= now:
                self._resumes.pop(key, None)
                self._release(key)

    def exhausted(self, attempts: int) -> list[int]:
        """Messages that wait although they were handed out so often: for the dead-letter topic."""
        with self._changed:
            self._expire(self._clock())
            return [
                message
                for message, count in self._attempts.items()
                if count >= attempts and message not in self._lease_of
            ]

    def drop(self, message: int) -> tuple[list[int], int]:
        """As acknowledged: a message that waits has gone elsewhere, or is no more."""
        with self._changed:
            if message not in self._attempts:
                return [], self._floor
            self._finish(message)
            self._raise_floor()
            self._notify()
            return [message], self._floor

    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()

    @property
    def version(self) -> int:
        """Rises when something arrives, is acknowledged or given back."""
        return self._version

    def wait(self, seen: int, most_s: float) -> None:
        """Returns when the version is no longer the one seen, or after `most_s` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, most_s)

    def wake(self) -> None:
        """Wakes all who wait: the subscription has changed under them."""
        with self._changed:
            self._notify()

    @property
    def backlog(self) -> int:
        """Messages not acknowledged."""
        with self._changed:
            return len(self._unfinished) - len(self._acknowledged)
