"""Each rule holds two records apart where it is on, and does not where it is off."""

import msgspec
import pytest

from schemas.identity import IdentityRecord
from transforms.identity.weighed.judging import EVERY_RULE, Rules
from transforms.identity.weighed.messages import Ruling
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import SHIPPED

HOME = {"street": "12 Main Street", "city": "Oslo", "postal_code": "0150"}
SHARED_LINE = ("+12127360001",)


def person(number: int, **fields: object) -> IdentityRecord:
    return IdentityRecord(
        record_key=f"salesforce:contact:{number}",
        kind="person",
        stamp=1,
        fetched=1,
        digest="",
        **fields,
    )


def are_one(*records: IdentityRecord, rules: Rules = EVERY_RULE) -> bool:
    resolver = Resolver(SHIPPED, rules)
    for record in records:
        resolver.receive(record)
    return len({placed.entity_id for placed in resolver.placed().values()}) == 1


HELD_APART = {
    "person_evidence": (
        person(1, given_name="Mark", family_name="Lee", phones=SHARED_LINE, **HOME),
        person(2, given_name="Mary", family_name="Lee", phones=SHARED_LINE, **HOME),
    ),
    "shared_mailbox": (
        person(
            1, given_name="Paul", family_name="Lee", emails=("lee@fam.net",), phones=SHARED_LINE
        ),
        person(
            2, given_name="Ruth", family_name="Lee", emails=("lee@fam.net",), phones=SHARED_LINE
        ),
    ),
    "siblings": (
        person(1, given_name="Anna", family_name="Lee", birth_date="1990-04-05", **HOME),
        person(2, given_name="Lena", family_name="Lee", birth_date="1990-04-05", **HOME),
    ),
    "office": (
        person(
            1,
            given_name="Robert",
            family_name="Okafor",
            organisation="Harbor Tools",
            phones=SHARED_LINE,
        ),
        person(
            2,
            given_name="Robert",
            family_name="Miller",
            organisation="Harbor Tools Ltd",
            phones=SHARED_LINE,
        ),
    ),
    "generation": (
        person(1, given_name="John", family_name="Lee Sr", phones=SHARED_LINE, **HOME),
        person(2, given_name="John", family_name="Lee Jr", phones=SHARED_LINE, **HOME),
    ),
    "exclusive_ids": (
        person(1, given_name="John", family_name="Lee", identifiers=("tax:123456789",), **HOME),
        person(2, given_name="John", family_name="Lee", identifiers=("tax:987001122",), **HOME),
    ),
    "role_mailbox": (
        person(1, family_name="Lee", emails=("info@acme.com",)),
        person(2, family_name="Lee", emails=("info@acme.com",)),
    ),
    "two_sides": (
        person(1, given_name="John", family_name="Lee", phones=SHARED_LINE, internal=True, **HOME),
        person(2, given_name="John", family_name="Lee", phones=SHARED_LINE, **HOME),
    ),
}


@pytest.mark.parametrize("rule", HELD_APART)
def test_a_rule_holds_two_people_apart(rule: str) -> None:
    assert not are_one(*HELD_APART[rule])


@pytest.mark.parametrize("rule", HELD_APART)
def test_without_the_rule_they_would_be_one(rule: str) -> None:
    others = {"shared_mailbox": {"person_evidence": False}}.get(rule, {})
    without = msgspec.structs.replace(EVERY_RULE, **{rule: False}, **others)
    assert are_one(*HELD_APART[rule], rules=without)


def test_every_rule_is_tested() -> None:
    assert set(HELD_APART) == set(Rules.__struct_fields__)


def test_nicknames_spellings_and_crossed_names_are_one_person() -> None:
    assert are_one(
        person(1, given_name="Robert", family_name="Okafor", phones=SHARED_LINE, **HOME),
        person(2, given_name="Bob", family_name="Okafro", phones=SHARED_LINE, **HOME),
        person(3, given_name="Okafor", family_name="Robert", phones=SHARED_LINE, **HOME),
    )


def test_a_name_whose_letters_were_mixed_up_is_no_other_name() -> None:
    assert are_one(
        person(1, given_name="Mark", family_name="Okafor", phones=SHARED_LINE, **HOME),
        person(2, given_name="Kram", family_name="Okafor", phones=SHARED_LINE, **HOME),
    )


def test_a_persons_own_mailbox_joins_a_record_without_a_name() -> None:
    assert are_one(
        person(1, given_name="Ann", family_name="Lee", emails=("ann.lee@acme.com",)),
        person(2, emails=("Ann.Lee+news@acme.com",)),
    )


def test_the_last_ten_digits_of_two_countries_are_two_numbers() -> None:
    assert not are_one(
        person(1, family_name="Lee", phones=("+12127360001",)),
        person(2, family_name="Lee", phones=("+522127360001",)),
    )


COLLEAGUES = {
    "one letter": ("Ann Lee ann.lee", "Jan Lee jan.lee"),
    "an initial": ("Robert Okafor r.okafor", "Rebecca Okafor r.okafor2"),
    "the family name": ("Luca Li luca.li", "Luca Yilmaz luca.yilmaz"),
}


@pytest.mark.parametrize("pair", COLLEAGUES.values(), ids=COLLEAGUES.keys())
def test_mailboxes_that_are_alike_as_names_are_join_no_colleagues(pair: tuple[str, str]) -> None:
    work = {"organisation": "Harbor Tools", "phones": SHARED_LINE, **HOME}
    two = [
        person(
            n,
            given_name=given,
            family_name=family,
            emails=(f"{local}@harbortools.com",),
            **work,
        )
        for n, (given, family, local) in enumerate(map(str.split, pair))
    ]
    assert not are_one(*two)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Eric", "Erica"), ("Paul", "Paula"), ("Daniel", "Danielle"), ("Jon", "Joan")],
)
def test_known_names_are_two_however_alike(one: str, other: str) -> None:
    assert not are_one(
        person(1, given_name=one, family_name="Lee", phones=SHARED_LINE, **HOME),
        person(2, given_name=other, family_name="Lee", phones=SHARED_LINE, **HOME),
    )


@pytest.mark.parametrize(
    ("one", "other"), [("Brian", "Bryan"), ("Ana", "Anna"), ("Carl", "Karl"), ("Sofia", "Sophia")]
)
def test_spellings_of_one_name_are_one(one: str, other: str) -> None:
    assert are_one(
        person(1, given_name=one, family_name="Lee", phones=SHARED_LINE, **HOME),
        person(2, given_name=other, family_name="Lee", phones=SHARED_LINE, **HOME),
    )


def test_branches_in_one_street_are_branches() -> None:
    def branch(number: int, street: str, phone: str) -> IdentityRecord:
        return IdentityRecord(
            record_key=f"salesforce:account:{number}",
            kind="account",
            stamp=1,
            fetched=1,
            digest="",
            organisation="Pizza Palace",
            street=street,
            city="Boston",
            postal_code="02101",
            phones=(phone,),
        )

    one = branch(1, "59 Mill Street", "+16172911059")
    assert not are_one(one, branch(2, "776 Mill Street", "+16175488841"))
    assert are_one(one, branch(2, "59 Mill St", "+16175488841"))


def test_a_switchboard_without_a_company_joins_no_namesakes() -> None:
    families = ("Okafor", "Miller", "Tanaka", "Lee")
    crowd = [
        person(n, given_name="Robert", family_name=family, phones=SHARED_LINE)
        for n, family in enumerate(families)
    ]
    resolver = Resolver()
    for record in crowd:
        resolver.receive(record)
    assert resolver.components.entities() == len(families)
    slip = person(9, given_name="Robert", family_name="Tinaka", phones=SHARED_LINE)
    assert are_one(crowd[2], slip)


def test_what_a_rule_holds_apart_no_third_record_joins() -> None:
    shared = {"phones": SHARED_LINE, "emails": ("john@lees.net",), **HOME}
    records = [
        person(1, given_name="John", family_name="Lee Sr", **shared),
        person(2, given_name="John", family_name="Lee", **shared),
        person(3, given_name="John", family_name="Lee Jr", **HOME),
        person(4, given_name="John", family_name="Lee Jr", birth_date="1990-01-02", **shared),
    ]
    for order in (records, records[::-1], [*records[2:], *records[:2]]):
        resolver = Resolver()
        for record in order:
            resolver.receive(record)
        entity = {key[-1]: one.entity_id for key, one in resolver.placed().items()}
        assert entity["1"] != entity["4"]
        assert entity["3"] != entity["1"]
        assert entity["2"] in (entity["1"], entity["4"])


def test_a_persons_word_goes_before_every_rule() -> None:
    shared = {"phones": SHARED_LINE, "emails": ("john@lees.net",), **HOME}
    elder = [person(n, given_name="John", family_name="Lee Sr", **shared) for n in (1, 2)]
    junior = person(3, given_name="John", family_name="Lee Jr", **shared)
    resolver = Resolver()
    for record in (*elder, junior):
        resolver.receive(record)
    assert resolver.components.entities() == 2
    keys = [f"salesforce:contact:{n}" for n in (1, 2, 3)]
    resolver.rule(Ruling(keys[0], other, "same", (1, 0, "")) for other in keys[1:])
    assert resolver.components.entities() == 1


def test_a_couple_of_names_that_nobody_listed_shares_a_mailbox() -> None:
    one = person(1, given_name="Ayumi", family_name="Tanaka", emails=("tanakas@fam.net",), **HOME)
    other = person(2, given_name="Kenji", family_name="Tanaka", emails=("tanakas@fam.net",), **HOME)
    assert not are_one(one, other)
    slip = msgspec.structs.replace(other, given_name="Ayuni")
    assert are_one(one, slip)


def test_a_new_family_name_is_no_new_person_where_the_mailbox_is_one() -> None:
    known = {"organisation": "Harbor Tools", "phones": SHARED_LINE, "emails": ("elena@ht.com",)}
    assert are_one(
        person(1, given_name="Elena", family_name="Marsh", **known),
        person(2, given_name="Elena", family_name="Okafor", **known),
    )


def test_what_people_rule_counts_above_all_evidence_and_can_be_withdrawn() -> None:
    alike = [
        person(n, given_name="Ann", family_name="Lee", phones=SHARED_LINE, **HOME) for n in (1, 2)
    ]
    stranger = person(3, given_name="Otto", family_name="Berg", phones=("+4722000000",))
    resolver = Resolver()
    for record in (*alike, stranger):
        resolver.receive(record)

    def entities() -> list[str]:
        placed = resolver.placed()
        return [placed[f"salesforce:contact:{n}"].entity_id for n in (1, 2, 3)]

    def ruled(left: int, right: int, verdict: str, at: int) -> list[str]:
        keys = (f"salesforce:contact:{left}", f"salesforce:contact:{right}")
        resolver.rule([Ruling(*keys, verdict, (at, 0, ""))])
        return entities()

    before = entities()
    assert before[0] == before[1] != before[2]
    apart = ruled(1, 2, "different", 1)
    assert len(set(apart)) == 3
    joined = ruled(2, 3, "same", 2)
    assert joined[1] == joined[2] != joined[0]
    assert ruled(1, 2, "withdrawn", 3)[0:1] == before[0:1]
    ruled(2, 3, "withdrawn", 4)
    assert entities() == before


def test_a_crowd_at_one_mailbox_and_one_number_stays_a_crowd() -> None:
    names = ("Ann", "Bob", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas")
    crowd = [
        person(
            n,
            given_name=names[n % 10],
            family_name=f"{names[n // 10]}son",
            emails=("desk@hub.com",),
            phones=SHARED_LINE,
        )
        for n in range(100)
    ]
    resolver = Resolver()
    for record in crowd:
        resolver.receive(record)
    assert resolver.components.entities() == 100
    assert {"e:desk@hub.com", "t:2127360001"} <= set(resolver.blocks.hot_keys())


def test_an_entity_keeps_its_id_when_a_stranger_of_lower_rank_joins() -> None:
    resolver = Resolver()
    resolver.receive(person(1, given_name="Ann", family_name="Lee", emails=("ann@acme.com",)))
    before = resolver.placed()["salesforce:contact:1"].entity_id
    sighting = IdentityRecord(
        record_key="gmail:address:00",
        kind="person",
        stamp=2,
        fetched=2,
        digest="",
        full_name="Support Team",
        emails=("ann@acme.com",),
    )
    resolver.receive(sighting)
    assert {placed.entity_id for placed in resolver.placed().values()} == {before}


def test_the_id_of_an_entity_that_went_into_another_leads_to_it_whatever_came_first() -> None:
    lee = {"given_name": "Ann", "family_name": "Lee", "emails": ("ann@acme.com",)}
    records = [person(1, **lee), person(2, **lee), person(3, given_name="Otto")]
    alone = [Resolver() for _ in records]
    for resolver, record in zip(alone, records, strict=True):
        resolver.receive(record)
    ids = [next(iter(resolver.placed().values())).entity_id for resolver in alone]
    for order in (records, records[::-1]):
        together = Resolver()
        for record in order:
            together.receive(record)
        assert together.aliases() == {ids[1]: ids[0]}


def test_what_speaks_for_one_person_and_is_held_apart_is_a_candidate_for_review() -> None:
    alike = [person(n, given_name="Ann", family_name="Lee", phones=SHARED_LINE) for n in (1, 2)]
    resolver = Resolver()
    for record in alike:
        resolver.receive(record)
    assert resolver.candidates() == []
    keys = ("salesforce:contact:1", "salesforce:contact:2")
    resolver.rule([Ruling(*keys, "different", (1, 0, ""))])
    (found,) = resolver.candidates()
    assert (found.left, found.right) == keys
    assert found.bits > 0
    assert 0.5 < found.confidence <= 1


@pytest.mark.parametrize(
    ("one", "other"), [("José", "Pepe"), ("Johannes", "Hans"), ("Dmitri", "Dima"), ("Ada", "Ada B")]
)
def test_everyday_forms_of_other_languages_are_known(one: str, other: str) -> None:
    assert are_one(
        person(1, given_name=one, family_name="Lee", phones=SHARED_LINE, **HOME),
        person(2, given_name=other, family_name="Lee", phones=SHARED_LINE, **HOME),
    )
