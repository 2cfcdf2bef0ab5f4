"""Whom a mail or a call is with: colleagues, functions and machines are no customers, a main line
is nobody's, and what could be two people's goes to neither."""

from collections.abc import Iterator
from itertools import permutations

import pytest
from crm_changes import SETTINGS as OURS
from crm_changes import a_change, facts
from identity_world import MATCHINGS, Ticks, record
from mails import a_mail, a_message

from schemas.change import Change
from schemas.identity import IdentityRecord
from transforms.identity.engine import Engine
from transforms.identity.partition import Matching
from transforms.identity.weighed.resolver import Resolver

PHONE = "+12127360001"
OUR_PHONE = "+14152340111"
ANN = {"given_name": "Ann", "family_name": "Okafor"}
AT_ACME = {"accounts": ("salesforce:account:5",)}
ACME = record("salesforce:account:5", organisation="Acme", domains=("acme.com",), phones=(PHONE,))
COLLEAGUE = record(
    "salesforce:user:1", **ANN, emails=("ann.okafor@own.example",), phones=(PHONE,), internal=True
)
CALL = {
    "call_id": "100",
    "direction": "inbound",
    "external_number": PHONE,
    "internal_number": OUR_PHONE,
    "target": {"id": 9, "type": "user", "name": "Rex Roe"},
}


@pytest.fixture(params=MATCHINGS)
def matching(request: pytest.FixtureRequest) -> Iterator[Matching]:
    return MATCHINGS[request.param]


def sighting(mail: str, name: str = "", **fields: object) -> IdentityRecord:
    return record(f"gmail:address:{mail}", emails=(mail,), full_name=name, **fields)


def called(name: str = "") -> IdentityRecord:
    return record(f"dialpad:number:{PHONE}", phones=(PHONE,), full_name=name)


def contact(number: int, **fields: object) -> IdentityRecord:
    return record(f"hubspot:contact:{number}", **fields)


def engine_of(matching: Matching, *records: IdentityRecord) -> Engine:
    engine = Engine(OURS, Ticks(), matching)
    engine.add(records)
    return engine


def are_one(engine: Engine, *records: IdentityRecord) -> bool:
    links = engine.links()
    return len({links[one.record_key].entity_id for one in records}) == 1


def records_of(*changes: Change) -> list[IdentityRecord]:
    return [one for change in changes for one in facts(change)[1]]


def test_a_customer_of_a_mail_and_of_a_call_is_the_contact_who_has_the_address_and_the_number(
    matching: Matching,
) -> None:
    ann = contact(1, **ANN, emails=("ann@acme.com",), phones=(PHONE,))
    seen = records_of(
        a_message(a_mail("From: ann@acme.com")), a_change("dialpad.call", CALL, object_id="100")
    )
    external = [one for one in seen if not one.internal]
    assert [one.record_key.rpartition(":")[0] for one in external] == [
        "gmail:address",
        "dialpad:number",
    ]
    assert are_one(engine_of(matching, ann, *seen), ann, *external)


@pytest.mark.parametrize(
    "customer",
    [
        contact(1, **ANN, phones=(PHONE,)),
        contact(1, **ANN, emails=("ann.okafor@acme.com",), organisation="Acme"),
        sighting("ann.okafor@gmail.com", "Ann Okafor"),
        sighting("ann.okafor@acme.com", "Ann Okafor"),
    ],
    ids=["number", "name", "private mailbox", "company mailbox"],
)
def test_a_colleague_is_no_customer_of_the_same_name(
    matching: Matching, customer: IdentityRecord
) -> None:
    engine = engine_of(matching, COLLEAGUE, customer)
    assert not are_one(engine, COLLEAGUE, customer)
    assert not engine.entities()[engine.links()[customer.record_key].entity_id].is_internal


def test_a_colleague_s_own_telephone_and_second_mailbox_are_on_our_side(matching: Matching) -> None:
    private = "ann.okafor@gmail.com"
    known = record("hubspot:owner:2", **ANN, emails=(private,), internal=True)
    engine = engine_of(matching, COLLEAGUE, known, called(), sighting(private, "Ann Okafor"))
    assert are_one(engine, COLLEAGUE, called())
    assert are_one(engine, known, sighting(private))


@pytest.mark.parametrize(
    "headers",
    [
        ("From: Ann Okafor <info@acme.com>",),
        ("From: Ann Okafor <no-reply@acme.com>",),
        ("From: Ann Okafor <ann@acme.com>", "List-Unsubscribe: <https://acme.com/u>"),
    ],
    ids=["function", "machine", "bulk"],
)
def test_a_function_and_who_writes_to_thousands_is_no_customer(
    matching: Matching, headers: tuple[str, ...]
) -> None:
    sender = records_of(a_message(a_mail(*headers)))[0]
    ann = contact(1, **ANN, emails=sender.emails, **AT_ACME)
    engine = engine_of(matching, ACME, ann, sender)
    assert not are_one(engine, ann, sender)
    entity = engine.entities()[engine.links()[sender.record_key].entity_id]
    assert entity.is_shared
    assert entity.account_entity_id == engine.links()[ACME.record_key].entity_id


@pytest.mark.parametrize("name", ["", "Ann Okafor"])
def test_a_main_line_is_its_account_s_and_nobody_s_whatever_name_is_shown(
    matching: Matching, name: str
) -> None:
    ann = contact(1, **ANN, phones=(PHONE,), **AT_ACME)
    for order in permutations((ACME, ann, called(name))):
        engine = engine_of(matching, *order)
        assert not are_one(engine, ann, called())
        entity = engine.entities()[engine.links()[called().record_key].entity_id]
        assert entity.account_entity_id == engine.links()[ACME.record_key].entity_id


@pytest.mark.parametrize("name", ["", "Ann Okafor"])
def test_a_number_of_two_people_is_neither_s(matching: Matching, name: str) -> None:
    ann = contact(1, **ANN, phones=(PHONE,))
    bob = contact(2, given_name="Bob", family_name="Ray", phones=(PHONE,))
    for order in permutations((ann, bob, called(name))):
        engine = engine_of(matching, *order)
        assert len({link.entity_id for link in engine.links().values()}) == 3


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_leg_or_a_transfer_is_with_the_customer_of_its_call_and_one_between_us_with_nobody(
    direction: str,
) -> None:
    main = OURS.own_numbers[0]
    legs = (
        {"call_id": "101", "master_call_id": "100", "internal_number": main},
        {"call_id": "102", "entry_point_call_id": "100", "is_transferred": True},
        {"call_id": "103", "master_call_id": "100", "external_number": main},
    )
    found = [
        facts(a_change("dialpad.call", {**CALL, "direction": direction, **leg}, object_id="1"))
        for leg in ({}, *legs)
    ]
    calls, others = zip(*((rows[0], rows[1:]) for rows, _ in found), strict=True)
    assert len({call.interaction_id for call in calls}) == 1
    external = [[one.phone for one in parties if not one.is_internal] for parties in others]
    assert external == [[PHONE], [PHONE], [PHONE], []]
    assert [[one.phones for one in records] for _, records in found[:3]] == [[(PHONE,)]] * 3
    assert calls[3].direction == "internal"


def test_whose_it_could_be_are_asked_about(matching: Matching) -> None:
    """A nameless call from the number of two people, and a private mailbox of two namesakes."""
    ann, namesake = contact(1, **ANN, phones=(PHONE,)), contact(3, **ANN, emails=("a@birch.io",))
    bob = contact(2, given_name="Bob", family_name="Ray", phones=(PHONE,))
    private = sighting("ann.okafor@gmail.com", "Ann Okafor")
    for unclear, people in ((called(), (ann, bob)), (private, (ann, namesake))):
        engine = engine_of(matching, *people, unclear)
        assert not any(are_one(engine, unclear, one) for one in people)
        resolver = Resolver()
        resolver.rebuild((*people, unclear))
        asked = {frozenset((one.left, one.right)) for one in resolver.candidates()}
        assert asked == {frozenset((unclear.record_key, one.record_key)) for one in people}
