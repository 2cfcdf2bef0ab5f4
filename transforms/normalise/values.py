"""Values of payloads as columns have them.

Vendors give one thing in many forms: a number as text, a moment as ISO 8601 or as milliseconds, an
empty text for null. A parser returns None for what it cannot read, and `take` then leaves the value
where it is, so that it ends in `extra`: nothing is lost, nothing invented.
"""

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timezone
from typing import Any, TypeVar

import msgspec

from schemas.clock import DAY_US, EPOCH, EPOCH_ORDINAL, MAX_US, MIN_US
from schemas.errors import InvalidPayload
from transforms.identifiers import email, phone
from transforms.mime.html import to_text
from transforms.mime.text import BODY_CUT, LONGEST_BODY
from transforms.mime.text import snippet as snippet_of

Fields = dict[str, Any]
Value = TypeVar("Value")


_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_INT64 = 1 << 63
_WHOLE = re.compile(r"-?\d{1,19}(?:\.0+)?\Z", re.ASCII)
_DECIMAL = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_MILLIS = re.compile(r"-?\d{11,15}\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_LETTER = re.compile(r"[^\W\d_]")
_NO_NAME = re.compile(r"[\d@]")
_TRUE = frozenset(("true", "1", "yes", "y", "t"))
_FALSE = frozenset(("false", "0", "no", "n", "f"))


def decode_object(payload: bytes) -> Fields:
    """The JSON object of a payload; InvalidPayload where it is none."""
    try:
        fields = _DECODE(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidPayload("the payload is not JSON") from None
    if not isinstance(fields, dict):
        raise InvalidPayload("the payload is JSON, but no object")
    return fields


def take(fields: Fields, name: str, parse: Callable[[Any], Value | None]) -> Value | None:
    """The parsed value of a field, which leaves `fields`; None where it is missing, empty or cannot
    be read: then it stays."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    found = parse(value)
    if found is not None:
        del fields[name]
    return found


def text(fields: Fields, name: str) -> str | None:
    """`take(fields, name, as_text)`, which is most of what is taken."""
    value = fields.pop(name, None)
    if type(value) is str and "\0" not in value:
        return value.strip() or None
    if value is None:
        return None
    found = as_text(value)
    if found is None:
        fields[name] = value
    return found


def first(fields: Fields, names: Iterable[str], parse: Callable[[Any], Value | None]) -> Any:
    """The first of several fields that can be read; the others stay."""
    for name in names:
        found = take(fields, name, parse)
        if found is not None:
            return found
    return None


def filled(fields: Fields) -> Fields | None:
    """The fields that say something; None where none does."""
    return {name: one for name, one in fields.items() if one is not None and one != ""} or None


def extra(fields: Fields) -> str | None:
    """What is left of a payload, as JSON, without what says nothing."""
    left = filled(fields)
    return _ENCODE(left).decode() if left else None


def as_text(value: Any) -> str | None:
    """Text without blanks around it; a number as text."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "")
        return value.strip() or None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def as_id(value: Any) -> str | None:
    """An id, which some payloads have as text and some as number (above 2^53 too)."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def as_name(value: Any) -> str | None:
    """A text that could be a person's name: Dialpad shows the number where it knows no name."""
    found = as_text(value)
    return found if found and _LETTER.search(found) and not _NO_NAME.search(found) else None


def as_bool(value: Any) -> bool | None:
    """True and false, also as the text of a CSV."""
    if isinstance(value, bool):
        return value
    shown = str(value).strip().lower()
    if shown in _TRUE:
        return True
    return False if shown in _FALSE else None


def as_int(value: Any) -> int | None:
    """A whole number that INT64 holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _WHOLE.match(value.strip()):
        value = int(value.strip().partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and -_INT64 <= value < _INT64 else None


def as_float(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _DECIMAL.match(value.strip()):
        value = float(value)
    if isinstance(value, int):
        value = float(value) if abs(value) < 1 << 1_000 else math.inf
    return value if isinstance(value, float) and math.isfinite(value) else None


def as_micros(value: Any) -> int | None:
    """Microseconds of an ISO 8601 moment with its zone, of a day (its midnight, UTC), or of epoch
    milliseconds. None of a moment without a zone: nobody can tell when that was."""
    return _micros(value, None)


def as_utc_micros(value: Any) -> int | None:
    """As `as_micros`, but a moment without a zone is UTC, as Dialpad means it."""
    return _micros(value, UTC)


def _micros(value: Any, zone: timezone | None) -> int | None:
    if isinstance(value, str):
        value = value.strip()
        if value[4:5] != "-":
            if not _MILLIS.match(value):
                return None
            return _micros(int(value), zone)
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                if zone is None and not _DAY.match(value):
                    return None
                moment = moment.replace(tzinfo=UTC)
            passed = moment - EPOCH
        except (ValueError, OverflowError):
            return None
        us = passed.days * DAY_US + passed.seconds * 1_000_000 + passed.microseconds
        return us if MIN_US <= us <= MAX_US else None
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    us = value * 1_000
    return us if MIN_US <= us <= MAX_US else None


def as_days(value: Any) -> int | None:
    """Days since the epoch of a date, or of a moment as it is written."""
    if isinstance(value, str) and len(value.strip()) >= 10 and value.strip()[4:5] == "-":
        try:
            return date.fromisoformat(value.strip()[:10]).toordinal() - EPOCH_ORDINAL
        except ValueError:
            return None
    us = as_micros(value)
    return None if us is None else us // DAY_US


def as_list(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of a text with semicolons as CRMs have several values."""
    parts = value if isinstance(value, list) else str(value).split(";")
    return tuple(shown for part in parts if (shown := as_text(part)))


def take_emails(fields: Fields, *names: str) -> tuple[str, ...]:
    """The canonical addresses of fields, each once; what is no address stays."""
    found: dict[str, None] = {}
    for name in names:
        value = fields.get(name)
        if value is None or value == "":
            continue
        if type(value) is str and ";" not in value:
            one = email.parse(value)
            if one:
                found[one.address] = None
                del fields[name]
            continue
        parsed = [email.parse(part) for part in as_list(value)]
        found.update((one.address, None) for one in parsed if one)
        if parsed and None not in parsed:
            del fields[name]
    return tuple(found)


def take_phones(fields: Fields, region: str, *names: str) -> tuple[str, ...]:
    """The E.164 numbers of fields, each once; what is none, or has an extension, stays too."""
    found: dict[str, None] = {}
    for name in names:
        value = fields.get(name)
        if value is None or value == "":
            continue
        if type(value) is str:
            known = phone.parse(value, region)
            if known:
                found[known.e164] = None
                if not known.extension:
                    del fields[name]
            continue
        texts = value if isinstance(value, list) else [value]
        whole = True
        for one in texts:
            parsed = phone.parse(shown, region) if (shown := as_text(one)) else None
            if parsed:
                found[parsed.e164] = None
            whole = whole and parsed is not None and not parsed.extension
        if whole:
            del fields[name]
    return tuple(found)


class Content(msgspec.Struct, frozen=True):
    """A text as three columns: `body`, `snippet`, `defects`."""

    body: str | None = None
    snippet: str | None = None
    defects: tuple[str, ...] = ()


NO_CONTENT = Content()


def content(value: Any) -> Content:
    """Body and snippet of a text or of HTML, cut to what a row should hold."""
    body = as_text(value)
    if body and "<" in body and ">" in body:
        body = to_text(body).strip() or None
    if not body:
        return NO_CONTENT
    defects = (BODY_CUT,) if len(body) > LONGEST_BODY else ()
    body = body[:LONGEST_BODY]
    return Content(body, snippet_of(body) or None, defects)
