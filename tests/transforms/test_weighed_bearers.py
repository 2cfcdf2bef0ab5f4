"""A private mailbox is the one person's who is known by its owner's name, and nobody's of two."""

from collections.abc import Iterable
from itertools import permutations

import pytest
from identity_world import SETTINGS, Ticks, record

from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.weighed.bearers import SOLE_BEARER
from transforms.identity.weighed.evidence import weighing
from transforms.identity.weighed.explain import BEARERS, why
from transforms.identity.weighed.resolver import Resolver

CONTACT = record(
    "salesforce:contact:1",
    given_name="Matthew",
    family_name="Olszewski",
    emails=("m.olszewski@thistle.com",),
    phones=("+12125550111",),
)
TWIN = record(
    "hubspot:contact:2",
    given_name="Matt",
    family_name="Olszewski",
    phones=("+12125550111",),
)
NAMESAKE = record(
    "hubspot:contact:3",
    given_name="Matthew",
    family_name="Olszewski",
    emails=("mo@birch.io",),
    phones=("+14155550199",),
)


def sighting(mail: str, name: str = "Matthew Olszewski") -> IdentityRecord:
    return record(f"gmail:address:{mail}", emails=(mail,), full_name=name)


PRIVATE = sighting("matthew74@gmail.com")


def engine_of(*records: IdentityRecord) -> Engine:
    engine = Engine(SETTINGS, Ticks(), weighing(SETTINGS))
    for one in records:
        engine.add((one,))
    return engine


def resolver_of(*records: IdentityRecord) -> Resolver:
    resolver = Resolver(settings=SETTINGS)
    for one in records:
        resolver.receive(one)
    return resolver


def are_one(records: Iterable[IdentityRecord], *keys: str) -> bool:
    """Whether they are one entity, on which both engines agree."""
    records = list(records)
    links = {key: link.entity_id for key, link in engine_of(*records).links().items()}
    assert links == {key: one.entity_id for key, one in resolver_of(*records).placed().items()}
    return len({links[key] for key in keys}) == 1


@pytest.mark.parametrize("name", ["Matthew Olszewski", "Olszewski, Matthew", "Matt Olszewski"])
def test_it_is_the_one_known_person_s(name: str) -> None:
    private = sighting("matthew74@gmail.com", name)
    assert are_one((CONTACT, private), CONTACT.record_key, private.record_key)
    link = engine_of(CONTACT, private).links()[private.record_key]
    assert link.method == "name"
    assert 0.5 < link.confidence < 0.99


def test_a_person_in_two_systems_bears_a_name_once() -> None:
    some = (CONTACT, TWIN, PRIVATE)
    assert are_one(some, CONTACT.record_key, TWIN.record_key, PRIVATE.record_key)


def test_of_two_namesakes_it_is_neither_s_in_any_order() -> None:
    for order in permutations((CONTACT, NAMESAKE, PRIVATE)):
        assert not are_one(order, CONTACT.record_key, PRIVATE.record_key)
        assert not are_one(order, NAMESAKE.record_key, PRIVATE.record_key)


def test_it_is_the_other_s_again_once_a_namesake_is_deleted() -> None:
    gone = record(NAMESAKE.record_key, 2, deleted=True)
    for order in permutations((CONTACT, NAMESAKE, PRIVATE, gone)):
        assert are_one(order, CONTACT.record_key, PRIVATE.record_key)


@pytest.mark.parametrize(
    "stranger",
    [
        sighting("matthew.olszewski@other.com"),
        sighting("matthew@gmail.com", "Matthew"),
        sighting("m@gmail.com", "M. Olszewski"),
        sighting("info@gmail.com"),
        sighting("matthew74@gmail.com", "Matthew Olszewski Jr"),
        sighting("matthew74@gmail.com", "Martha Olszewski"),
    ],
    ids=["company", "given name alone", "initial", "function", "junior", "another name"],
)
def test_it_takes_a_mail_provider_s_mailbox_and_the_whole_name(stranger: IdentityRecord) -> None:
    assert not are_one((CONTACT, stranger), CONTACT.record_key, stranger.record_key)


def test_a_name_that_many_have_says_nothing_and_speaks_again_when_they_are_fewer() -> None:
    def limit(key: str) -> int:
        return 3 if key.removeprefix("~").startswith("n:") else 60

    engine = Engine(SETTINGS, Ticks(), weighing(SETTINGS), limit)
    resolver = Resolver(settings=SETTINGS, limit=limit)
    others = [sighting(f"m{n}@thistle{n}.com") for n in range(2)]
    gone = record(others[0].record_key, 2, deleted=True)
    joined = []
    for one in (CONTACT, PRIVATE, *others, gone):
        engine.add((one,))
        resolver.receive(one)
        placed = {key: placed.entity_id for key, placed in resolver.placed().items()}
        assert placed == {key: link.entity_id for key, link in engine.links().items()}
        joined.append(placed[CONTACT.record_key] == placed.get(PRIVATE.record_key))
    assert joined == [False, True, True, False, True]


def test_of_two_namesakes_somebody_is_asked_which_it_is() -> None:
    asked = resolver_of(CONTACT, NAMESAKE, PRIVATE).candidates()
    assert [(pair.left, pair.right, pair.bits) for pair in asked] == [
        (PRIVATE.record_key, NAMESAKE.record_key, SOLE_BEARER),
        (PRIVATE.record_key, CONTACT.record_key, SOLE_BEARER),
    ]
    assert resolver_of(CONTACT, PRIVATE).candidates() == []


def test_explain_tells_whose_a_private_mailbox_is_and_why_it_is_nobody_s() -> None:
    said = why(resolver_of(CONTACT, PRIVATE), PRIVATE.record_key)
    assert f"  {CONTACT.record_key}: +4.0 bits, p 0.9412 ({BEARERS['sole']}); keys: n:" in said
    said = why(resolver_of(CONTACT, NAMESAKE, PRIVATE), PRIVATE.record_key)
    assert "confidence 1.0000; 1 records" in said
    assert f"({BEARERS['several']})" in said


def test_explain_tells_that_an_office_s_mailbox_says_nothing_of_who_writes() -> None:
    office = {"emails": ("adler-bright@thistle.com",)}
    mary = record("hubspot:contact:4", given_name="Mary", family_name="Adler", **office)
    john = record("hubspot:contact:5", given_name="John", family_name="Bright", **office)
    seen = record("gmail:address:office", full_name="Front desk", **office)
    said = why(resolver_of(mary, john, seen), seen.record_key)
    assert "1 records" in said
    assert "their mailbox is no one person's and says nothing of the two" in said
    candidates = resolver_of(mary, john, seen).candidates()
    assert {pair.right for pair in candidates} == {mary.record_key, john.record_key}
