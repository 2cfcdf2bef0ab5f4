"""The same people and accounts as two CRMs know them: with slips, other formats and duplicates."""

import random
from datetime import UTC, datetime

from sandbox.company.ids import salesforce_id, written
from sandbox.company.people import misspelt, nickname
from sandbox.company.words import TOPICS
from sandbox.company.world import AS_OF_US, DAY_US, Rep, TrueAccount, TruePerson, Truth

Row = dict[str, str]
SLIP_SHARE = 0.12
NICKNAME_SHARE = 0.25
ACTIVITIES_PER_PERSON = 0.35
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation", "Closed Won", "Closed Lost")


def stamp(rng: random.Random, *, salesforce: bool) -> str:
    """When a row last changed, as the two systems write it."""
    moment = datetime.fromtimestamp((AS_OF_US - rng.randrange(1, 300 * DAY_US)) / 1e6, UTC)
    if salesforce:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Registrar:
    """Writes the rows of both CRMs, and notes in the truth whose they are."""

    def __init__(self, rng: random.Random, truth: Truth, reps: tuple[Rep, ...]) -> None:
        self._rng = rng
        self._truth = truth
        self._reps = reps

    def users(self) -> list[Row]:
        """Salesforce users: the reps."""
        rows = []
        for rep in self._reps:
            self._truth.records[f"salesforce:user:{rep.user_id}"] = rep.id
            rows.append(
                {
                    "Id": rep.user_id,
                    "FirstName": rep.given,
                    "LastName": rep.family,
                    "Email": rep.email,
                    "Phone": rep.number,
                    "IsActive": "true",
                    "SystemModstamp": stamp(self._rng, salesforce=True),
                }
            )
        return rows

    def salesforce_accounts(self, accounts: tuple[TrueAccount, ...]) -> list[Row]:
        """Account rows."""
        rows = []
        for account in accounts:
            self._truth.records[f"salesforce:account:{account.salesforce_id}"] = account.id
            city, region, postal_code, _ = account.city
            rows.append(
                {
                    "Id": account.salesforce_id,
                    "Name": account.legal_name,
                    "Website": f"https://www.{account.domains[0]}/",
                    "Phone": written(self._rng, account.switchboard),
                    "BillingStreet": account.street,
                    "BillingCity": city,
                    "BillingState": region,
                    "BillingPostalCode": postal_code,
                    "BillingCountry": "USA",
                    "Industry": account.name.split()[-1],
                    "NumberOfEmployees": str(self._rng.randrange(5, 4_000)),
                    "OwnerId": self._rng.choice(self._reps).user_id,
                    "SystemModstamp": stamp(self._rng, salesforce=True),
                }
            )
        return rows

    def companies(self, accounts: tuple[TrueAccount, ...]) -> list[Row]:
        """HubSpot's companies: two of three accounts, by their trade name."""
        rows = []
        for place, account in enumerate(accounts):
            if place % 3 == 2:
                continue
            self._truth.records[f"hubspot:company:{account.hubspot_id}"] = account.id
            rows.append(
                {
                    "Record ID": account.hubspot_id,
                    "Company name": account.name,
                    "Company Domain Name": account.domains[0],
                    "Phone Number": written(self._rng, account.switchboard),
                    "City": account.city[0],
                    "State/Region": account.city[1],
                    "Last Modified Date": stamp(self._rng, salesforce=False),
                }
            )
        return rows

    def _given(self, person: TruePerson) -> str:
        if self._rng.random() < NICKNAME_SHARE:
            return nickname(person.given)
        return person.given

    def _family(self, person: TruePerson) -> str:
        if self._rng.random() < SLIP_SHARE:
            return misspelt(self._rng, person.family)
        return person.family

    def salesforce_contacts(self, people: tuple[TruePerson, ...]) -> list[Row]:
        """Contact rows."""
        rows = []
        for person in people:
            if not person.salesforce_id:
                continue
            self._knows(f"salesforce:contact:{person.salesforce_id}", person)
            phone = person.numbers[0] if person.numbers else ""
            rows.append(
                {
                    "Id": person.salesforce_id,
                    "FirstName": person.given,
                    "LastName": self._family(person),
                    "Email": person.emails[0],
                    "Phone": written(self._rng, phone) if phone else "",
                    "Title": person.title,
                    "AccountId": person.account.salesforce_id if person.account else "",
                    "OwnerId": self._rng.choice(self._reps).user_id,
                    "HasOptedOutOfEmail": "true" if self._rng.random() < 0.03 else "false",
                    "DoNotCall": "true" if self._rng.random() < 0.03 else "false",
                    "SystemModstamp": stamp(self._rng, salesforce=True),
                }
            )
        return rows

    def leads(self, people: tuple[TruePerson, ...]) -> list[Row]:
        """Lead rows; of a converted one the contact's id stands in it."""
        rows = []
        for person in people:
            if not person.lead_id:
                continue
            self._knows(f"salesforce:lead:{person.lead_id}", person)
            rows.append(
                {
                    "Id": person.lead_id,
                    "FirstName": self._given(person),
                    "LastName": person.family,
                    "Company": person.account.name if person.account else "",
                    "Email": person.emails[0],
                    "Phone": "",
                    "Status": "Qualified" if person.salesforce_id else "Open",
                    "IsConverted": "true" if person.salesforce_id else "false",
                    "ConvertedContactId": person.salesforce_id,
                    "OwnerId": self._rng.choice(self._reps).user_id,
                    "SystemModstamp": stamp(self._rng, salesforce=True),
                }
            )
        return rows

    def hubspot_contacts(self, people: tuple[TruePerson, ...]) -> list[Row]:
        """HubSpot's contacts: nicknames, capitals in addresses, phones as typed."""
        rows = []
        for person in people:
            if not person.hubspot_id:
                continue
            self._knows(f"hubspot:contact:{person.hubspot_id}", person)
            email = person.emails[0]
            phone = person.numbers[0] if person.numbers else ""
            account = person.account
            linked = person.salesforce_id if self._rng.random() < 0.3 else ""
            rows.append(
                {
                    "Record ID": person.hubspot_id,
                    "First Name": self._given(person),
                    "Last Name": self._family(person),
                    "Email": email.title() if self._rng.random() < 0.2 else email,
                    "Phone Number": written(self._rng, phone) if phone else "",
                    "Job Title": person.title,
                    "Company Name": account.name if account else "",
                    "Associated Company IDs (Primary)": account.hubspot_id if account else "",
                    "Salesforce Contact ID": linked,
                    "Lifecycle Stage": self._rng.choice(("Lead", "Customer", "Opportunity")),
                    "Last Modified Date": stamp(self._rng, salesforce=False),
                }
            )
        return rows

    def _knows(self, record_key: str, person: TruePerson) -> None:
        self._truth.records[record_key] = person.id
        self._truth.in_crm.add(person.id)

    def opportunities(self, accounts: tuple[TrueAccount, ...]) -> list[Row]:
        """Opportunity rows, one or two an account."""
        rows = []
        for place, account in enumerate(accounts):
            for turn in range(1 + place % 2):
                stage = self._rng.choice(STAGES)
                day = datetime.fromtimestamp(
                    (AS_OF_US + self._rng.randrange(-60, 90) * DAY_US) / 1e6, UTC
                )
                rows.append(
                    {
                        "Id": salesforce_id("Opportunity", 55_000 + place * 9 + turn),
                        "Name": f"{account.name} – {self._rng.choice(TOPICS)}",
                        "AccountId": account.salesforce_id,
                        "StageName": stage,
                        "Amount": f"{self._rng.randrange(2, 400) * 500}.0",
                        "CloseDate": day.strftime("%Y-%m-%d"),
                        "IsClosed": str(stage.startswith("Closed")).lower(),
                        "IsWon": str(stage == "Closed Won").lower(),
                        "OwnerId": self._rng.choice(self._reps).user_id,
                        "SystemModstamp": stamp(self._rng, salesforce=True),
                    }
                )
        return rows

    def deals(self, accounts: tuple[TrueAccount, ...]) -> list[Row]:
        """HubSpot's deals: every second account has one."""
        return [
            {
                "Record ID": str(7_700_000_000 + place * 3),
                "Deal Name": f"{account.name} expansion",
                "Deal Stage": self._rng.choice(("Appointment scheduled", "Contract sent")),
                "Amount": str(self._rng.randrange(2, 300) * 1_000),
                "Close Date": "2026-03-31",
                "Associated Company IDs": account.hubspot_id,
                "Last Modified Date": stamp(self._rng, salesforce=False),
            }
            for place, account in enumerate(accounts)
            if place % 2 == 0
        ]

    def activities(self, people: tuple[TruePerson, ...], kind: str) -> list[Row]:
        """Task or Event rows about contacts."""
        rows = []
        known = [person for person in people if person.salesforce_id]
        for place, person in enumerate(known):
            if self._rng.random() > ACTIVITIES_PER_PERSON:
                continue
            moment = datetime.fromtimestamp(
                (AS_OF_US - self._rng.randrange(60 * DAY_US)) / 1e6, UTC
            )
            row = {
                "Id": salesforce_id(kind, 30_000 + place * 5),
                "Subject": self._rng.choice(TOPICS),
                "WhoId": person.salesforce_id,
                "WhatId": person.account.salesforce_id if person.account else "",
                "OwnerId": self._rng.choice(self._reps).user_id,
            }
            if kind == "Task":
                row |= {"Status": "Completed", "ActivityDate": moment.strftime("%Y-%m-%d")}
            else:
                begin = moment.strftime("%Y-%m-%dT%H:00:00.000+0000")
                row |= {"StartDateTime": begin, "DurationInMinutes": "30"}
            rows.append(row | {"SystemModstamp": stamp(self._rng, salesforce=True)})
        return rows
