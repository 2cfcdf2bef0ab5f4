"""Salesforce: sObjects as the REST API gives them, or a CSV export with the same names.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference
"""

from collections.abc import Callable
from typing import Any

from schemas.change import Change, stable_hash
from schemas.columns import Row
from schemas.errors import InvalidPayload
from schemas.identity import Kind
from schemas.records import Account, Deal, Interaction, Person
from schemas.salesforce_id import key_of, to18
from transforms.identifiers import domain, email
from transforms.normalise import rows
from transforms.normalise.context import Context
from transforms.normalise.regions import region_of
from transforms.normalise.rows import Parties, Reading, Result, tombstone
from transforms.normalise.values import (
    Fields,
    as_bool,
    as_days,
    as_float,
    as_int,
    as_micros,
    as_text,
    content,
    decode_object,
    take,
    take_emails,
    take_phones,
    text,
)

_SPENT = ("attributes", "Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "LastModifiedDate")
"""What a row says elsewhere: its key, its version, its being gone."""
_DRAFT = "5"
"""EmailMessage.Status: 0 new, 1 read, 2 replied, 3 sent, 4 forwarded, 5 draft."""


def normalise_salesforce(change: Change, context: Context, written_at: int) -> Result:
    """Rows and identities of one sObject; InvalidPayload for a type that we do not know."""
    found = _OBJECTS.get(change.object_type)
    if found is None:
        raise InvalidPayload(f"unknown object type salesforce {change.object_type}")
    read, row, kind, parts = found
    if change.operation != "upsert":
        return tombstone(Reading(change, context, written_at), row, kind, *parts)
    fields = decode_object(change.payload)
    if as_bool(fields.get("IsDeleted")):
        change = rows.deleted(change, to18(fields.get("MasterRecordId")))
        return tombstone(Reading(change, context, written_at), row, kind, *parts)
    for name in _SPENT:
        fields.pop(name, None)
    return read(Reading(change, context, written_at), fields)


def _address(fields: Fields, prefix: str) -> dict[str, str | None]:
    """Street, city, region, postal code and country; the compound field says the same again."""
    compound = fields.pop(f"{prefix}Address" if prefix else "Address", None)
    found = {
        "street": text(fields, f"{prefix}Street"),
        "city": text(fields, f"{prefix}City"),
        "region": text(fields, f"{prefix}State"),
        "postal_code": text(fields, f"{prefix}PostalCode"),
        "country": text(fields, f"{prefix}Country"),
    }
    if isinstance(compound, dict) and not any(found.values()):
        names = ("street", "city", "state", "postalCode", "country")
        values = (as_text(compound.get(name)) for name in names)
        found = dict(zip(found, values, strict=True))
    return found


def _account_name(fields: Fields) -> str | None:
    """The name of the related account: a relationship query's object, or a CSV's column."""
    related = fields.get("Account")
    if isinstance(related, dict):
        del fields["Account"]
        return as_text(related.get("Name"))
    return text(fields, "Account.Name")


def _contact(reading: Reading, fields: Fields) -> Result:
    place = _address(fields, "Mailing")
    region = region_of(place["country"], reading.context.region)
    birth_date = text(fields, "Birthdate")
    columns = {
        **_names(fields),
        **place,
        "title": text(fields, "Title"),
        "emails": take_emails(fields, "Email"),
        "phones": take_phones(fields, region, "Phone", "MobilePhone", "HomePhone", "OtherPhone"),
        "organisation": _account_name(fields),
        "account_key": take(fields, "AccountId", key_of),
        "email_opt_out": take(fields, "HasOptedOutOfEmail", as_bool),
        "do_not_call": take(fields, "DoNotCall", as_bool),
        **_kept(fields),
    }
    return rows.person(reading, columns, fields, birth_date=birth_date or "")


def _names(fields: Fields) -> dict[str, str | None]:
    return {
        "given_name": text(fields, "FirstName"),
        "family_name": text(fields, "LastName"),
        "full_name": text(fields, "Name"),
    }


def _kept(fields: Fields) -> Fields:
    return {
        "owner_key": take(fields, "OwnerId", key_of),
        "created_at": take(fields, "CreatedDate", as_micros),
    }


def _lead(reading: Reading, fields: Fields) -> Result:
    place = _address(fields, "")
    region = region_of(place["country"], reading.context.region)
    converted = take(fields, "ConvertedContactId", key_of)
    columns = {
        **_names(fields),
        **place,
        "title": text(fields, "Title"),
        "emails": take_emails(fields, "Email"),
        "phones": take_phones(fields, region, "Phone", "MobilePhone"),
        "organisation": text(fields, "Company"),
        "account_key": take(fields, "ConvertedAccountId", key_of),
        "linked_keys": (converted,) if converted else (),
        # It stays where it is, but lives on as the contact.
        "successor_key": converted,
        "status": text(fields, "Status"),
        "email_opt_out": take(fields, "HasOptedOutOfEmail", as_bool),
        "do_not_call": take(fields, "DoNotCall", as_bool),
        **_kept(fields),
    }
    return rows.person(reading, columns, fields)


def _user(reading: Reading, fields: Fields) -> Result:
    place = _address(fields, "")
    region = region_of(place["country"], reading.context.region)
    active = take(fields, "IsActive", as_bool)
    columns = {
        **_names(fields),
        **place,
        "title": text(fields, "Title"),
        "emails": take_emails(fields, "Email"),
        "phones": take_phones(fields, region, "Phone", "MobilePhone"),
        "organisation": text(fields, "CompanyName"),
        "status": None if active is None else "active" if active else "inactive",
        "is_internal": True,
        **_kept(fields),
    }
    return rows.person(reading, columns, fields)


def _account(reading: Reading, fields: Fields) -> Result:
    place = _address(fields, "Billing")
    region = region_of(place["country"], reading.context.region)
    site = take(fields, "Website", lambda value: domain.of_url(str(value)) or None)
    columns = {
        **place,
        "name": text(fields, "Name"),
        "domains": (site,) if site else (),
        "phones": take_phones(fields, region, "Phone"),
        "industry": text(fields, "Industry"),
        "employees": take(fields, "NumberOfEmployees", as_int),
        "annual_revenue": take(fields, "AnnualRevenue", as_float),
        "parent_key": take(fields, "ParentId", key_of),
        **_kept(fields),
    }
    return rows.account(reading, columns, fields)


def _opportunity(reading: Reading, fields: Fields) -> Result:
    contact = take(fields, "ContactId", key_of)
    columns = {
        "name": text(fields, "Name"),
        "account_key": take(fields, "AccountId", key_of),
        "person_keys": (contact,) if contact else (),
        "stage": text(fields, "StageName"),
        "amount": take(fields, "Amount", as_float),
        "currency": text(fields, "CurrencyIsoCode"),
        "close_date": take(fields, "CloseDate", as_days),
        "is_closed": take(fields, "IsClosed", as_bool),
        "is_won": take(fields, "IsWon", as_bool),
        **_kept(fields),
    }
    return rows.deal(reading, columns, fields)


def _about(fields: Fields, *names: str) -> dict[str, tuple[str, ...]]:
    """Whom and what an activity is about, told apart by the prefixes of the ids."""
    found: dict[str, dict[str, None]] = {"person_keys": {}, "account_keys": {}, "deal_keys": {}}
    columns = {
        "contact": "person_keys",
        "lead": "person_keys",
        "account": "account_keys",
        "opportunity": "deal_keys",
    }
    for name in names:
        key = key_of(fields.get(name))
        column = columns.get(key.split(":", 2)[1]) if key else None
        if key and column:
            found[column][key] = None
            del fields[name]
    return {column: tuple(keys) for column, keys in found.items()}


def _activity(reading: Reading, fields: Fields, kind: str) -> Fields:
    change = reading.change
    body = content(fields.pop("Description", None))
    return {
        "interaction_id": stable_hash("salesforce", change.object_type, change.object_id),
        "part": kind,
        "kind": kind,
        "subject": text(fields, "Subject"),
        "body": body.body,
        "snippet": body.snippet,
        "defects": body.defects,
        "owner_key": take(fields, "OwnerId", key_of),
        **_about(fields, "WhoId", "WhatId", "AccountId"),
    }


def _task(reading: Reading, fields: Fields) -> Result:
    # A task of subtype Email stands beside an EmailMessage, which is the mail itself.
    is_call = fields.get("TaskSubtype") == "Call" or bool(fields.get("CallType"))
    columns = _activity(reading, fields, "call" if is_call else "task")
    columns["part"] = "task"
    done = take(fields, "CompletedDateTime", as_micros)
    due = take(fields, "ActivityDate", as_micros) if done is None else None
    created = take(fields, "CreatedDate", as_micros) if done is None and due is None else None
    columns["occurred_at"] = next((one for one in (done, due, created) if one is not None), None)
    if is_call:
        direction = str(fields.get("CallType") or "").lower()
        columns["direction"] = _DIRECTIONS.get(direction, "unknown")
        columns["duration_s"] = take(fields, "CallDurationInSeconds", as_float)
        columns["outcome"] = text(fields, "CallDisposition")
    if columns.get("outcome") is None:
        columns["outcome"] = text(fields, "Status")
    return rows.interaction(reading, columns, fields)


_DIRECTIONS = {"inbound": "inbound", "outbound": "outbound", "internal": "internal"}


def _event(reading: Reading, fields: Fields) -> Result:
    columns = _activity(reading, fields, "meeting")
    start = take(fields, "StartDateTime", as_micros)
    columns["occurred_at"] = start
    if start is None:
        begin = take(fields, "ActivityDateTime", as_micros)
        day = take(fields, "ActivityDate", as_micros) if begin is None else None
        columns["occurred_at"] = day if begin is None else begin
    minutes = take(fields, "DurationInMinutes", as_float)
    columns["duration_s"] = None if minutes is None else minutes * 60
    return rows.interaction(reading, columns, fields)


def _email_message(reading: Reading, fields: Fields) -> Result:
    plain, markup = fields.pop("TextBody", None), fields.pop("HtmlBody", None)
    body = content(plain or markup)
    interaction_id, message_id = rows.mail_id(reading, text(fields, "MessageIdentifier"))
    incoming = take(fields, "Incoming", as_bool)
    parties = Parties(reading)
    sender = take(fields, "FromAddress", lambda value: email.parse(str(value)))
    if sender:
        name = text(fields, "FromName")
        parties.address("from", email.parse(f'"{name}" <{sender.address}>') or sender)
    for role, name in (("to", "ToAddress"), ("cc", "CcAddress"), ("bcc", "BccAddress")):
        listed = take(fields, name, _address_list)
        parties.addresses(role, listed or ())
    columns = {
        "interaction_id": interaction_id,
        "part": "message",
        "kind": "email",
        "direction": "unknown" if incoming is None else "inbound" if incoming else "outbound",
        "occurred_at": take(fields, "MessageDate", as_micros),
        "message_id_header": message_id,
        "subject": text(fields, "Subject"),
        "body": body.body,
        "snippet": body.snippet,
        "defects": body.defects,
        "is_draft": str(fields.pop("Status", "")) == _DRAFT,
        **_about(fields, "RelatedToId"),
    }
    return rows.interaction(reading, columns, fields, parties)


def _address_list(value: Any) -> tuple[email.Email, ...] | None:
    """Addresses parted by semicolons, as Salesforce has them; None where one is broken."""
    found = email.read_list(str(value).replace(";", ","))
    return found.addresses if not found.broken else found.addresses or None


_Read = Callable[[Reading, Fields], Result]
_OBJECTS: dict[str, tuple[_Read, type[Row], Kind | None, tuple[str, ...]]] = {
    "account": (_account, Account, "account", ()),
    "contact": (_contact, Person, "person", ()),
    "lead": (_lead, Person, "person", ()),
    "user": (_user, Person, "person", ()),
    "opportunity": (_opportunity, Deal, None, ()),
    "task": (_task, Interaction, None, ("task",)),
    "event": (_event, Interaction, None, ("meeting",)),
    "emailmessage": (_email_message, Interaction, None, ("message",)),
}
