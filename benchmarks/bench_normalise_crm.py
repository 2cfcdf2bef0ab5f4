"""Normalising CRM records and calls: median microseconds a record, one core, no repeated values.

Each kind is read from records of its own, whose addresses, numbers and names differ, so that no
cache of identifiers answers for the parser.
"""

import json
from collections.abc import Callable

from benchmarks.timing import forget, median_us
from schemas.change import Change, Source, new_change
from schemas.salesforce_id import checksum
from transforms.normalise import normalise
from transforms.settings import CustomField, Settings

RECORDS = 4_000
BARS = dict.fromkeys(
    ("salesforce_contact_us", "hubspot_contact_us", "hubspot_deal_us", "dialpad_call_us"),
    ("<=", 30.0),
)
START_US = 1_770_000_000_000_000
SETTINGS = Settings(
    own_domains=("own.example",),
    own_numbers=("+14155550000",),
    custom_fields=(
        CustomField(record="salesforce.contact", field="Never_Call__c", column="do_not_contact"),
    ),
)


def _id(prefix: str, number: int) -> str:
    short = f"{prefix}5w0{number:09d}"
    return short + checksum(short)


def _phone(number: int) -> str:
    return f"({212 + number % 500}) {220 + number % 290}-{number % 10_000:04d}"


def salesforce_contact(number: int) -> dict[str, object]:
    """A contact as the REST API gives it."""
    return {
        "attributes": {"type": "Contact", "url": "/services/data/v62.0/sobjects/Contact"},
        "Id": _id("003", number),
        "FirstName": "Ada",
        "LastName": f"Byron{number}",
        "Name": f"Ada Byron{number}",
        "Email": f"ada.byron{number}@customer{number % 900}.example",
        "Phone": _phone(number),
        "MobilePhone": None,
        "Title": "Head of Operations",
        "AccountId": _id("001", number % 700),
        "OwnerId": _id("005", number % 9),
        "MailingStreet": "12 Long Street",
        "MailingCity": "Springfield",
        "MailingState": "IL",
        "MailingPostalCode": "62701",
        "MailingCountry": "United States",
        "HasOptedOutOfEmail": False,
        "DoNotCall": False,
        "IsDeleted": False,
        "Never_Call__c": False,
        "CreatedDate": "2025-03-01T10:20:30.000+0000",
        "SystemModstamp": "2026-01-31T08:00:00.000+0000",
    }


def hubspot_contact(number: int) -> dict[str, object]:
    """A contact as the CRM API gives it, with its company."""
    return {
        "id": str(301 + number),
        "properties": {
            "firstname": "Ada",
            "lastname": f"Byron{number}",
            "email": f"ada.byron{number}@client{number % 900}.example",
            "phone": _phone(number + 7),
            "mobilephone": "",
            "jobtitle": "Head of Operations",
            "company": f"Client {number % 900} Inc.",
            "city": "Springfield",
            "state": "IL",
            "lifecyclestage": "customer",
            "salesforcecontactid": _id("003", number) if number % 3 == 0 else "",
            "hubspot_owner_id": str(number % 9 + 1),
            "createdate": "2025-03-01T10:20:30.123Z",
            "lastmodifieddate": "2026-01-31T08:00:00.456Z",
            "hs_object_id": str(301 + number),
        },
        "associations": {
            "companies": {"results": [{"id": str(number % 900), "type": "contact_to_company"}]}
        },
        "createdAt": "2025-03-01T10:20:30.123Z",
        "updatedAt": "2026-01-31T08:00:00.456Z",
        "archived": False,
    }


def hubspot_deal(number: int) -> dict[str, object]:
    """A deal with a company and a contact."""
    return {
        "id": str(901 + number),
        "properties": {
            "dealname": f"Expansion {number}",
            "dealstage": "contractsent",
            "pipeline": "default",
            "amount": "12000.50",
            "closedate": "2026-03-31T00:00:00Z",
            "hubspot_owner_id": "3",
            "hs_lastmodifieddate": "2026-01-31T08:00:00.456Z",
        },
        "associations": {
            "companies": {"results": [{"id": str(number % 900), "type": "deal_to_company"}]},
            "contacts": {"results": [{"id": str(number), "type": "deal_to_contact"}]},
        },
        "archived": False,
    }


def dialpad_call(number: int) -> dict[str, object]:
    """A call as the webhook gives it when it ends."""
    return {
        "call_id": 5_404_319_552_798_720 + number,
        "master_call_id": None,
        "entry_point_call_id": None,
        "direction": "inbound" if number % 2 else "outbound",
        "state": "hangup",
        "date_started": 1_769_846_400_000 + number,
        "date_connected": 1_769_846_409_000 + number,
        "date_ended": 1_769_846_500_000 + number,
        "duration": 91_000.0,
        "total_duration": 100_000.0,
        "external_number": f"+1{212 + number % 500}{220 + number % 290}{number % 10_000:04d}",
        "internal_number": f"+1415446{number % 9:04d}",
        "contact": {"id": str(number), "type": "shared", "name": f"Ada Byron{number}"},
        "target": {"id": 7_000 + number % 9, "type": "user", "name": "Rex Roe"},
        "labels": [],
        "was_recorded": False,
    }


KINDS: tuple[tuple[str, Source, str, Callable[[int], dict[str, object]]], ...] = (
    ("salesforce_contact", "salesforce", "contact", salesforce_contact),
    ("hubspot_contact", "hubspot", "contact", hubspot_contact),
    ("hubspot_deal", "hubspot", "deal", hubspot_deal),
    ("dialpad_call", "dialpad", "call", dialpad_call),
)


def _changes(
    source: Source, object_type: str, make: Callable[[int], object], count: int
) -> list[Change]:
    return [
        new_change(
            source,
            object_type,
            str(number),
            json.dumps(make(number)).encode(),
            stamp=START_US + number,
            fetched=START_US + number,
        )
        for number in range(count)
    ]


def run(quick: bool = False) -> dict[str, float]:
    """Median microseconds a record."""
    figures = {}
    for name, source, object_type, make in KINDS:
        forget("transforms")
        changes = _changes(source, object_type, make, RECORDS // 10 if quick else RECORDS)
        figures[f"{name}_us"] = median_us(_read, changes, 1)
    return figures


def _read(change: Change) -> object:
    return normalise(change, SETTINGS, START_US)


if __name__ == "__main__":
    print(run())
