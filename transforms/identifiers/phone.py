"""Phone numbers in E.164, by Google's phonenumbers; common forms take a way that is much faster.

A number is read with the region of the account or mailbox that it comes from: ten digits are no
American number because they are ten.
"""

import re
from functools import lru_cache

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberMatcher
from phonenumbers.phonemetadata import PhoneMetadata

from transforms.identifiers.clean import as_typed

LONGEST_FIELD = 200
"""Characters; what is longer is prose."""
FEWEST_DIGITS = 7
MOST_DIGITS = 15
"""E.164, 6.1: at most 15 digits with the country code."""

_E164 = re.compile(r"\+([1-9]\d{6,14})")
_AMERICAN = re.compile(
    r"(?:(\+?1)[\s./-]*+)?\(?([2-9]\d\d)\)?[\s./-]*+([2-9]\d\d)[\s./-]*+(\d{4})"
    r"(?:[\s,]*+(?:ext(?:ension|n)?|x|#|;ext=)[\s.:#]*+(\d{1,7}))?",
    re.IGNORECASE,
)
_SECOND = re.compile(r"\s*(?:[;|\n&]|,(?!\s*(?:x|ext|#))|/|\bor\b|\band\b)\s*", re.IGNORECASE)
_EXTENSION = re.compile(
    r"[\s,]*(?:ext(?:ension|n)?\b|;ext=|\bx|#)[\s.:#]*(\d{1,7})\s*\Z", re.IGNORECASE
)
_LABEL = re.compile(
    r"\A\s*(?:[a-z][a-z./ ]{0,30}[:#]"
    r"|(?:tel|phone|fax|mobile|cell|office|direct|work|home)\b\.?)\s*(?=[+(\d])",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\s*[([]?\b(?:cell|mobile|mob|work|office|home|direct|desk|main|fax|phone|tel|hq|personal"
    r"|do not call)\b[)\]]?\s*\Z",
    re.IGNORECASE,
)
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_LETTER_BEFORE_DIGIT = re.compile(r"[A-Za-z]")
_SPELT = frozenset(
    # RESTRICTED, ANONYMOUS, UNAVAILABLE, BLOCKED and UNKNOWN on a keypad: what exchanges send as
    # a number when the caller withholds it.
    ("+17378742833", "+266696687", "+86282452253", "+12562533", "+18656696")
)


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """A phone number: `e164`, the extension apart from it, and the main region of its country code
    (within +1 the area code's)."""

    e164: str
    extension: str = ""
    region: str = ""


@lru_cache(maxsize=20_000)
def parse(text: str, region: str = "US") -> Phone | None:
    """The first number in a field; None where there is none that could reach somebody.

    `region` (ISO 3166) is that of national forms. Refused: withheld numbers, short codes, numbers
    that no plan has, 555 fillers, one digit repeated.
    """
    if len(text) > LONGEST_FIELD:
        return None
    region = region.upper()
    american = _AMERICAN.fullmatch(text)
    if american and (american[1] == "+1" or region_code(region) == 1):
        return _american(american)
    whole = _E164.fullmatch(text)
    if whole and (known := _as_is(whole[1])):
        return known
    return _slow(text, region)


def _american(match: re.Match[str]) -> Phone | None:
    _, area, exchange, line, extension = match.groups()
    area_region = _area_region(area)
    if not area_region or _is_filler_american(area, exchange, line):
        return None
    e164 = f"+1{area}{exchange}{line}"
    if e164 in _SPELT:
        return None
    return Phone(e164=e164, extension=extension or "", region=area_region)


def _is_filler_american(area: str, exchange: str, line: str) -> bool:
    """555 lines are unassigned since 2016 but for a few services; of toll-free ones 01xx
    (https://nationalnanpa.com, 555 line numbers). N11 is no exchange."""
    if exchange == "555":
        toll_free = (area[0] == "8" and area[1] == area[2]) or area == "800"
        return not toll_free or line[:2] == "01" or line == "5555"
    return exchange[1:] == "11" or len(set(area + exchange + line)) == 1


@lru_cache(maxsize=1_000)
def _area_region(area: str) -> str:
    """The region of an area code of the North American plan; empty where it is not in use."""
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(area + "2345678"))
    region = phonenumbers.region_code_for_number(number)
    if region is None and phonenumbers.is_valid_number(number):
        return "US"
    return region or ""


@lru_cache(maxsize=500)
def region_code(region: str) -> int:
    """The country calling code of a region; 0 where there is no such region."""
    return phonenumbers.country_code_for_region(region)


@lru_cache(maxsize=500)
def _plan(code: int) -> tuple[str, re.Pattern[str], re.Pattern[str] | None, frozenset[int]] | None:
    """Main region of a calling code, the form of its national numbers, and its trunk prefix."""
    region = phonenumbers.region_code_for_country_code(code)
    if region in ("ZZ", "001"):
        return None
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return (
        region,
        re.compile(metadata.general_desc.national_number_pattern or r"(?!)"),
        re.compile(prefix) if prefix else None,
        frozenset(metadata.general_desc.possible_length),
    )


def _as_is(digits: str) -> Phone | None:
    """The number where its digits are plainly E.164 already; None where they need a closer look."""
    for length in (1, 2, 3):
        code = int(digits[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            break
    else:
        return None
    if code == 1:
        return None
    plan = _plan(code)
    national = digits[length:]
    if plan is None or len(national) not in plan[3] or not plan[1].fullmatch(national):
        return None
    if plan[2] is not None and plan[2].match(national):
        return None
    e164 = "+" + digits
    if len(set(national)) == 1 or e164 in _SPELT:
        return None
    return Phone(e164=e164, region=plan[0])


def _slow(text: str, region: str) -> Phone | None:
    text = as_typed(text).strip()
    if sum(c.isdigit() for c in text) < 3:
        return None  # a word, not a vanity number
    text = _NOTE.sub("", _LABEL.sub("", text))
    found = _read(text, region)
    if found is not None:
        return found
    for part in _SECOND.split(text):
        if sum(c.isalnum() for c in part) >= FEWEST_DIGITS and part != text:
            found = _read(part, region)
            if found is not None:
                return found
    return _find(text, region)


def _read(text: str, region: str) -> Phone | None:
    """One number, in the forms in which it may be meant, likeliest first."""
    extension = ""
    cut = _EXTENSION.search(text)
    if cut and sum(c.isdigit() for c in text[: cut.start()]) >= FEWEST_DIGITS:
        text, extension = text[: cut.start()], cut[1]
    for form in _forms(text):
        try:
            number = phonenumbers.parse(form, region if region_code(region) else None)
        except phonenumbers.NumberParseException:
            continue
        found = _checked(number, extension)
        if found is not None:
            return found
    return None


def _forms(text: str) -> list[str]:
    bare = text.lstrip("( ")
    forms = []
    if bare.startswith("+"):
        forms = [text]
        if bare.startswith(("+00", "+011")):
            forms = ["+" + bare.lstrip("+0") if bare.startswith("+00") else "+" + bare[4:]]
    elif bare.startswith("00"):
        forms = ["+" + bare[2:].lstrip(" )-."), text]
    elif bare.startswith("011"):
        forms = [text, "+" + bare[3:].lstrip(" )-.")]
    else:
        forms = [text]
    if "0" in text and _TRUNK_ZERO.search(text):
        forms += [_TRUNK_ZERO.sub("", form) for form in forms]
    return forms


def _checked(number: phonenumbers.PhoneNumber, extension: str) -> Phone | None:
    if not phonenumbers.is_valid_number(number):
        return None
    national = phonenumbers.national_significant_number(number)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if len(set(national)) == 1 or e164 in _SPELT:
        return None
    if number.country_code == 1:
        if _is_filler_american(national[:3], national[3:6], national[6:]):
            return None
        region = _area_region(national[:3])
    else:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return Phone(e164=e164, extension=extension or number.extension or "", region=region or "")


def _find(text: str, region: str) -> Phone | None:
    """The first valid number among other words."""
    for match in PhoneNumberMatcher(text, region if region_code(region) else None):
        found = _checked(match.number, "")
        if found is not None:
            return found
    return None
