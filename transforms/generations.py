"""What was seen lately, by shard, in two generations that take turns.

Every id goes into the current generation and is looked for in both. A timer empties the older one
and makes it the current one; nothing is copied. The timer is set by work alone and never sets
itself again, so that a drain ends.

It goes by event time, which here is when messages are published: a timer of processing time would
hold the watermark at the element that set it until it fires, and what is watched by the job's
watermark would be behind by days. https://github.com/apache/beam/issues/21554

So an id is remembered for one horizon at the least, and until the second flip after it came. The
first new id after a flip sets the next one, a horizon ahead, and it comes when the watermark is
there. Where new ids keep coming and the watermark keeps up, that is two horizons at the most. While
the watermark stalls nothing is forgotten, and a shard to which nothing new comes keeps what it has.
"""

from typing import Any

from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec

from transforms.metrics import INDEX_REBUILDS, counter
from transforms.shard import ShardedState, pack_chunk, read_log

FIRST_LOG = BagStateSpec("first", BytesCoder())
SECOND_LOG = BagStateSpec("second", BytesCoder())
ROLES = ReadModifyWriteStateSpec("roles", BytesCoder())
FLIP = TimerSpec("flip", TimeDomain.WATERMARK)


class Seen:
    """The index: two sets of ids, which of them is current, and whether a flip is due."""

    def __init__(self, current: int = 0, armed: bool = False) -> None:
        self.generations: list[set[bytes]] = [set(), set()]
        self.current = current
        self.armed = armed

    def __contains__(self, identity: bytes) -> bool:
        return identity in self.generations[0] or identity in self.generations[1]

    def __len__(self) -> int:
        return len(self.generations[0]) + len(self.generations[1])

    def apply(self, entry: bytes) -> None:
        """Remembers an id."""
        self.generations[self.current].add(entry)

    def entries(self) -> list[bytes]:
        """Every id that is remembered."""
        return [*self.generations[0], *self.generations[1]]

    def flip(self) -> int:
        """Forgets the older generation and makes it the current one; returns its number."""
        self.current = 1 - self.current
        self.generations[self.current] = set()
        self.armed = False
        return self.current

    def roles(self) -> bytes:
        """What ROLES holds: which generation is current, and whether a flip is due."""
        return bytes((self.current, self.armed))


class Generations(ShardedState[Seen]):
    """Sharded state whose log is the two bags of the generations, with their roles."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, Seen, **options)

    def remember(self, seen: Seen, fresh: list[bytes], logs: tuple[Any, Any], roles: Any) -> bool:
        """Writes new ids to the current log; true where the caller must now set the timer."""
        for identity in fresh:
            seen.apply(identity)
        logs[seen.current].add(pack_chunk(fresh))
        if seen.armed:
            return False
        seen.armed = True
        roles.write(seen.roles())
        return True

    def flip(self, seen: Seen, logs: tuple[Any, Any], roles: Any) -> None:
        """The timer has fired."""
        logs[seen.flip()].clear()
        roles.write(seen.roles())

    def _rebuilt(self, log: Any | None) -> tuple[Seen, int]:
        if log is None:
            return Seen(), 0
        counter(INDEX_REBUILDS).inc()
        first, second, roles = log
        written = roles.read() or bytes((0, 0))
        seen = Seen(written[0], bool(written[1]))
        seen.generations[0].update(read_log(first))
        seen.generations[1].update(read_log(second))
        return seen, len(seen)
