"""Why records are one and which may be: rows that are a function of what stands, and few."""

import random
from collections import Counter
from itertools import permutations

import msgspec
import pytest
from identity_world import (
    MATCHINGS,
    SETTINGS,
    Bag,
    Ticks,
    current,
    decisions,
    few,
    history,
    newest_pairs,
    record,
    seeds_of,
    told_by,
    told_of,
)

from schemas.columns import Row
from schemas.identity import IdentityRecord, PairCandidate, PairEvidence
from transforms.identity.bonds import bonds
from transforms.identity.engine import Engine
from transforms.identity.evidence import Limit
from transforms.identity.messages import Decision
from transforms.identity.partition import Matching
from transforms.identity.questions import MOST_QUESTIONS

HOME = {"phones": ("+12127360001",), "street": "12 Main Street", "postal_code": "10001"}
ANN = {"given_name": "Ann", "family_name": "Okafor"}
PRIVATE = record("gmail:address:7", emails=("ann.okafor@gmail.com",), full_name="Ann Okafor")
ACME = record("salesforce:contact:1", **ANN, emails=("ann.okafor@acme.com",))
BIRCH = record("hubspot:contact:2", **ANN, emails=("office@birch.io",))


@pytest.fixture(params=MATCHINGS)
def matching(request: pytest.FixtureRequest) -> Matching:
    return MATCHINGS[request.param]


class Written:
    """An engine and every row that it has written."""

    def __init__(self, matching: Matching, *, limit: Limit | None = None) -> None:
        self.engine = Engine(SETTINGS, Ticks(), matching, limit=limit)
        self.rows: list[Row] = []

    def add(self, *records: IdentityRecord) -> list[Row]:
        """Event by event; returns what these wrote."""
        before = len(self.rows)
        for one in records:
            self.rows += self.engine.add([one])
        return self.rows[before:]

    def decide(self, left: str, right: str, verdict: str, number: int = 1) -> None:
        self.rows += self.engine.decide([Decision(left, right, verdict, (1, number, number, ""))])

    @property
    def evidence(self) -> list[PairEvidence]:
        return newest_pairs(self.rows, PairEvidence)

    @property
    def candidates(self) -> list[PairCandidate]:
        return newest_pairs(self.rows, PairCandidate)

    def asked(self) -> dict[tuple[str, str], str]:
        return {(one.left_key, one.right_key): one.why for one in self.candidates}


def weighed(*records: IdentityRecord) -> Written:
    written = Written(MATCHINGS["weighing"])
    written.add(*records)
    return written


@pytest.mark.parametrize("seed", range(60))
def test_shuffled_repeated_delayed_and_rebuilt_says_the_same_of_every_pair(
    seed: int, matching: Matching
) -> None:
    versions = history(seed)
    decided = list(decisions(seed, sorted({one.record_key for one in versions})))
    straight = Written(matching, limit=few)
    straight.add(*current(versions))
    straight.rows += straight.engine.decide(decided)
    bag = Bag(random.Random(seed), matching, rebuilding=seed % 2 == 1)
    bag.put(*versions, *decided)
    bag.deliver()
    assert told_of(bag.rows) == told_of(straight.rows)
    assert bag.told() == told_of(bag.rows), "the state says what the tables do"


@pytest.mark.parametrize("seed", range(20))
def test_after_a_restart_nothing_is_said_anew_and_what_holds_no_more_is_taken_back(
    seed: int, matching: Matching
) -> None:
    versions = history(seed)
    first = Written(matching, limit=few)
    first.add(*versions[:-6])
    second = Engine(SETTINGS, Ticks(), matching, limit=few)
    assert second.seed(seeds_of(first.rows)) == []
    assert told_by(second.pairs) == told_of(first.rows)
    first.add(*versions[-6:])
    second.add(versions[-6:])
    assert told_by(second.pairs) == told_of(first.rows)


def test_a_pair_of_an_entity_that_a_broken_off_write_left_behind_is_taken_back() -> None:
    written = weighed(ACME, record("gmail:address:3", emails=ACME.emails))
    (pair,) = written.evidence
    stray = msgspec.structs.replace(pair, right_key="salesforce:contact:9", entity_id="p-gone")
    asked = PairCandidate(
        left_key=pair.left_key,
        right_key="salesforce:contact:9",
        kind="person",
        left_entity_id="p-gone",
        right_entity_id="p-other",
        probability=0.4,
        why="near",
        is_deleted=False,
        revision=1,
        resolved_at=1,
    )
    restarted = Engine(SETTINGS, Ticks(), MATCHINGS["weighing"])
    rows = restarted.seed(seeds_of([*written.rows, stray, asked]))
    assert [(type(row), row.right_key, row.is_deleted) for row in rows] == [
        (PairEvidence, "salesforce:contact:9", True),
        (PairCandidate, "salesforce:contact:9", True),
    ]


@pytest.mark.parametrize("seed", range(30))
def test_the_evidence_of_an_entity_holds_all_its_records_and_no_pair_is_too_many(
    seed: int, matching: Matching
) -> None:
    written = Written(matching, limit=few)
    written.add(*history(seed))
    members: dict[str, set[str]] = {}
    for key, link in written.engine.links().items():
        members.setdefault(link.entity_id, set()).add(key)
    held = Counter(pair.entity_id for pair in written.evidence)
    assert set(held) == {entity_id for entity_id, keys in members.items() if len(keys) > 1}
    for entity_id in held:
        pairs = [(p.left_key, p.right_key) for p in written.evidence if p.entity_id == entity_id]
        ends = {end for pair in pairs for end in pair}
        assert members[entity_id] <= ends
        assert len(pairs) == len(ends) - 1
        reached = {pairs[0][0]}
        for _ in pairs:
            reached |= {end for pair in pairs if reached & set(pair) for end in pair}
        assert reached == ends


def test_evidence_says_what_each_field_is_worth_and_nothing_of_what_it_holds() -> None:
    written = weighed(ACME, record("gmail:address:3", emails=ACME.emails, full_name="A. Okafor"))
    (pair,) = written.evidence
    fields = msgspec.json.decode(pair.fields)
    assert {"before", "family", "given"} < set(fields)
    assert pair.method == "email"
    assert 0.5 < pair.probability <= 1
    told = " ".join(map(repr, (*written.evidence, *written.candidates))).lower()
    assert "okafor" not in told
    assert "acme" not in told


def test_the_fields_of_every_pair_add_up_to_its_evidence(matching: Matching) -> None:
    for seed in range(20):
        written = Written(matching)
        written.add(*history(seed))
        for pair in written.evidence:
            fields = msgspec.json.decode(pair.fields)
            bits = sum(fields.values())
            assert (pair.method in ("crm_id", "decision")) == (fields == {})
            assert not fields or bits > 0
            if fields and pair.kind == "person":
                promised = 1 / (1 + 2**-bits)
                assert pair.probability == pytest.approx(promised, abs=0.01)


def test_a_decision_holds_a_pair_and_a_merged_record_lies_between_two() -> None:
    merged = record("salesforce:contact:5", deleted=True, successor="salesforce:contact:1")
    twin = record("hubspot:contact:8", given_name="Bo", same_as=("salesforce:contact:5",))
    written = weighed(ACME, merged, twin)
    ends = {(pair.left_key, pair.right_key) for pair in written.evidence}
    assert ends == {
        ("salesforce:contact:1", "salesforce:contact:5"),
        ("hubspot:contact:8", "salesforce:contact:5"),
    }
    written.decide("hubspot:contact:2", "salesforce:contact:1", "same")
    written.add(BIRCH)
    assert {pair.method for pair in written.evidence} == {"crm_id", "decision"}


def test_a_merged_record_that_leads_to_one_alone_is_not_named() -> None:
    merged = record("salesforce:contact:5", deleted=True, successor="salesforce:contact:1")
    written = weighed(ACME, merged, record("gmail:address:3", emails=ACME.emails))
    assert [(p.left_key, p.right_key) for p in written.evidence] == [
        ("gmail:address:3", "salesforce:contact:1")
    ]


def test_what_average_linkage_joins_without_an_edge_is_held_by_the_likeliest_pair() -> None:
    worth = {("a", "c"): 90, ("b", "c"): 300, ("a", "d"): -9}

    def judged(left: str, right: str) -> int | None:
        return worth.get((left, right))

    edges = {"a": [("b", 500, "e:")], "b": [("a", 500, "e:")]}
    found = bonds(["a", "b", "c"], edges, frozenset(), judged)
    assert [(one.left, one.right, one.bits) for one in found] == [("a", "b", 500), ("b", "c", 300)]


def test_a_private_mailbox_that_two_bear_is_asked_about_and_of_one_it_is_held() -> None:
    for order in permutations((ACME, BIRCH, PRIVATE)):
        written = weighed(*order)
        asked = written.asked()
        assert asked[PRIVATE.record_key, ACME.record_key] == "ambiguous"
        assert asked[PRIVATE.record_key, BIRCH.record_key] == "ambiguous"
        written.add(record(BIRCH.record_key, 2, deleted=True))
        assert written.asked() == {}
        assert [pair.method for pair in written.evidence] == ["name"]
        assert "sole_bearer" in msgspec.json.decode(written.evidence[0].fields)


def test_a_mailbox_of_a_household_is_asked_about_of_each_and_of_an_office_of_nobody(
    matching: Matching,
) -> None:
    home = {"emails": ("home@birch.io",)}
    ann, bob = record("salesforce:contact:1", **ANN, **home), record("salesforce:contact:2", **home)
    bob = msgspec.structs.replace(bob, given_name="Robert", family_name="Okafor")
    sighting = record("gmail:address:3", **home)
    written = Written(matching)
    written.add(ann, bob, sighting)
    asked = {pair for pair, why in written.asked().items() if why == "ambiguous"}
    assert asked == {("gmail:address:3", one.record_key) for one in (ann, bob)}
    crowd = [
        record(f"salesforce:contact:{n + 3}", given_name=name, family_name="Ray", **home)
        for n, name in enumerate(("Carla", "Dmitri"))
    ]
    written.add(*crowd)
    asked = {pair for pair, why in written.asked().items() if why == "ambiguous"}
    assert asked == set(), "who fits so many fits nobody"


def test_namesakes_are_near_and_a_family_is_no_question() -> None:
    one, two = (
        record("salesforce:contact:1", **ANN),
        record("hubspot:contact:2", **ANN, city="Oslo"),
    )
    written = weighed(one, two)
    assert written.asked() == {("hubspot:contact:2", "salesforce:contact:1"): "near"}
    (candidate,) = written.candidates
    links = written.engine.links()
    assert candidate.left_entity_id == links["hubspot:contact:2"].entity_id
    assert candidate.right_entity_id == links["salesforce:contact:1"].entity_id
    assert 0 < candidate.probability < 0.5
    robert = {"given_name": "Robert", "family_name": "Okafor"}
    family = weighed(
        record("salesforce:contact:1", **ANN, **HOME), record("hubspot:contact:2", **robert, **HOME)
    )
    assert family.asked() == {}


def test_what_a_rule_holds_apart_though_it_shares_one_s_own_is_asked_about() -> None:
    junior = {"given_name": "Ann", "family_name": "Okafor Jr", "emails": ACME.emails}
    senior = {"given_name": "Ann", "family_name": "Okafor Sr", "emails": ACME.emails}
    written = weighed(
        record("salesforce:contact:1", **junior), record("hubspot:contact:2", **senior)
    )
    assert written.asked() == {("hubspot:contact:2", "salesforce:contact:1"): "rule"}


@pytest.mark.parametrize("verdict", ["same", "different"])
def test_what_is_decided_is_asked_no_more_until_it_is_taken_back(verdict: str) -> None:
    pair = ("hubspot:contact:2", "salesforce:contact:1")
    written = weighed(record(pair[1], **ANN), record(pair[0], **ANN, city="Oslo"))
    assert written.asked() == {pair: "near"}
    written.decide(*pair, verdict)
    assert written.asked() == {}
    assert [p.method for p in written.evidence] == (["decision"] if verdict == "same" else [])
    written.decide(*pair, "withdrawn", 2)
    assert written.asked() == {pair: "near"}
    assert written.evidence == []


def test_who_joins_an_entity_that_was_told_apart_is_not_asked_about_again() -> None:
    pair = ("hubspot:contact:2", "salesforce:contact:1")
    written = weighed(ACME, record(pair[0], **ANN, city="Oslo", phones=HOME["phones"]))
    written.decide(*pair, "different")
    written.add(record("hubspot:contact:5", **ANN, city="Oslo", phones=HOME["phones"]))
    links = written.engine.links()
    assert links["hubspot:contact:5"].entity_id == links[pair[0]].entity_id
    assert written.asked() == {}


@pytest.mark.parametrize("seed", range(10))
def test_no_record_is_asked_about_more_than_a_few_times(seed: int) -> None:
    rng = random.Random(seed)
    crowd = [
        record(f"salesforce:contact:{n}", **ANN, city=rng.choice(("Oslo", "Graz", "")))
        for n in range(40)
    ]
    written = weighed(*rng.sample(crowd, len(crowd)))
    asked = Counter(end for pair in written.asked() for end in pair)
    assert asked
    assert max(asked.values()) <= MOST_QUESTIONS
