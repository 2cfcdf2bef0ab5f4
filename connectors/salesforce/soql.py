"""Queries in SOQL, and Salesforce's times.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.clock import from_us, to_us
from schemas.errors import SkippableError
from schemas.salesforce_id import to18

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}\Z")


class Key(NamedTuple):
    """A place in the order (stamp, Id): microseconds and an 18-character id, empty before all."""

    stamp: int
    id: str = ""


class Bounds(NamedTuple):
    """What lies after a key, up to a key, and before a moment; None: no such bound."""

    after: Key | None = None
    upto: Key | None = None
    before: int | None = None


def parse_stamp(text: object) -> int | None:
    """Microseconds of `2026-01-31T08:00:00.000+0000`, or of the same with Z; None for anything
    else: a time without a zone has no place among others."""
    if not isinstance(text, str) or "T" not in text:
        return None
    try:
        return to_us(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def literal(us: int) -> str:
    """A moment as SOQL and the query string of a resource take it."""
    # Not strftime: it writes the year 1 with one digit.
    moment = from_us(us).astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def is_name(text: object) -> bool:
    """Whether it is written as the name of an object or field is."""
    return isinstance(text, str) and _NAME.match(text) is not None


def name(text: str) -> str:
    """A name that may stand in a query; SkippableError for one that may not."""
    if not is_name(text):
        raise SkippableError("salesforce: a name that is none of an object or field")
    return text


def quoted_id(text: str) -> str:
    """An id that may stand in a query, quoted; SkippableError for anything else."""
    known = to18(text)
    if known is None:
        raise SkippableError("salesforce: an id that is none")
    return f"'{known}'"


def where(stamp: str, bounds: Bounds) -> str:
    """` WHERE …`, or nothing, for rows in the order (stamp, Id) within bounds."""
    parts = []
    if bounds.after is not None:
        at = literal(bounds.after.stamp)
        if bounds.after.id:
            last = quoted_id(bounds.after.id)
            parts.append(f"(({stamp} = {at} AND Id > {last}) OR {stamp} > {at})")
        else:
            parts.append(f"{stamp} >= {at}")
    if bounds.upto is not None:
        at, last = literal(bounds.upto.stamp), quoted_id(bounds.upto.id)
        parts.append(f"(({stamp} = {at} AND Id <= {last}) OR {stamp} < {at})")
    if bounds.before is not None:
        parts.append(f"{stamp} < {literal(bounds.before)}")
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def select(fields: Iterable[str], entity: str, rest: str) -> str:
    """`SELECT … FROM …` and what follows."""
    named = ",".join(map(name, fields))
    return f"SELECT {named} FROM {name(entity)}{rest}"  # noqa: S608 (SOQL, names are checked)


def by_ids(fields: Iterable[str], entity: str, ids: Iterable[str]) -> str:
    """The rows of ids."""
    return select(fields, entity, f" WHERE Id IN ({','.join(map(quoted_id, ids))})")
