"""The company's records as its HubSpot account has them."""

import random
from datetime import datetime

from sandbox.company.world import AS_OF_US, DAY_US, Company
from sandbox.vendors.hubspot.state import Account, Properties, iso
from schemas.clock import Clock, to_us

_CONTACT = {
    "First Name": "firstname",
    "Last Name": "lastname",
    "Email": "email",
    "Phone Number": "phone",
    "Job Title": "jobtitle",
    "Company Name": "company",
    "Associated Company IDs (Primary)": "associatedcompanyid",
    "Salesforce Contact ID": "salesforcecontactid",
    "Lifecycle Stage": "lifecyclestage",
}
_COMPANY = {
    "Company name": "name",
    "Company Domain Name": "domain",
    "Phone Number": "phone",
    "City": "city",
    "State/Region": "state",
}
_DEAL = {
    "Deal Name": "dealname",
    "Deal Stage": "dealstage",
    "Amount": "amount",
    "Close Date": "closedate",
}
FIRST_OWNER = 70_000


def seeded(company: Company, clock: Clock, *, lag_ms: int = 0) -> Account:
    """An account with the company's contacts, companies, deals, owners, and some engagements."""
    account = Account(clock, company.seed, lag_ms)
    rng = random.Random(company.seed)
    for path, name, columns in (
        ("companies", "hubspot/companies.csv", _COMPANY),
        ("contacts", "hubspot/contacts.csv", _CONTACT),
        ("deals", "hubspot/deals.csv", _DEAL),
    ):
        for row in company.tables[name]:
            stamp = to_us(datetime.fromisoformat(row["Last Modified Date"])) // 1_000
            properties = {columns[key]: value for key, value in row.items() if key in columns}
            account.create(path, properties, row["Record ID"], stamp)
            for key in ("Associated Company IDs (Primary)", "Associated Company IDs"):
                if row.get(key) in account.objects["companies"]:
                    account.associate(path, row["Record ID"], "companies", row[key], primary=True)
    for place, rep in enumerate(company.reps):
        owner_id = str(FIRST_OWNER + place)
        account.owners[owner_id] = {
            "id": owner_id,
            "type": "PERSON",
            "email": rep.email,
            "firstName": rep.given,
            "lastName": rep.family,
            "userId": 900 + place,
            "createdAt": iso(AS_OF_US // 1_000),
            "updatedAt": iso(AS_OF_US // 1_000),
            "archived": False,
        }
    _engage(account, rng)
    # What was there before anybody subscribed is told to nobody, and is in the index.
    account.events.clear()
    for rows in account.objects.values():
        for record in rows.values():
            record.indexed = [(0, record.updated)]
    return account


def _engage(account: Account, rng: random.Random) -> None:
    """An engagement of some kind for every third contact."""
    for place, contact in enumerate(list(account.objects["contacts"].values())):
        if place % 3:
            continue
        at = (AS_OF_US - rng.randrange(1, 60 * DAY_US)) // 1_000
        path, properties = _engagement(place // 3, contact.properties, iso(at))
        made = account.create(path, {**properties, "hubspot_owner_id": str(FIRST_OWNER)}, at=at)
        account.associate(path, made.id, "contacts", contact.id)
        company = contact.properties.get("associatedcompanyid")
        if company in account.objects["companies"]:
            account.associate(path, made.id, "companies", company)


def _engagement(turn: int, contact: Properties, moment: str) -> tuple[str, Properties]:
    when = {"hs_timestamp": moment}
    return (
        ("notes", {**when, "hs_note_body": "<p>Wants a <b>quote</b> by Friday.</p>"}),
        (
            "calls",
            {
                **when,
                "hs_call_title": "Follow-up",
                "hs_call_direction": "OUTBOUND",
                "hs_call_duration": "183000",
                "hs_call_to_number": contact.get("phone", ""),
            },
        ),
        (
            "emails",
            {
                **when,
                "hs_email_subject": "Offer",
                "hs_email_direction": "EMAIL",
                "hs_email_text": "As discussed.",
                "hs_email_to_email": contact.get("email", ""),
            },
        ),
        ("meetings", {**when, "hs_meeting_title": "Demo", "hs_meeting_start_time": moment}),
        ("tasks", {**when, "hs_task_subject": "Send samples", "hs_task_status": "NOT_STARTED"}),
        ("communications", {**when, "hs_communication_body": "On my way."}),
    )[turn % 6]
