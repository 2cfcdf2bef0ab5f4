"""The identity engine in one process, event by event; and how much a known record costs."""

import random
import time

import msgspec

from schemas.clock import wall_clock
from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.settings import Settings

RECORDS = 20_000
REPEATED = 0.3
"""Share of events that bring a record again: half of them the same, half with a new field."""

BARS = {
    # 500 changes a second bring about two records each; a quarter of a core may go into them.
    "events_per_s": (">=", 4_000.0),
}

_GIVEN = (
    "Ann Bob Carla Dmitri Elena Farid Grace Hugo Ines Jonas Kira Luis Mara Nils Olga Paul".split()
)
_FAMILY = "Adler Brandt Costa Duarte Eriksen Fischer Garcia Haddad Ivanov Jensen Kowalski".split()


def generate(count: int, seed: int = 7) -> list[IdentityRecord]:
    """People in two CRMs, their mail addresses and numbers, their accounts; some again."""
    rng = random.Random(seed)
    made: list[IdentityRecord] = []
    while len(made) < count:
        if made and rng.random() < REPEATED:
            made.append(_again(rng.choice(made), len(made), rng))
            continue
        made += _person(rng, len(made))
    return made[:count]


def _person(rng: random.Random, number: int) -> list[IdentityRecord]:
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    company = number % 2_000
    domain = f"company{company}.com"
    email = f"{given.lower()}.{family.lower()}{number}@{domain}"
    phone = f"+1212{number:07}"
    account = f"salesforce:account:{company}"
    names = {"given_name": given, "family_name": family}
    people = [
        _record(f"salesforce:contact:{number}", number, names, (email,), (phone,), (account,)),
        _record(f"hubspot:contact:{number}", number, names, (email,), (), ()),
        _record(f"gmail:address:{number}", number, {"full_name": given}, (email,), (), ()),
    ]
    if rng.random() < 0.3:
        people.append(_record(f"dialpad:number:{number}", number, {}, (), (phone,), ()))
    if rng.random() < 0.1:
        people.append(
            IdentityRecord(
                record_key=account,
                kind="account",
                stamp=number,
                fetched=number,
                digest="a",
                organisation=f"Company {company}",
                domains=(domain,),
            )
        )
    return people


def _record(
    key: str,
    number: int,
    names: dict[str, str],
    emails: tuple[str, ...],
    phones: tuple[str, ...],
    accounts: tuple[str, ...],
) -> IdentityRecord:
    return IdentityRecord(
        record_key=key,
        kind="person",
        stamp=number,
        fetched=number,
        digest="a",
        emails=emails,
        phones=phones,
        accounts=accounts,
        given_name=names.get("given_name", ""),
        family_name=names.get("family_name", ""),
        full_name=names.get("full_name", ""),
    )


def _again(record: IdentityRecord, stamp: int, rng: random.Random) -> IdentityRecord:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    fields.update(stamp=stamp, fetched=stamp)
    if rng.random() < 0.5:
        fields["city"] = f"City {stamp}"
    return IdentityRecord(**fields)


def run(quick: bool = False) -> dict[str, float]:
    """Events a second and percentiles, one event a call; what a newer version that says the same
    costs."""
    records = generate(RECORDS // 10 if quick else RECORDS)
    engine = Engine(Settings(), wall_clock)
    took = []
    started = time.perf_counter()
    for record in records:
        begun = time.perf_counter()
        engine.add((record,))
        took.append(time.perf_counter() - begun)
    elapsed = time.perf_counter() - started
    took.sort()
    newest = list({record.record_key: record for record in records}.values())
    newer = [msgspec.structs.replace(record, stamp=len(records) + 1) for record in newest]
    again = time.perf_counter()
    for record in newer:
        engine.add((record,))
    known = time.perf_counter() - again
    return {
        "events_per_s": len(records) / elapsed,
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
        "known_record_us": known / len(newer) * 1e6,
        "entities_count": float(len(engine.entities())),
    }
