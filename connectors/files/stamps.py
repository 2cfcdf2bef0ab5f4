"""Times as exports write them, to microseconds since the epoch."""

import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.clock import MAX_US, MIN_US, to_us
from schemas.errors import ConfigurationError

_EPOCH = re.compile(r"\d{10}(?:\d{3})?\Z")


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; ConfigurationError where there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"{name!r} is no time zone: give one as Europe/Paris") from None


def parse_stamp(text: str | None, zone: tzinfo) -> int | None:
    """ISO 8601 or epoch seconds or milliseconds; `zone` where the text names none.

    None for anything else: of 01/02/2026 nobody can tell the day.
    """
    text = (text or "").strip()
    if not text:
        return None
    if _EPOCH.match(text) and text.isascii():
        return int(text) * (1_000_000 if len(text) == 10 else 1_000)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return to_us(moment)
    except (ValueError, OverflowError):
        return None


def parse_mail_date(text: str) -> int | None:
    """The Date header of a mail; None where it cannot be read or no table could hold it."""
    try:
        moment = parsedate_to_datetime(text)
        us = to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return us if MIN_US <= us <= MAX_US else None
