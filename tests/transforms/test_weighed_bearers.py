"""A private mailbox is the one person's who is known by its owner's name, and nobody's of two."""

from itertools import permutations

import pytest
from identity_world import SETTINGS, Ticks, record

from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.weighed.evidence import weighing

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


def are_one(engine: Engine, *keys: str) -> bool:
    links = engine.links()
    return len({links[key].entity_id for key in keys}) == 1


@pytest.mark.parametrize("name", ["Matthew Olszewski", "Olszewski, Matthew", "Matt Olszewski"])
def test_it_is_the_one_known_person_s(name: str) -> None:
    private = sighting("matthew74@gmail.com", name)
    engine = engine_of(CONTACT, private)
    assert are_one(engine, CONTACT.record_key, private.record_key)
    link = engine.links()[private.record_key]
    assert link.method == "name"
    assert 0.5 < link.confidence < 0.99


def test_a_person_in_two_systems_bears_a_name_once() -> None:
    engine = engine_of(CONTACT, TWIN, PRIVATE)
    assert are_one(engine, CONTACT.record_key, TWIN.record_key, PRIVATE.record_key)


def test_of_two_namesakes_it_is_neither_s_in_any_order() -> None:
    for order in permutations((CONTACT, NAMESAKE, PRIVATE)):
        engine = engine_of(*order)
        assert not are_one(engine, CONTACT.record_key, PRIVATE.record_key)
        assert not are_one(engine, NAMESAKE.record_key, PRIVATE.record_key)


def test_it_is_the_other_s_again_once_a_namesake_is_deleted() -> None:
    gone = record(NAMESAKE.record_key, 2, deleted=True)
    engine = engine_of(CONTACT, NAMESAKE, PRIVATE, gone)
    assert are_one(engine, CONTACT.record_key, PRIVATE.record_key)


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
    engine = engine_of(CONTACT, stranger)
    assert not are_one(engine, CONTACT.record_key, stranger.record_key)
