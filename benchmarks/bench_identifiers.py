"""Reading identifiers: median microseconds a value, one core.

Every value is met once, so that no cache answers for the parser; `known_…` is what a value costs
that was met before. `email_new_domain_us` has a domain of its own in every address too.
"""

import random

from benchmarks.timing import forget, median_us
from transforms.identifiers import email, phone

BARS = {
    "email_us": ("<=", 3.0),
    "email_new_domain_us": ("<=", 3.0),
    "phone_e164_us": ("<=", 5.0),
    "phone_american_us": ("<=", 5.0),
}

VALUES = 30_000
DOMAINS = 900
"""Customers are met again and again: as many domains as in the other benchmarks."""

_GIVEN = "ada bob carla dmitri elena farid grace hugo ines jonas kira luis mara nils".split()
_COUNTRIES = (("49", 151, 8), ("44", 7400, 6), ("33", 612, 6), ("31", 612, 6), ("34", 612, 6))
"""Country code, first digits of a mobile number, and how many digits follow."""


def addresses(count: int, domains: int) -> list[str]:
    """Distinct addresses in `domains` domains, one in ten with capitals."""
    rng = random.Random(11)
    found = []
    for number in range(count):
        local = f"{rng.choice(_GIVEN)}.{rng.choice(_GIVEN)}{number}"
        local = local.title() if number % 10 == 0 else local
        found.append(f"{local}@mail.customer{number % domains}.example")
    rng.shuffle(found)
    return found


def international(count: int) -> list[str]:
    """Distinct numbers of mobile phones in E.164."""
    rng = random.Random(12)
    found = []
    for number in rng.sample(range(1_000_000), count):
        code, first, digits = _COUNTRIES[number % len(_COUNTRIES)]
        found.append(f"+{code}{first}{number:0{digits}d}")
    return found


def american(count: int) -> list[str]:
    """Distinct numbers of the North American plan, in the forms in which they are typed."""
    rng = random.Random(13)
    forms = ("({}) {}-{}", "{}-{}-{}", "+1{}{}{}", "+1 {} {} {}", "{}.{}.{}", "1-{}-{}-{}")
    areas = (212, 303, 312, 404, 415, 512, 617, 702, 803, 919)
    found = []
    for number in rng.sample(range(5_000_000), count):
        area, rest = areas[number % 10], number // 10
        found.append(forms[rest % 6].format(area, 220 + rest // 10_000, f"{rest % 10_000:04d}"))
    return found


def run(quick: bool = False) -> dict[str, float]:
    """Microseconds a value."""
    count = VALUES // 10 if quick else VALUES
    kinds = (
        ("email", email.parse, addresses(count, DOMAINS)),
        ("email_new_domain", email.parse, addresses(count, count)),
        ("phone_e164", phone.parse, international(count)),
        ("phone_american", phone.parse, american(count)),
    )
    figures, known = {}, {}
    for name, parse, values in kinds:
        forget("transforms.identifiers")
        # What is made once a process (a country's plan, an area code) is not what is measured.
        for value in values[:200]:
            parse(value)
        figures[f"{name}_us"] = median_us(parse, values[200:])
        known[f"known_{name}_us"] = median_us(parse, values[200:])
    return figures | known


if __name__ == "__main__":
    print(run())
