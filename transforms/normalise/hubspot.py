"""HubSpot: CRM objects as the v3 API gives them; every property is a text, and "" is null.

https://developers.hubspot.com/docs/api/crm/understanding-the-crm
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from schemas.change import Change, stable_hash
from schemas.columns import Row
from schemas.errors import InvalidPayload
from schemas.identity import Kind
from schemas.records import Account, Deal, Interaction, Person
from schemas.salesforce_id import key_of
from transforms.identifiers import domain, email, phone
from transforms.normalise import rows
from transforms.normalise.context import Context
from transforms.normalise.hubspot_enrollments import enrollments
from transforms.normalise.regions import region_of
from transforms.normalise.rows import Parties, Reading, Result, tombstone
from transforms.normalise.values import (
    Fields,
    as_bool,
    as_days,
    as_float,
    as_id,
    as_int,
    as_micros,
    as_text,
    content,
    decode_object,
    first,
    take,
    take_emails,
    take_phones,
    text,
)

_SPENT = ("hs_object_id", "lastmodifieddate", "hs_lastmodifieddate")
_ID = re.compile(r"\d{1,20}\Z", re.ASCII)
_PRIMARY = re.compile(r"primary|contact_to_company\Z|deal_to_company\Z", re.IGNORECASE)
_OBJECT_OF = {
    "contacts": "contact",
    "companies": "company",
    "deals": "deal",
    "0-1": "contact",
    "0-2": "company",
    "0-3": "deal",
}


def normalise_hubspot(change: Change, context: Context, written_at: int) -> Result:
    """Rows and identities of one object; InvalidPayload for a type that we do not know."""
    found = _OBJECTS.get(change.object_type)
    if found is None:
        raise InvalidPayload(f"unknown object type hubspot {change.object_type}")
    read, row, kind = found
    parts = (_PARTS.get(change.object_type, change.object_type),)
    if change.operation != "upsert":
        return tombstone(Reading(change, context, written_at), row, kind, *parts)
    whole = decode_object(change.payload)
    if as_bool(whole.get("archived")) and change.object_type != "owner":
        change = rows.deleted(change)
        return tombstone(Reading(change, context, written_at), row, kind, *parts)
    # An owner is no CRM object: its fields stand beside its id.
    fields = {} if change.object_type == "owner" else whole.get("properties")
    if not isinstance(fields, dict):
        raise InvalidPayload("properties is missing")
    for name in _SPENT:
        fields.pop(name, None)
    return read(Reading(change, context, written_at), fields, whole)


class _Associated:
    """What a record is associated with: record_keys by object type, the primary one first."""

    def __init__(self, whole: Fields) -> None:
        self._keys: dict[str, dict[str, None]] = {}
        associations = whole.get("associations")
        if not isinstance(associations, dict):
            return
        for name, listed in associations.items():
            kind = _OBJECT_OF.get(str(name).lower())
            results = listed.get("results") if isinstance(listed, dict) else listed
            if kind is None or not isinstance(results, list):
                continue
            if len(results) > 1:
                results = sorted(results, key=lambda one: not _is_primary(one))
            for one in results:
                found = _target(one)
                if found:
                    self._keys.setdefault(kind, {})[f"hubspot:{kind}:{found}"] = None

    def keys(self, kind: str, named: str | None = None) -> tuple[str, ...]:
        """Keys of a kind; `named` is the id that a property gives, which goes first."""
        known = self._keys.get(kind, {})
        return tuple(dict.fromkeys((*((f"hubspot:{kind}:{named}",) if named else ()), *known)))


def _target(one: Any) -> str | None:
    """The id in an association, in the forms of v3, v4 and a bare list."""
    if isinstance(one, dict):
        one = one.get("toObjectId") or one.get("id")
    found = as_id(one)
    return found if found and _ID.match(found) else None


def _is_primary(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    types = one.get("associationTypes")
    if isinstance(types, list):
        return any(isinstance(a, dict) and _PRIMARY.match(str(a.get("label") or "")) for a in types)
    return bool(_PRIMARY.match(str(one.get("type") or "")))


def _number(value: Any) -> str | None:
    found = as_id(value)
    return found if found and _ID.match(found) else None


def _owner_key(fields: Fields) -> str | None:
    found = take(fields, "hubspot_owner_id", _number)
    return f"hubspot:owner:{found}" if found else None


def _foreign(fields: Fields, *kinds: str) -> dict[str, tuple[str, ...]]:
    """Keys of Salesforce records that properties name, by kind, as the Salesforce sync and those
    who built their own call them: any property of that name with an id of that kind in it."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(kinds, ())
    for name in [name for name in fields if "salesforce" in name.lower()]:
        key = key_of(fields.get(name))
        kind = key.split(":", 2)[1] if key else ""
        if key and kind in found:
            found[kind] = (*found[kind], key)
            del fields[name]
    return found


def _place(fields: Fields) -> dict[str, str | None]:
    return {
        "street": text(fields, "address"),
        "city": text(fields, "city"),
        "region": text(fields, "state"),
        "postal_code": text(fields, "zip"),
        "country": text(fields, "country"),
    }


def _created(fields: Fields, whole: Fields) -> int | None:
    found = first(fields, ("createdate", "hs_createdate"), as_micros)
    return as_micros(whole["createdAt"]) if found is None and whole.get("createdAt") else found


def _contact(reading: Reading, fields: Fields, whole: Fields) -> Result:
    place = _place(fields)
    region = region_of(place["country"], reading.context.region)
    related = _Associated(whole)
    companies = related.keys("company", take(fields, "associatedcompanyid", _number))
    foreign = _foreign(fields, "contact", "lead", "account")
    birth_date = text(fields, "date_of_birth")
    enrolled = enrollments(reading, fields, whole)
    columns = {
        **place,
        "given_name": text(fields, "firstname"),
        "family_name": text(fields, "lastname"),
        "title": text(fields, "jobtitle"),
        "emails": take_emails(fields, "email", "hs_additional_emails", "work_email"),
        "phones": take_phones(fields, region, "phone", "mobilephone"),
        "organisation": text(fields, "company"),
        "account_key": companies[0] if companies else None,
        "owner_key": _owner_key(fields),
        "linked_keys": (*foreign["contact"], *foreign["lead"]),
        "status": first(fields, ("hs_lead_status", "lifecyclestage"), as_text),
        "email_opt_out": take(fields, "hs_email_optout", as_bool),
        "created_at": _created(fields, whole),
    }
    accounts = (*companies, *foreign["account"])
    written, records = rows.person(
        reading, columns, fields, birth_date=birth_date or "", accounts=accounts
    )
    return (*written, *enrolled), records


def _owner(reading: Reading, fields: Fields, whole: Fields) -> Result:
    # An archived owner is gone from HubSpot's lists but still owns what it owned.
    archived = whole.pop("archived", None)
    user = take(whole, "userId", as_id)
    for name in ("id", "updatedAt", "userIdIncludingInactive"):
        whole.pop(name, None)
    if user:
        whole["user_id"] = user
    columns = {
        "given_name": text(whole, "firstName"),
        "family_name": text(whole, "lastName"),
        "emails": take_emails(whole, "email"),
        "status": "inactive" if as_bool(archived) else "active",
        "is_internal": True,
        "created_at": take(whole, "createdAt", as_micros),
    }
    return rows.person(reading, columns, whole)


def _company(reading: Reading, fields: Fields, whole: Fields) -> Result:
    place = _place(fields)
    region = region_of(place["country"], reading.context.region)
    sites = [
        take(fields, name, lambda value: domain.of_url(str(value)) or None)
        for name in ("domain", "website")
    ]
    foreign = _foreign(fields, "account")
    parent = take(fields, "hs_parent_company_id", _number)
    columns = {
        **place,
        "name": text(fields, "name"),
        "domains": tuple(dict.fromkeys(site for site in sites if site)),
        "phones": take_phones(fields, region, "phone"),
        "industry": text(fields, "industry"),
        "employees": take(fields, "numberofemployees", as_int),
        "annual_revenue": take(fields, "annualrevenue", as_float),
        "owner_key": _owner_key(fields),
        "parent_key": f"hubspot:company:{parent}" if parent else None,
        "linked_keys": foreign["account"],
        "created_at": _created(fields, whole),
    }
    return rows.account(reading, columns, fields)


def _deal(reading: Reading, fields: Fields, whole: Fields) -> Result:
    related = _Associated(whole)
    companies = related.keys("company")
    columns = {
        "name": text(fields, "dealname"),
        "account_key": companies[0] if companies else None,
        "person_keys": related.keys("contact"),
        "stage": text(fields, "dealstage"),
        "amount": take(fields, "amount", as_float),
        "currency": text(fields, "deal_currency_code"),
        "close_date": take(fields, "closedate", as_days),
        "is_closed": take(fields, "hs_is_closed", as_bool),
        "is_won": take(fields, "hs_is_closed_won", as_bool),
        "owner_key": _owner_key(fields),
        "linked_keys": _foreign(fields, "opportunity")["opportunity"],
        "created_at": _created(fields, whole),
    }
    return rows.deal(reading, columns, fields)


def _engagement(reading: Reading, fields: Fields, whole: Fields, *bodies: str) -> Fields:
    change = reading.change
    related = _Associated(whole)
    texts = [fields.pop(name, None) for name in (*bodies, "hs_body_preview")]
    body = content(next((one for one in texts if one), None))
    for name in ("hs_body_preview_html", "hs_body_preview_is_truncated", "hs_createdate"):
        fields.pop(name, None)
    return {
        "interaction_id": stable_hash("hubspot", change.object_type, change.object_id),
        "part": _PARTS.get(change.object_type, change.object_type),
        "kind": rows.interaction_kind(change.object_type),
        "occurred_at": take(fields, "hs_timestamp", as_micros),
        "body": body.body,
        "snippet": body.snippet,
        "defects": body.defects,
        "owner_key": _owner_key(fields),
        "person_keys": related.keys("contact"),
        "account_keys": related.keys("company"),
        "deal_keys": related.keys("deal"),
    }


def _call(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_call_body")
    direction = str(fields.pop("hs_call_direction", None) or "").lower()
    columns["direction"] = direction if direction in ("inbound", "outbound") else "unknown"
    columns["subject"] = text(fields, "hs_call_title")
    millis = take(fields, "hs_call_duration", as_float)
    columns["duration_s"] = None if millis is None else millis / 1_000
    columns["outcome"] = first(fields, ("hs_call_status", "hs_call_disposition"), as_text)
    parties = Parties(reading)
    own = "hs_call_to_number" if direction == "inbound" else "hs_call_from_number"
    for role, name in (("caller", "hs_call_from_number"), ("callee", "hs_call_to_number")):
        number = take(fields, name, lambda value: phone.parse(str(value), reading.context.region))
        if number is None:
            continue
        ours = number.e164 in reading.context.own_numbers
        # Without a direction nobody can tell which side is ours.
        internal = ours or (name == own and columns["direction"] != "unknown")
        if internal:
            columns["our_number"] = number.e164
        parties.number(role, number.e164, None, internal=internal)
    return rows.interaction(reading, columns, fields, parties)


_EMAIL_DIRECTIONS = {
    "EMAIL": "outbound",
    "FORWARDED_EMAIL": "outbound",
    "INCOMING_EMAIL": "inbound",
}


def _email(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_email_text", "hs_email_html")
    header = text(fields, "hs_email_message_id")
    columns["interaction_id"], columns["message_id_header"] = rows.mail_id(reading, header)
    columns["subject"] = text(fields, "hs_email_subject")
    direction = str(fields.pop("hs_email_direction", None) or "").upper()
    columns["direction"] = _EMAIL_DIRECTIONS.get(direction, "unknown")
    columns["is_draft"] = direction == "DRAFT_EMAIL"
    parties = Parties(reading)
    headers = _email_headers(fields.pop("hs_email_headers", None))
    for role, name in (("from", "from"), ("to", "to"), ("cc", "cc"), ("bcc", "bcc")):
        plain = fields.pop(f"hs_email_{name}_email", None)
        listed = headers.get(name) or email.parse_list(str(plain or "").replace(";", ","))
        parties.addresses(role, listed)
    return rows.interaction(reading, columns, fields, parties)


def _email_headers(text: Any) -> dict[str, tuple[email.Email, ...]]:
    """From, to, cc and bcc of hs_email_headers: JSON, one mailbox or a list of them under each."""
    try:
        headers = msgspec.json.decode(text) if isinstance(text, str) else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    found: dict[str, tuple[email.Email, ...]] = {}
    for name, listed in headers.items() if isinstance(headers, dict) else ():
        boxes = [listed] if isinstance(listed, dict) else listed
        if not isinstance(boxes, list):
            continue
        parsed = (_mailbox(box) for box in boxes if isinstance(box, dict))
        found[str(name).lower()] = tuple(one for one in parsed if one)
    return found


def _mailbox(box: Fields) -> email.Email | None:
    shown = " ".join(filter(None, (as_text(box.get("firstName")), as_text(box.get("lastName")))))
    address = email.parse(str(box.get("email") or ""))
    if address is None or not shown:
        return address
    return email.parse(f'"{shown}" <{address.address}>') or address


def _meeting(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_meeting_body")
    columns["subject"] = text(fields, "hs_meeting_title")
    start = take(fields, "hs_meeting_start_time", as_micros)
    end = take(fields, "hs_meeting_end_time", as_micros)
    if start is not None:
        columns["occurred_at"] = start
    if start is not None and end is not None and end >= start:
        columns["duration_s"] = (end - start) / 1_000_000
    columns["outcome"] = text(fields, "hs_meeting_outcome")
    return rows.interaction(reading, columns, fields)


def _note(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_note_body")
    return rows.interaction(reading, columns, fields)


def _task(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_task_body")
    columns["subject"] = text(fields, "hs_task_subject")
    columns["outcome"] = text(fields, "hs_task_status")
    return rows.interaction(reading, columns, fields)


def _communication(reading: Reading, fields: Fields, whole: Fields) -> Result:
    columns = _engagement(reading, fields, whole, "hs_communication_body")
    return rows.interaction(reading, columns, fields)


_PARTS = {"communication": "message", "email": "message"}
_Read = Callable[[Reading, Fields, Fields], Result]
_OBJECTS: dict[str, tuple[_Read, type[Row], Kind | None]] = {
    "contact": (_contact, Person, "person"),
    "owner": (_owner, Person, "person"),
    "company": (_company, Account, "account"),
    "deal": (_deal, Deal, None),
    "call": (_call, Interaction, None),
    "email": (_email, Interaction, None),
    "meeting": (_meeting, Interaction, None),
    "note": (_note, Interaction, None),
    "task": (_task, Interaction, None),
    "communication": (_communication, Interaction, None),
}
