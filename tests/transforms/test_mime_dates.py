"""The Date header: what the standard says, what programs write, and what is no date."""

import random
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, mktime_tz, parsedate_tz

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import MAX_US, MIN_US, to_us
from transforms.mime.dates import FAR, INVALID, LONGEST, NO_ZONE, ODD_ZONE, Moment, parse_date

EIGHT = to_us(datetime(2026, 1, 31, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 31 Jan 2026 08:00:00 +0000",
        "Sat, 31 Jan 2026 08:00:00 -0000",
        "  sat,31 jan 2026 08:00 +0000",
        "31 Jan 2026 08:00:00 GMT",
        "31-Jan-2026 08:00:00 UT",
        "31 January 2026, 08:00:00 Z",
        "Saturday, 31 Jan 26 08:00:00 utc",
        "31 Jan 126 08:00:00 GMT",
        "Sat., 31 Jan 2026 08.00.00 GMT",
        "Sat, 31 Jan 2026 09:00:00 +0100 (CET)",
        "Sat, 31 Jan 2026 09:00:00 +01:00",
        "Sat, 31 Jan 2026 09:00:00 + 0100",
        "Sat, 31 Jan 2026 9:00:00 +100",
        "Sat, 31 Jan 2026 13:30:00 +0530",
        "Sat, 31 Jan 2026 04:30:00 -0330",
        "Fri, 30 Jan 2026 21:00:00 -1100",
        "Sat, 31 Jan 2026 09:00:00 CET",
        "Sat, 31 Jan 2026 03:00:00 EST",
        "Sat, 31 Jan 2026 00:00:00 pst",
        "(early) Sat (a (nested) one), 31 Jan (winter) 2026 08:00:00 +0000",
        "Sat, 31 Jan 2026 08:00:00.123 +0000",
        "Sat Jan 31 03:00:00 2026 -0500",
        "Sat Jan 31 08:00:00 UTC 2026",
        "Saturday, January 31, 08:00:00 GMT 2026",
        "2026-01-31T08:00:00Z",
        "2026-01-31 09:00:00+01:00",
    ],
)
def test_eight_in_the_morning_is_written_in_many_ways(text: str) -> None:
    assert parse_date(text) == Moment(EIGHT, "")


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("Sat, 31 Jan 2026 08:00:00", NO_ZONE),
        ("Sat Jan 31 08:00:00 2026", NO_ZONE),
        ("2026-01-31 08:00:00", NO_ZONE),
        ("2026-01-31T08:00", NO_ZONE),
        ("Sat, 31 Jan 2026 08:00:00 XYZ", ODD_ZONE),
        ("Sat, 31 Jan 2026 08:00:00 A", ODD_ZONE),
        ("Sat, 31 Jan 2026 08:00:00 +9900", ODD_ZONE),
        ("Sat, 31 Jan 2026 08:00:00 +0099", ODD_ZONE),
        ("Sat, 31 Jan 2026 08:00:00 -1501", ODD_ZONE),
    ],
)
def test_without_a_zone_that_means_something_it_is_utc_and_a_defect(text: str, defect: str) -> None:
    assert parse_date(text) == Moment(EIGHT, defect)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "someday", "Sat", "31", "0", "Sat, 31 Jan 2026", "2026-01-31", "20260131"),
        *("Sat, 32 Jan 2026 08:00:00 +0000", "Sun, 29 Feb 2026 08:00:00 +0000"),
        *("Sat, 00 Jan 2026 08:00:00 +0000", "Sat, 31 Foo 2026 08:00:00 +0000"),
        *("Sat, 31 Jan 2026 25:00:00 +0000", "Sat, 31 Jan 2026 08:60:00 +0000"),
        *("Sat, 31 Jan 2026 08:00:61 +0000", "1769846400", "31/01/2026 08:00", "\0", "(" * 400),
    ],
)
def test_what_names_no_moment_is_none(text: str) -> None:
    assert parse_date(text) == Moment(None, INVALID)


@pytest.mark.parametrize(
    ("text", "us", "defect"),
    [
        ("Fri, 31 Dec 9999 23:59:59 +0000", MAX_US - 999_999, ""),
        ("Fri, 31 Dec 9999 23:59:59 -1200", MAX_US, FAR),
        ("Mon, 1 Jan 10000 00:00:00 +0000", MAX_US, FAR),
        ("Mon, 1 Jan 99999 00:00:00 +0000", MAX_US, FAR),
        ("Mon, 1 Jan 0001 00:00:00 +0000", MIN_US, ""),
        ("Mon, 1 Jan 0001 00:00:00 +1400", MIN_US, FAR),
        ("Mon, 1 Jan 0000 00:00:00 +0000", MIN_US, FAR),
        ("0001-01-01T00:00:00+14:00", MIN_US, FAR),
        ("9999-12-31T23:59:59-14:00", MAX_US, FAR),
    ],
)
def test_a_moment_never_leaves_what_a_table_holds(text: str, us: int, defect: str) -> None:
    assert parse_date(text) == Moment(us, defect)


@pytest.mark.parametrize(
    ("year", "meant"), [("00", 2000), ("26", 2026), ("49", 2049), ("50", 1950), ("99", 1999)]
)
def test_two_digits_of_a_year_are_read_as_the_standard_says(year: str, meant: int) -> None:
    moment = parse_date(f"1 Mar {year} 00:00:00 GMT")
    assert moment.us == to_us(datetime(meant, 3, 1, tzinfo=UTC))


def test_a_leap_second_is_the_next_minute_and_24_the_next_day() -> None:
    assert parse_date("31 Jan 2026 07:59:60 GMT").us == EIGHT
    assert parse_date("31 Jan 2026 24:00:00 GMT") == parse_date("1 Feb 2026 00:00:00 GMT")


def test_only_the_beginning_of_a_header_is_read() -> None:
    blanks = " " * LONGEST
    assert parse_date("31 Jan 2026 08:00:00 GMT" + blanks + "x" * 999).us == EIGHT
    assert parse_date(blanks + "31 Jan 2026 08:00:00 GMT").us is None


moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_what_the_standard_library_writes_is_read(moment: datetime, zone: timezone) -> None:
    local = moment.astimezone(zone)
    assert parse_date(format_datetime(local)) == Moment(to_us(moment), "")
    assert parse_date(local.isoformat()) == Moment(to_us(moment), "")
    assert parse_date(local.strftime("%d %b %y %H:%M:%S %z")).us is not None


pieces = st.sampled_from(
    [
        "Sat, ",
        "31 ",
        "Jan ",
        "2026 ",
        "08:00",
        ":00",
        " +0100",
        "GMT",
        "(",
        ")",
        " ",
        "٣",
        "-",
        ".",
        "T",
    ]
)


@given(st.lists(pieces, max_size=14).map("".join) | st.text(max_size=40))
def test_whatever_the_text_a_moment_lies_in_range_or_is_none(text: str) -> None:
    us, defect = parse_date(text)
    assert (us is None) == (defect == INVALID)
    assert us is None or MIN_US <= us <= MAX_US


def test_the_standard_library_agrees_on_what_both_can_read() -> None:
    rng = random.Random(7)
    names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    zone_names = ("GMT", "EST", "PDT", "+0200", "-0930", "+1300", "CST", "MDT")
    for _ in range(500):
        text = (
            f"{rng.randint(1, 28)} {rng.choice(names)} {rng.randint(1970, 2090)} "
            f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02} "
            f"{rng.choice(zone_names)}"
        )
        theirs = parsedate_tz(text)
        assert theirs is not None
        assert parse_date(text) == Moment(mktime_tz(theirs) * 1_000_000, "")
