"""Ids and numbers in the forms of the vendors."""

import random

SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "EmailMessage": "02s",
}


def salesforce_id(kind: str, number: int) -> str:
    """An 18-character id: 15 characters and the checksum of their upper-case letters."""
    digits = ""
    for _ in range(9):
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    short = f"{PREFIXES[kind]}5w0{digits}"
    suffix = ""
    for start in (0, 5, 10):
        flags = sum(1 << i for i in range(5) if short[start + i].isupper())
        suffix += SUFFIX[flags]
    return short + suffix


def phone(rng: random.Random, area: str, taken: set[str]) -> str:
    """A North American number, E.164, that no one has yet and that is no 555 or N11 one."""
    while True:
        exchange = rng.randint(220, 989)
        if exchange % 100 == 11 or exchange in (555, 950, 958, 959):
            continue
        number = f"+1{area}{exchange}{rng.randint(0, 9999):04d}"
        if len(set(number[-7:])) > 2 and number not in taken:
            taken.add(number)
            return number


def written(rng: random.Random, e164: str) -> str:
    """A number as people write it."""
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    forms = (
        e164,
        f"({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}",
        f"1-{area}-{exchange}-{line}",
        f"{area}{exchange}{line}",
    )
    return rng.choice(forms)
