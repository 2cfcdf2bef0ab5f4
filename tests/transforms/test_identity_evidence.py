"""What joins records and what must not: the person-evidence rule, switchboards, hubs, CRM ids."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_world import MATCHINGS, SETTINGS, Ticks, record

from schemas.identity import IdentityRecord
from transforms.identity import engine as engines
from transforms.identity.engine import Engine
from transforms.identity.partition import Matching

PHONE = "+12127360001"
Groups = Callable[..., list[list[str]]]


@pytest.fixture(autouse=True, params=MATCHINGS, scope="module")
def matching(request: pytest.FixtureRequest) -> Iterator[Matching]:
    """Whatever else records are joined by, these rules hold."""
    chosen = MATCHINGS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "exact", lambda settings: chosen)
        yield chosen


def groups(*records: IdentityRecord) -> list[list[str]]:
    """The entities' records, each by the numbers that end their keys."""
    engine = Engine(SETTINGS, Ticks())
    engine.add(records)
    found: dict[str, list[str]] = {}
    for key, link in engine.links().items():
        found.setdefault(link.entity_id, []).append(key.rpartition(":")[2])
    return sorted(sorted(keys) for keys in found.values())


def contact(number: int, **fields: object) -> IdentityRecord:
    return record(f"hubspot:contact:{number}", **fields)


def test_the_same_mailbox_in_two_spellings_is_one_person() -> None:
    one = contact(1, emails=("ann.lee+news@gmail.com",))
    assert groups(one, contact(2, emails=("annlee@gmail.com",))) == [["1", "2"]]


def test_a_role_mailbox_joins_nobody() -> None:
    both = {"emails": ("info@acme.com",)}
    assert groups(contact(1, **both), contact(2, **both)) == [["1"], ["2"]]


def test_a_shared_record_joins_nobody() -> None:
    one = contact(1, emails=("desk@acme.com",), shared=True)
    assert groups(one, contact(2, emails=("desk@acme.com",))) == [["1"], ["2"]]


def test_a_mailbox_of_two_people_with_conflicting_names_belongs_to_neither() -> None:
    mailbox = ("family@lee.org",)
    ann = contact(1, emails=mailbox, given_name="Ann", family_name="Lee")
    bob = contact(2, emails=mailbox, given_name="Bob", family_name="Lee")
    nameless = record("gmail:address:3", emails=mailbox)
    assert groups(ann, bob, nameless) == [["1"], ["2"], ["3"]]
    named = record("gmail:address:3", emails=mailbox, full_name="Bob Lee")
    assert groups(ann, bob, named) == [["1"], ["2", "3"]]


def test_a_changed_family_name_does_not_split_a_mailbox() -> None:
    mailbox = ("ann@acme.com",)
    one = contact(1, emails=mailbox, given_name="Ann", family_name="Lee")
    two = contact(2, emails=mailbox, given_name="Anne", family_name="Okafor")
    assert groups(one, two) == [["1", "2"]]


def test_a_number_joins_names_that_agree_and_never_names_that_conflict() -> None:
    robert = contact(1, phones=(PHONE,), given_name="Robert", family_name="Ray")
    bob = contact(2, phones=(PHONE,), given_name="Bob", family_name="Ray")
    mary = contact(3, phones=(PHONE,), given_name="Mary", family_name="Ray")
    assert groups(robert, bob) == [["1", "2"]]
    assert groups(robert, mary) == [["1"], ["3"]]
    assert groups(robert, bob, mary) == [["1", "2"], ["3"]]


def test_a_call_goes_to_the_one_person_who_has_the_number() -> None:
    call = record("dialpad:number:9", phones=(PHONE,))
    robert = contact(1, phones=(PHONE,), given_name="Robert", family_name="Ray")
    assert groups(call, robert) == [["1", "9"]]


def test_a_call_from_a_switchboard_goes_to_nobody_but_the_account() -> None:
    call = record("dialpad:number:9", phones=(PHONE,))
    account = record("salesforce:account:5", phones=(PHONE,), organisation="Acme")
    robert = contact(1, phones=(PHONE,), given_name="Robert", accounts=("salesforce:account:5",))
    mary = contact(2, phones=(PHONE,), given_name="Mary", accounts=("salesforce:account:5",))
    assert groups(call, robert, mary) == [["1"], ["2"], ["9"]]
    assert groups(call, account, robert) == [["1"], ["5"], ["9"]]
    for world in ([account, call], [call, robert, mary, account]):
        engine = Engine(SETTINGS, Ticks())
        engine.add(world)
        links, entities = engine.links(), engine.entities()
        called = entities[links["dialpad:number:9"].entity_id]
        assert called.account_entity_id == links["salesforce:account:5"].entity_id


def test_a_switchboard_of_people_in_two_accounts_resolves_to_none() -> None:
    engine = Engine(SETTINGS, Ticks())
    people = [
        contact(n, phones=(PHONE,), given_name=name, accounts=(f"salesforce:account:{n}",))
        for n, name in ((1, "Robert"), (2, "Mary"))
    ]
    accounts = [record(f"salesforce:account:{n}", organisation=f"A{n}") for n in (1, 2)]
    engine.add([*people, *accounts, record("dialpad:number:9", phones=(PHONE,))])
    called = engine.entities()[engine.links()["dialpad:number:9"].entity_id]
    assert called.account_entity_id is None


@pytest.mark.parametrize("phone", ["+12125550000", "+18005551234"])
def test_our_own_numbers_and_toll_free_ones_are_no_evidence(phone: str) -> None:
    one, two = (contact(n, phones=(phone,), given_name="Ann", family_name="Lee") for n in (1, 2))
    assert groups(one, two) == [["1"], ["2"]]


def test_generations_hold_father_and_son_apart() -> None:
    both = {"emails": ("john@smith.org",), "given_name": "John"}
    father, son = (
        contact(1, family_name="Smith Sr.", **both),
        contact(2, family_name="Smith Jr.", **both),
    )
    assert groups(father, son) == [["1"], ["2"]]


def test_what_a_source_says_is_one_is_one_whatever_the_names() -> None:
    lead = record("salesforce:lead:1", given_name="Mary", same_as=("salesforce:contact:2",))
    assert groups(lead, record("salesforce:contact:2", given_name="Carla")) == [["1", "2"]]


def test_who_refers_to_a_merged_record_is_joined_to_its_successor() -> None:
    claim = contact(1, same_as=("salesforce:contact:2",))
    gone = record("salesforce:contact:2", 2, deleted=True, successor="salesforce:contact:3")
    lives = record("salesforce:contact:3", given_name="Ann")
    assert groups(claim, gone, lives) == [["1", "3"]]
    short = record("salesforce:contact:2", 2, deleted=True, successor="3")
    assert groups(claim, short, lives) == [["1", "3"]]


def test_people_follow_a_merged_account() -> None:
    engine = Engine(SETTINGS, Ticks())
    engine.add(
        [
            contact(1, accounts=("salesforce:account:2",)),
            record("salesforce:account:2", 2, deleted=True, successor="salesforce:account:3"),
            record("salesforce:account:3", organisation="Acme"),
        ]
    )
    links = engine.links()
    person = engine.entities()[links["hubspot:contact:1"].entity_id]
    assert person.account_entity_id == links["salesforce:account:3"].entity_id


def test_accounts_are_joined_by_domain_but_not_by_a_host_of_strangers_pages() -> None:
    def accounts(domain: str) -> list[list[str]]:
        return groups(
            record("salesforce:account:1", domains=(domain,)),
            record("hubspot:company:2", domains=(domain,)),
        )

    assert accounts("acme.com") == [["1", "2"]]
    assert accounts("facebook.com") == [["1"], ["2"]]
    assert accounts("gmail.com") == [["1"], ["2"]]


def test_a_hub_never_glues_strangers_and_speaks_again_when_it_shrinks() -> None:
    crowd = [contact(n, emails=("all@acme.com",)) for n in range(61)]
    engine = Engine(SETTINGS, Ticks())
    engine.add(crowd)
    assert len({link.entity_id for link in engine.links().values()}) == 61
    assert engine.hot_keys() == ["e:all@acme.com"]
    engine.add([contact(60, version=2, deleted=True)])
    assert len({link.entity_id for link in engine.links().values()}) == 1


names = st.text(max_size=12)
anyone = st.builds(
    record,
    st.sampled_from(["gmail:address:1", "hubspot:contact:1", "salesforce:account:1", "x"]),
    given_name=names,
    family_name=names,
    full_name=names,
    emails=st.tuples(st.text(max_size=20)),
    phones=st.tuples(st.text(max_size=20)),
    domains=st.tuples(st.text(max_size=20)),
    deleted=st.booleans(),
    successor=st.sampled_from(["", "1", "hubspot:contact:2"]),
)


@given(anyone, anyone)
def test_evidence_never_raises_whatever_the_fields_hold(
    matching: Matching, one: IdentityRecord, other: IdentityRecord
) -> None:
    evidence = matching.evidence
    a, b = evidence.signature(one), evidence.signature(other)
    evidence.digest(one)
    for key in evidence.keys(one):
        context = evidence.context(key, [a, b])
        assert evidence.bits(key, context, a, b) == evidence.bits(key, context, b, a)
        assert evidence.method(key)
