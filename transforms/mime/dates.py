"""The Date header: microseconds since the epoch from what mail programs write (RFC 5322, 3.3)."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from schemas.clock import DAY_US, EPOCH_ORDINAL, MAX_US, MIN_US, to_us

NO_ZONE = "date_without_zone"
ODD_ZONE = "date_zone_unknown"
INVALID = "date_invalid"
FAR = "date_out_of_range"

_MONTHS = {
    name: place
    for place, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
# RFC 5322, 4.3, in minutes; and the names of Europe's, which it does not know but programs write.
_ZONES = {
    "": 0,
    "UT": 0,
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "BST": 60,
    "CET": 60,
    "MET": 60,
    "CEST": 120,
    "MEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
}
MOST_OFFSET_MINUTES = 15 * 60
"""No zone is further from UTC than 14 hours."""
LONGEST = 300
"""Characters of a header that are read; a date with its comment has 60."""

_DATE = re.compile(
    r"\s*(?:[A-Za-z]+\.?\s*,?\s*)?(\d{1,2})[\s.-]+([A-Za-z]{3})[A-Za-z]*[\s.,-]+(\d{2,5})[\s,]+"
    r"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d+)?)?\s*(?:([+-]\s?\d{1,2}:?\d{2})|([A-Za-z]{1,5}))?"
)
_ASCTIME = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\s+)([A-Za-z]{3})[a-z]*\s+(\d{1,2}),?\s+"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s+(?:([+-]\d{4})|([A-Z]{1,5}))?\s*(\d{4})(?:\s+([+-]\d{4})\b)?"
)
_COMMENT = re.compile(r"\([^()]*\)")
LONGEST_ISO_DAY = len("2026-01-31")


class Moment(NamedTuple):
    """A time in microseconds since the epoch, None where there is none, and what was odd."""

    us: int | None
    defect: str = ""


def parse_date(text: str) -> Moment:
    """The moment that a Date header names; never fails.

    Without a zone, or with an unknown or impossible one, it is read as UTC. A year beyond what
    BigQuery holds is clamped to its range. A day without a time of day is no moment.
    """
    return _parsed(text[:LONGEST])


@lru_cache(maxsize=5_000)
def _parsed(text: str) -> Moment:
    while "(" in text and text != (without := _COMMENT.sub(" ", text)):
        text = without
    match = _DATE.match(text)
    if match:
        day, month, year, hour, minute, second, offset, name = match.groups()
        return _moment(year, month, day, hour, minute, second, offset, name)
    match = _ASCTIME.match(text)
    if match:
        month, day, hour, minute, second, offset, name, year, after = match.groups()
        return _moment(year, month, day, hour, minute, second, offset or after, name)
    return _iso(text.strip())


def _iso(text: str) -> Moment:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Moment(None, INVALID)
    if len(text) <= LONGEST_ISO_DAY:
        return Moment(None, INVALID)
    if moment.tzinfo is None:
        return Moment(to_us(moment.replace(tzinfo=UTC)), NO_ZONE)
    return _clamped(to_us(moment), "")


def _moment(
    year_text: str,
    month_name: str,
    day_text: str,
    hour_text: str,
    minute_text: str,
    second_text: str | None,
    offset: str | None,
    zone: str | None,
) -> Moment:
    month = _MONTHS.get(month_name.lower(), 0)
    year, hour, minute, second = (
        int(t or 0) for t in (year_text, hour_text, minute_text, second_text)
    )
    if len(year_text) <= 3:
        # RFC 5322, 4.3: 00 to 49 is this century, 50 to 999 counts from 1900.
        year += 2000 if len(year_text) == 2 and year < 50 else 1900
    if not month or hour > 24 or minute > 59 or second > 60:
        return Moment(None, INVALID)
    minutes, defect = _offset(offset, zone)
    if not 1 <= year <= 9999:
        return Moment(MIN_US if year < 1 else MAX_US, FAR)
    try:
        days = date(year, month, int(day_text)).toordinal() - EPOCH_ORDINAL
    except ValueError:
        return Moment(None, INVALID)
    us = days * DAY_US + ((hour * 60 + minute - minutes) * 60 + second) * 1_000_000
    return _clamped(us, defect)


def _clamped(us: int, defect: str) -> Moment:
    held = max(MIN_US, min(MAX_US, us))
    return Moment(held, defect if held == us else FAR)


def _offset(offset: str | None, zone: str | None) -> tuple[int, str]:
    if offset:
        digits = offset.replace(":", "").replace(" ", "")[1:]
        minutes = int(digits[:-2]) * 60 + int(digits[-2:])
        if minutes > MOST_OFFSET_MINUTES or int(digits[-2:]) > 59:
            return 0, ODD_ZONE
        return -minutes if offset[0] == "-" else minutes, ""
    if not zone:
        return 0, NO_ZONE
    minutes_of = _ZONES.get(zone.upper())
    return (0, ODD_ZONE) if minutes_of is None else (minutes_of, "")
