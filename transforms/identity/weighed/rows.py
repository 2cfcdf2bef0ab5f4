"""Rows of a table of records, one column a field, as records.

The columns: id, source, kind, first, last, full, org, email, phone, dob, street, city, state, zip,
country; and, where they are there, those of `EXTRA` and `IDENTIFIERS`. Others are ignored.
"""

import re
from collections.abc import Mapping

from schemas.errors import InvalidRow
from schemas.identity import IdentityRecord, Kind
from transforms.identifiers import domain as domains
from transforms.identifiers import phone as phones
from transforms.identity.evidence import is_host
from transforms.identity.weighed.placeholders import is_counted_out
from transforms.normalise.regions import region_of

FEWEST_DIGITS, MOST_DIGITS = 7, 15
"""Of a number that no plan knows: it is compared as it is."""
EXTRA = ("street_number", "house_number", "website", "domain")
IDENTIFIERS = {
    **dict.fromkeys(("ssn", "soc_sec_id", "social_security_number"), "social"),
    **dict.fromkeys(("national_id", "natid"), "national"),
    **dict.fromkeys(("tax_id", "taxid"), "tax"),
    **dict.fromkeys(("vat", "vat_id"), "vat"),
    "ein": "ein",
    **dict.fromkeys(("passport", "passport_number"), "passport"),
    **dict.fromkeys(("dl", "driver_license", "drivers_license"), "licence"),
    "lei": "lei",
    "duns": "duns",
}
"""Columns of official identifiers, and the type of each: an owner has one of a type."""
_NO_IDENTIFIER = frozenset(IDENTIFIERS).isdisjoint
_ACCOUNTS = frozenset(("organization", "organisation", "account", "company", "org", "business"))
_PEOPLE = frozenset(("person", "people", "contact", "lead", "individual"))
_NOT_DIGITS = re.compile(r"\D")
_NOT_CODE = re.compile(r"[\W_]+")


def record_of(row: Mapping[str, str], stamp: int, region: str = "US") -> IdentityRecord:
    """The record in a row; InvalidRow where it has no id or an unknown kind.

    `region` is that of national phone numbers where the row names no country.
    """
    key = row.get("id", "").strip()
    if not key:
        raise InvalidRow("the row has no id")
    get = row.get
    country = get("country", "").strip()
    if country:
        region = region_of(country, region)
    email, phone = get("email", "").strip(), get("phone", "").strip()
    street = get("street", "")
    number = get("street_number", "") or get("house_number", "")
    website = get("website", "") or get("domain", "")
    kind = kind_of(row)
    full, organisation = get("full", "").strip(), get("org", "").strip()
    return IdentityRecord(
        record_key=key,
        kind=kind,
        stamp=stamp,
        fetched=stamp,
        digest="",
        given_name=get("first", "").strip(),
        family_name=get("last", "").strip(),
        full_name=full,
        organisation=organisation or (full if kind == "account" else ""),
        emails=(email,) if email else (),
        phones=numbers(phone, region) if phone else (),
        domains=_domains(website) if website else (),
        street=f"{number} {street}" if number else street,
        city=get("city", ""),
        region=get("state", ""),
        postal_code=get("zip", ""),
        country=country,
        birth_date=get("dob", "").strip(),
        identifiers=() if _NO_IDENTIFIER(row) else _identifiers(row),
    )


def _identifiers(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{kind}:{code}"
        for column, kind in IDENTIFIERS.items()
        if column in row and (code := _NOT_CODE.sub("", row[column]).lower())
    )


def kind_of(row: Mapping[str, str]) -> Kind:
    """person or account; told from the names where the row does not say."""
    kind = row.get("kind", "").strip().lower()
    if kind in _ACCOUNTS:
        return "account"
    if kind in _PEOPLE:
        return "person"
    if kind:
        raise InvalidRow(f"kind {kind!r}: it is person or organization")
    named = row.get("first") or row.get("last") or row.get("full") or row.get("email")
    return "person" if named else "account"


def numbers(text: str, region: str) -> tuple[str, ...]:
    """A phone number in E.164; the bare digits of one that no plan knows, if they can be one."""
    parsed = phones.parse(text, region)
    if parsed is not None:
        return (parsed.e164,)
    digits = _NOT_DIGITS.sub("", text)
    if (
        FEWEST_DIGITS <= len(digits) <= MOST_DIGITS
        and len(set(digits)) > 2
        and not is_counted_out(digits)
    ):
        return (digits,)
    return ()


def _domains(website: str) -> tuple[str, ...]:
    host = website.strip().lower().partition("://")[2] or website.strip().lower()
    name = domains.registrable(domains.canonical(host.partition("/")[0].removeprefix("www.")))
    return (name,) if name and not is_host(name) else ()
