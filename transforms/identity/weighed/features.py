"""What is compared of a record: its values as they are weighed, worked out once a version."""

import re
from functools import lru_cache
from sys import intern

import msgspec

from schemas.identity import IdentityRecord
from transforms.identifiers import email as emails
from transforms.identifiers.name import without_degrees, without_title
from transforms.identity.evidence import generation_of, given_and_family
from transforms.identity.messages import is_observed
from transforms.identity.weighed.placeholders import (
    known,
    known_code,
    known_day,
    known_employer,
    known_mailbox,
)
from transforms.identity.weighed.words import fold, organisation, street

_DAY = re.compile(r"(\d{4})[-/.]?(\d\d?)[-/.]?(\d\d?)(?:[T ].*)?")
_DAY_LAST = re.compile(r"(\d\d?)[-/. ](\d\d?)[-/. ](\d{4}|\d\d)")
_YEAR = re.compile(r"(?:18|19|20)\d\d")
_NUMBER = re.compile(r"\d+")
_SUFFIX = frozenset(("jr", "sr", "ii", "iii", "iv", "junior", "senior"))
_SHORT_TITLES = frozenset("mr mrs ms miss dr prof herr frau mme mlle sra srta".split())
CENTURY_PIVOT = 30
"""A year of two digits above this belongs to the last century."""


class Features(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The values of a record that are weighed. Missing is empty."""

    kind: str
    given: str = ""
    family: str = ""
    suffix: int = 0
    mail: str = ""
    phone: str = ""
    born: str = ""
    street: str = ""
    number: str = ""
    city: str = ""
    region: str = ""
    postal: str = ""
    org: str = ""
    mails: tuple[str, ...] = ()
    """Match keys, where there are several."""
    phones: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Official identifiers, `type:value`."""
    domains: tuple[str, ...] = ()
    observed: bool = False
    own: str = ""
    same: tuple[str, ...] = ()
    """record_keys that the source itself says are this record."""
    internal: bool = False
    """On our side."""


def features_of(record: IdentityRecord) -> Features:
    """The features of a record that is not deleted."""
    person = record.kind == "person"
    given, family, suffix = "", "", 0
    if person:
        given, family, suffix = named(record.given_name, record.family_name, record.full_name)
    mails = tuple(dict.fromkeys(key for key in map(match_key, record.emails) if key))
    phones = record.phones
    employer_or_name = known_employer if person else known
    line = known(street(record.street)) if record.street else ""
    return Features(
        record.kind,
        given,
        family,
        suffix,
        mails[0] if mails else "",
        phones[0] if phones else "",
        birth_date(record.birth_date) if record.birth_date else "",
        line,
        house_number(line) if line else "",
        known(fold(record.city)) if record.city else "",
        known(fold(record.region)) if record.region else "",
        known_code(fold(record.postal_code)) if record.postal_code else "",
        employer_or_name(organisation(record.organisation)) if record.organisation else "",
        mails if len(mails) > 1 else (),
        phones if len(phones) > 1 else (),
        record.identifiers,
        () if person else record.domains,
        is_observed(record.record_key),
        record.record_key,
        record.same_as,
        record.internal,
    )


@lru_cache(maxsize=10_000)
def named(given: str, family: str, full: str) -> tuple[str, str, int]:
    """Given name, family name and generation, folded."""
    whole = full or f"{given} {family}".strip()
    if not (given or family):
        record = IdentityRecord(
            record_key="", kind="person", stamp=0, fetched=0, digest="", full_name=full
        )
        given, family = given_and_family(record)
    suffix = generation_of(given, family, whole)
    given, family = known(fold(given)), known(fold(family))
    if not (given or family) and not full.isascii():
        # A name in a script without spaces is not split: it is compared whole.
        given = known(fold(full))
    if " " in given or given in _SHORT_TITLES:
        given = without_title(given)
    if " " in family:
        family = without_degrees(family)
    if suffix:
        family = _bare(family) or family
        given = _bare(given) or given
    # Names meet again in other records: one copy of each will do.
    return intern(given), intern(family), suffix


def _bare(name: str) -> str:
    return " ".join(word for word in name.split() if word not in _SUFFIX)


@lru_cache(maxsize=10_000)
def match_key(address: str) -> str:
    """Under which two spellings of one mailbox meet; what is no address is compared as typed.
    Empty of a placeholder."""
    parsed = emails.parse(address)
    return known_mailbox(parsed.match_key if parsed else address.strip().lower().replace(" ", ""))


@lru_cache(maxsize=10_000)
def is_role(mail: str) -> bool:
    """True of a match key whose mailbox is a function's."""
    return emails.is_role(mail.rpartition("@")[0])


@lru_cache(maxsize=10_000)
def birth_date(text: str) -> str:
    """YYYYMMDD; zeros for what is not said. Day and month are told apart where they can be."""
    return known_day(_day(text.strip()))


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    if found:
        year, month, day = (int(part) for part in found.groups())
        return f"{year:04}{month:02}{day:02}"
    found = _DAY_LAST.fullmatch(text)
    if found:
        month, day, year = (int(part) for part in found.groups())
        if year < 100:
            year += 1900 if year > CENTURY_PIVOT else 2000
        if month > 12:
            month, day = day, month
        return f"{year:04}{month:02}{day:02}"
    year_alone = _YEAR.search(text)
    return f"{year_alone[0]}0000" if year_alone else ""


@lru_cache(maxsize=10_000)
def house_number(line: str) -> str:
    """The first number of a street line."""
    found = _NUMBER.search(line)
    return found[0] if found else ""
