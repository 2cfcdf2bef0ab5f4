"""Who there is: reps, accounts and the people at them."""

import random
import unicodedata

from sandbox.company.ids import phone, salesforce_id
from sandbox.company.words import (
    CITIES,
    FAMILY,
    FIRM_FIRST,
    FIRM_SECOND,
    GIVEN,
    LEGAL_FORMS,
    NICKNAMES,
    STREETS,
    TITLES,
)
from sandbox.company.world import OWN_DOMAIN, Rep, Scale, TrueAccount, TruePerson

FREEMAIL = ("gmail.com", "outlook.com", "yahoo.com")
OWN_AREA = "415"
IN_CRM = 0.9
IN_BOTH = 0.45
AS_LEAD = 0.12
CONVERTED = 0.5
SECOND_ADDRESS = 0.06
OWN_NUMBER = 0.72
FIRM_NAMES = len(FIRM_FIRST) * len(FIRM_SECOND)
"""When half of them are taken the others have a number as well, or a large company would look for a
free one without end."""


def plain(name: str) -> str:
    """A name as it stands in an address: ASCII letters, lower case."""
    folded = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("Ø", "O"))
    return "".join(c for c in folded if c.isascii() and c.isalpha()).lower()


def local_part(pattern: int, given: str, family: str) -> str:
    """The local part that a company's pattern makes of a name."""
    first, last = plain(given), plain(family)
    return (f"{first}.{last}", f"{first[0]}{last}", first, f"{first}_{last}", f"{last}{first[0]}")[
        pattern % 5
    ]


def make_reps(rng: random.Random, scale: Scale, numbers: set[str]) -> tuple[Rep, ...]:
    """Our own people who sell."""
    names = list(zip(rng.sample(GIVEN, scale.reps), rng.sample(FAMILY, scale.reps), strict=True))
    return tuple(
        Rep(
            id=f"rep-{place}",
            user_id=salesforce_id("User", 1_000 + place),
            given=given,
            family=family,
            email=f"{local_part(0, given, family)}@{OWN_DOMAIN}",
            number=phone(rng, OWN_AREA, numbers),
        )
        for place, (given, family) in enumerate(names)
    )


def make_accounts(rng: random.Random, scale: Scale, numbers: set[str]) -> tuple[TrueAccount, ...]:
    """Customers; every tenth has two domains, every twelfth is nearly the namesake of another."""
    accounts: list[TrueAccount] = []
    taken: set[str] = set()
    for place in range(scale.accounts):
        name = f"{rng.choice(FIRM_FIRST)} {rng.choice(FIRM_SECOND)}"
        if accounts and place % 12 == 11:
            name = accounts[-1].name.split()[0] + " " + rng.choice(FIRM_SECOND)
        while name in taken:
            name = f"{rng.choice(FIRM_FIRST)} {rng.choice(FIRM_SECOND)}"
            if len(taken) > FIRM_NAMES // 2:
                name += f" {place}"
        taken.add(name)
        slug = name.lower().replace(" ", "-" if place % 3 else "")
        domains: tuple[str, ...] = (f"{slug}.example",)
        if place % 10 == 3:
            domains += (f"{slug}-group.example",)
        city = rng.choice(CITIES)
        accounts.append(
            TrueAccount(
                id=f"account-{place}",
                name=name,
                legal_name=f"{name} {rng.choice(LEGAL_FORMS)}".strip(),
                domains=domains,
                switchboard=phone(rng, city[3], numbers),
                street=f"{rng.randint(1, 2_400)} {rng.choice(STREETS)}",
                city=city,
                pattern=rng.randrange(5),
                salesforce_id=salesforce_id("Account", 40_000 + place * 7),
                hubspot_id=str(9_100_000_000 + place * 31),
            )
        )
    return tuple(accounts)


def make_people(
    rng: random.Random, scale: Scale, accounts: tuple[TrueAccount, ...], numbers: set[str]
) -> tuple[TruePerson, ...]:
    """People: at an account, or strangers; some share a name, some an office number."""
    people: list[TruePerson] = []
    addresses: set[str] = set()
    while len(people) < scale.people:
        place = len(people)
        account = None if place % 14 == 13 else rng.choice(accounts)
        given, family = rng.choice(GIVEN), rng.choice(FAMILY)
        if place % 40 == 39:
            given, family = people[-5].given, people[-5].family
        domain = rng.choice(account.domains) if account else rng.choice(FREEMAIL)
        pattern = account.pattern if account else 0
        emails = [f"{local_part(pattern, given, family)}@{domain}"]
        if emails[0] in addresses:
            emails = [f"{plain(given)}.{plain(family)}{rng.randint(2, 99)}@{domain}"]
        if emails[0] in addresses:
            continue
        if rng.random() < SECOND_ADDRESS:
            emails.append(f"{plain(given)}{plain(family)}{rng.randint(70, 99)}@gmail.com")
        addresses.update(emails)
        area = account.city[3] if account else rng.choice(CITIES)[3]
        own = rng.random() < OWN_NUMBER or account is None
        crm: tuple[str, ...] = ()
        if account and rng.random() < IN_CRM:
            draw = rng.random()
            crm = ("salesforce", "hubspot") if draw < IN_BOTH else ("salesforce",)
            crm = ("hubspot",) if draw > 1 - (1 - IN_BOTH) / 3 else crm
        lead = bool(crm) and "salesforce" in crm and rng.random() < AS_LEAD
        converted = not lead or rng.random() < CONVERTED
        people.append(
            TruePerson(
                id=f"person-{place}",
                account=account,
                given=given,
                family=family,
                emails=tuple(emails),
                numbers=(phone(rng, area, numbers),) if own else (),
                title=rng.choice(TITLES),
                crm=crm,
                salesforce_id=salesforce_id("Contact", 70_000 + place * 13)
                if "salesforce" in crm and converted
                else "",
                lead_id=salesforce_id("Lead", 90_000 + place * 11) if lead else "",
                hubspot_id=str(301_000_000 + place * 17) if "hubspot" in crm else "",
            )
        )
    return tuple(people)


def nickname(given: str) -> str:
    """What friends call them, where there is such a name."""
    return NICKNAMES.get(given, given)


def misspelt(rng: random.Random, name: str) -> str:
    """A name with a slip of the finger in it."""
    if len(name) < 4:
        return name
    place = rng.randrange(1, len(name) - 2)
    if rng.random() < 0.5:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place + 1 :]
