"""Phone numbers in E.164, their extensions apart.

North American and E.164 forms take a short way; all others go through phonenumbers, which knows
every country's plan. No value is parsed twice.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

MAX_TEXT = 100
_NANP_REGIONS = frozenset(("US", "CA"))
_E164_NANP = re.compile(r"\+1([2-9]\d{2})([2-9]\d{2})(\d{4})\Z")
_NATIONAL = re.compile(
    r"(?:\+?1[-. ]?)?\(?([2-9]\d{2})\)?[-. ]{0,2}([2-9]\d{2})[-. ]?(\d{4})\Z", re.ASCII
)
_EXTENSION = re.compile(
    r"\s*(?:;ext=|,+|#|\b(?:extension|extn|ext|x)\b\.?:?|(?<=\d)\s*x)\s*#?\s*(\d{1,7})\s*\Z", re.I
)
_SEPARATORS = re.compile(r"\s*(?:/|;(?!ext)|\bor\b|\band\b|\||\n)\s*", re.I)
_LETTERS = re.compile(r"[A-Za-z]")
_VANITY = re.compile(r"[\d\s().+-]*\d[\s().-]*(?:[A-Za-z][\s.-]?){3,}\d*\Z")
_KEYPAD = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "2223334445556667777888999922233344455566677778889999",
)
_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63], "-")
_INTERNATIONAL = re.compile(r"(?:011|00)(?=[1-9])")
_TRUNK = re.compile(r"\(0\)")


class Phone(NamedTuple):
    """A number that can be dialled: `region` is the ISO 3166 code of its country."""

    e164: str
    region: str
    extension: str = ""


@lru_cache(maxsize=131_072)
def parse(text: str, region: str = "US") -> Phone | None:
    """The first number in a field, read as dialled from `region`; None where none can be dialled.

    Refused are anonymous callers, short codes, numbers of one digit, and North America's fillers
    (555-01xx and the like): they stand for no one.
    """
    match = _E164_NANP.match(text)
    if match is None and region in _NANP_REGIONS:
        match = _NATIONAL.match(text)
    if match is not None:
        return _matched(match)
    if len(text) > MAX_TEXT:
        return None
    return _any(_clean(text), region)


def _matched(match: re.Match[str], extension: str = "") -> Phone | None:
    return _north_american(match[1], match[2], match[3], extension)


def _north_american(area: str, exchange: str, line: str, extension: str = "") -> Phone | None:
    if exchange[1:] == "11" or area[1:] == "11" or area[1] == "9":
        return None
    if exchange == "555" or area == "555" or len(set(area + exchange + line)) == 1:
        return None
    return Phone(f"+1{area}{exchange}{line}", "US", extension)


def _clean(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE).translate(_DASHES))
    return text.replace("\u00a0", " ").strip().removeprefix("tel:").strip()


def _any(text: str, region: str) -> Phone | None:
    extension = ""
    if found := _EXTENSION.search(text):
        extension, text = found.group(1), text[: found.start()].strip()
    parts = _SEPARATORS.split(text)
    first = parts[0] if sum(c.isdigit() for c in parts[0]) >= 7 else text
    first = _TRUNK.sub("", first).strip(" ,")
    if _LETTERS.search(first):
        if not _VANITY.match(first):
            return None
        first = first.translate(_KEYPAD)
    match = _NATIONAL.match(first) if region in _NANP_REGIONS else None
    if match is not None:
        return _matched(match, extension)
    if not first.startswith("+"):
        bare = re.sub(r"\D", "", first)
        dialled = _INTERNATIONAL.match(bare)
        own_prefix = dialled and (region in _NANP_REGIONS) == (dialled.group() == "011")
        if dialled and (own_prefix or len(bare) > 11):
            first = "+" + bare[dialled.end() :]
    return _by_plan(first, region, extension)


def _by_plan(text: str, region: str, extension: str) -> Phone | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    if len(national) < 6 or len(set(national)) == 1:
        return None
    if number.country_code == 1:
        if len(national) != 10:
            return None
        return _north_american(national[:3], national[3:6], national[6:], extension)
    if not phonenumbers.is_valid_number(number):
        return None
    country = phonenumbers.region_code_for_number(number) or region
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164, country, extension or number.extension or "")
