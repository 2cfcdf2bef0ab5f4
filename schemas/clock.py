"""Time as the project keeps it: microseconds since the epoch, UTC, as int.

An integer compares as a number, travels through msgpack and protobuf unchanged and is what
BigQuery's TIMESTAMP is on the wire. The clock is always passed in (`Clock`), never read by a rule.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

Clock = Callable[[], int]
"""Returns the present, in microseconds since the epoch."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000

# BigQuery allows 10,000 partitions a table; 2000-01-01 to a year from now stays below that and
# keeps a hostile Date header from opening a partition in the year 9999.
FIRST_PARTITION_DAY = date(2000, 1, 1).toordinal() - EPOCH_ORDINAL
LAST_PARTITION_AHEAD = 366

# BigQuery's TIMESTAMP range, 0001-01-01 to 9999-12-31.
MIN_US = -62_135_596_800_000_000
MAX_US = 253_402_300_799_999_999


def wall_clock() -> int:
    """The system's clock, in microseconds since the epoch."""
    return time.time_ns() // 1_000


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place in time: give it a zone")
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(us: int) -> datetime:
    """The aware UTC datetime of a count of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=us)


def rfc3339(us: int) -> str:
    """`2026-01-31T08:00:00.000000Z`."""
    return from_us(us).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_rfc3339(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 date-time with a zone; else ValueError."""
    return to_us(datetime.fromisoformat(text))


def partition_day(us: int | None, now: int) -> int:
    """The day (days since the epoch) under which a row is partitioned.

    An unknown time falls on the day of `now`; a time outside the sane range is clamped to it.
    """
    today = now // DAY_US
    if us is None:
        return today
    return max(FIRST_PARTITION_DAY, min(us // DAY_US, today + LAST_PARTITION_AHEAD))
