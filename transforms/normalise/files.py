"""Contacts and accounts from CSVs of one's own, under our own column names."""

from typing import Any

from schemas.change import OBJECT_ID, Change, opaque_id
from schemas.clock import MAX_US, MIN_US
from schemas.errors import InvalidPayload
from schemas.records import Account, Person
from schemas.salesforce_id import key_of
from transforms.identifiers import domain
from transforms.normalise import rows
from transforms.normalise.context import Context
from transforms.normalise.regions import region_of
from transforms.normalise.rows import Reading, Result, tombstone
from transforms.normalise.values import (
    Fields,
    as_bool,
    as_float,
    as_int,
    as_text,
    decode_object,
    take,
    take_emails,
    take_phones,
    text,
)


def normalise_files(change: Change, context: Context, written_at: int) -> Result:
    """Rows and identities of one row; InvalidPayload for a type that we do not know."""
    reading = Reading(change, context, written_at)
    if change.object_type not in ("contact", "account"):
        raise InvalidPayload(f"unknown object type files {change.object_type}")
    is_contact = change.object_type == "contact"
    if change.operation != "upsert":
        row = Person if is_contact else Account
        return tombstone(reading, row, "person" if is_contact else "account")
    fields = decode_object(change.payload)
    fields.pop("id", None)
    fields.pop("updated_at", None)
    others = fields.pop("extra", None)
    if isinstance(others, dict):
        fields.update((name, value) for name, value in others.items() if name not in fields)
    return (_contact if is_contact else _account)(reading, fields)


def _account_key(value: Any) -> str | None:
    """The account of an id: a Salesforce one's, or of the same files."""
    shown = as_text(value)
    if shown is None:
        return None
    object_id = shown if OBJECT_ID.match(shown) else opaque_id(shown)
    return key_of(shown) or f"files:account:{object_id}"


def _micros(value: Any) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if MIN_US <= value <= MAX_US else None


def _place(fields: Fields) -> dict[str, str | None]:
    names = ("street", "city", "region", "postal_code", "country")
    return {name: text(fields, name) for name in names}


def _contact(reading: Reading, fields: Fields) -> Result:
    place = _place(fields)
    region = region_of(place["country"], reading.context.region)
    birth_date = text(fields, "birth_date")
    columns = {
        **place,
        "given_name": text(fields, "given_name"),
        "family_name": text(fields, "family_name"),
        "full_name": text(fields, "full_name"),
        "title": text(fields, "title"),
        "emails": take_emails(fields, "emails", "email"),
        "phones": take_phones(fields, region, "phones", "phone"),
        "organisation": text(fields, "organisation"),
        "account_key": take(fields, "account_id", _account_key),
        "status": text(fields, "status"),
        "do_not_contact": take(fields, "do_not_contact", as_bool),
        "email_opt_out": take(fields, "email_opt_out", as_bool),
        "do_not_call": take(fields, "do_not_call", as_bool),
        "created_at": take(fields, "created_at", _micros),
    }
    return rows.person(reading, columns, fields, birth_date=birth_date or "")


def _account(reading: Reading, fields: Fields) -> Result:
    place = _place(fields)
    region = region_of(place["country"], reading.context.region)
    site = take(fields, "domain", lambda value: domain.of_url(str(value)) or None)
    named = text(fields, "organisation") or text(fields, "full_name")
    columns = {
        **place,
        "name": named,
        "domains": (site,) if site else (),
        "phones": take_phones(fields, region, "phones", "phone"),
        "industry": text(fields, "industry"),
        "employees": take(fields, "employees", as_int),
        "annual_revenue": take(fields, "annual_revenue", as_float),
        "created_at": take(fields, "created_at", _micros),
    }
    return rows.account(reading, columns, fields)
