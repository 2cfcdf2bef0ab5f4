"""Puts the world together from one seed."""

import random

from sandbox.company.calls import calls
from sandbox.company.crm import Registrar
from sandbox.company.ids import phone
from sandbox.company.mails import Postman
from sandbox.company.people import OWN_AREA, make_accounts, make_people, make_reps
from sandbox.company.world import DEMO, Call, Company, Mail, Scale, TruePerson, Truth
from schemas.change import opaque_id

REPEATED_ROWS = 20
"""Rows that the exports hold twice, to the letter."""


def address_key(address: str) -> str:
    """record_key of an address as a participant of mails."""
    return f"gmail:address:{opaque_id(address)}"


def number_key(number: str) -> str:
    """record_key of a number as a participant of calls."""
    return f"dialpad:number:{opaque_id(number)}"


def generate(seed: int = 7, scale: Scale = DEMO) -> Company:
    """The company of a seed: the same bytes every time."""
    rng = random.Random(seed)
    numbers: set[str] = set()
    truth = Truth()
    reps = make_reps(rng, scale, numbers)
    own_number = phone(rng, OWN_AREA, numbers)
    accounts = make_accounts(rng, scale, numbers)
    people = make_people(rng, scale, accounts, numbers)
    registrar = Registrar(rng, truth, reps)
    tables = {
        "salesforce/User.csv": registrar.users(),
        "salesforce/Account.csv": registrar.salesforce_accounts(accounts),
        "salesforce/Contact.csv": registrar.salesforce_contacts(people),
        "salesforce/Lead.csv": registrar.leads(people),
        "salesforce/Opportunity.csv": registrar.opportunities(accounts),
        "salesforce/Task.csv": registrar.activities(people, "Task"),
        "salesforce/Event.csv": registrar.activities(people, "Event"),
        "hubspot/companies.csv": registrar.companies(accounts),
        "hubspot/contacts.csv": registrar.hubspot_contacts(people),
        "hubspot/deals.csv": registrar.deals(accounts),
    }
    mails = tuple(Postman(rng, scale, reps, people).mails(scale.mails))
    made = tuple(calls(rng, scale, reps, own_number, people))
    tables["dialpad/calls.csv"] = [call.row for call in made]
    _repeat(rng, tables, truth)
    _tell(truth, people, mails, made)
    truth.changes = sum(map(len, tables.values())) + sum(len(mail.holders) for mail in mails)
    return Company(seed, scale, reps, own_number, accounts, people, mails, made, tables, truth)


def _repeat(rng: random.Random, tables: dict[str, list[dict[str, str]]], truth: Truth) -> None:
    for name in ("salesforce/Contact.csv", "hubspot/contacts.csv"):
        rows = tables[name]
        again = rng.sample(rows, min(REPEATED_ROWS // 2, len(rows)))
        rows.extend(dict(row) for row in again)
        truth.duplicates += len(again)


def _tell(
    truth: Truth, people: tuple[TruePerson, ...], mails: tuple[Mail, ...], made: tuple[Call, ...]
) -> None:
    for person in people:
        for address in person.emails:
            truth.records[address_key(address)] = person.id
    for mail in mails:
        if mail.external:
            keys = [address_key(one) for one in mail.external]
            truth.mails.update({f"{gmail_id:x}": keys for gmail_id in mail.gmail_ids})
    for call in made:
        if call.number:
            key = number_key(call.number)
            truth.records[key] = call.owner
            truth.calls[call.row["call_id"]] = key
