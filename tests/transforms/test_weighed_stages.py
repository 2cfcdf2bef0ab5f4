"""Records weighed field by field in the three layers, and on Beam."""

import random

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that
from identity_world import SETTINGS, Ticks, history, record, seeds_of, tables

from schemas.change import new_change
from schemas.columns import Row
from schemas.flow import Arrival, Normalised, RowBatch, pack_normalised, unpack_normalised
from schemas.identity import IdentityRecord
from transforms import coders as coders
from transforms.identity.engine import Engine
from transforms.identity.messages import Decision
from transforms.identity.weighed.evidence import weighing
from transforms.resolve import Resolve

PHONE, OTHER_PHONE = "+12127360001", "+13035550188"
ANN = {"given_name": "Ann", "family_name": "Okafor"}


def engine_of(*records: IdentityRecord) -> Engine:
    engine = Engine(SETTINGS, Ticks(), weighing(SETTINGS))
    engine.add(records)
    return engine


def groups(engine: Engine) -> list[list[str]]:
    """The entities' records, each by the number that ends its key."""
    found: dict[str, list[str]] = {}
    for key, link in engine.links().items():
        found.setdefault(link.entity_id, []).append(key.rpartition(":")[2])
    return sorted(sorted(keys) for keys in found.values())


def contact(number: int, **fields: object) -> IdentityRecord:
    return record(f"hubspot:contact:{number}", **fields)


def test_what_no_single_identifier_joins_names_and_places_together_do() -> None:
    home = {"street": "12 Main Street", "city": "Oslo", "postal_code": "0150"}
    one = contact(1, **ANN, **home, birth_date="1970-01-02")
    two = contact(2, **ANN, **home, birth_date="1970-01-02")
    engine = engine_of(one, two)
    assert groups(engine) == [["1", "2"]]
    assert {link.method for link in engine.links().values()} == {"name"}
    assert all(link.confidence > 0.99 for link in engine.links().values())


def test_namesakes_in_two_houses_are_two() -> None:
    one = contact(1, **ANN, emails=("ann@acme.com",), organisation="Acme")
    two = contact(2, **ANN, emails=("okafor.a@birchtree.io",), organisation="Birch Tree")
    assert groups(engine_of(one, two)) == [["1"], ["2"]]


def test_a_call_goes_to_whom_the_number_is_known_of_though_other_records_know_it_not() -> None:
    mail = ("ann.okafor@acme.com",)
    known = contact(1, **ANN, emails=mail, phones=(PHONE,))
    elsewhere = contact(2, **ANN, emails=mail, phones=(OTHER_PHONE,))
    seen = record("gmail:address:3", emails=mail, full_name="Ann Okafor")
    call = record("dialpad:number:4", phones=(PHONE,))
    assert groups(engine_of(known, elsewhere, seen, call)) == [["1", "2", "3", "4"]]


def test_a_number_that_becomes_a_switchboard_lets_its_callers_go_and_takes_them_back() -> None:
    call = record("dialpad:number:9", phones=(PHONE,))
    ann = contact(1, **ANN, phones=(PHONE,))
    engine = engine_of(call, ann)
    assert groups(engine) == [["1", "9"]]
    engine.add([contact(2, given_name="Mary", family_name="Ray", phones=(PHONE,))])
    assert groups(engine) == [["1"], ["2"], ["9"]]
    engine.add([contact(2, version=2, deleted=True)])
    assert groups(engine) == [["1", "9"]]


def test_a_hub_of_strangers_weighs_nothing_under_their_names_either() -> None:
    """Two namesakes share the hub's mailbox: while it is hot that says nothing of them."""
    hub = {"emails": ("all@acme.com",)}
    crowd = [
        contact(n, given_name=chr(97 + n % 26) * 5, family_name=chr(97 + n // 26) * 6, **hub)
        for n in range(59)
    ]
    engine = engine_of(*crowd, contact(100, **ANN, **hub), contact(101, **ANN, **hub))
    assert "e:all@acme.com" in engine.hot_keys()
    assert ["100"] in groups(engine)
    engine.add([contact(0, version=2, deleted=True)])
    assert ["100", "101"] in groups(engine)


def test_branches_that_share_a_domain_and_nothing_else_are_two() -> None:
    def account(number: int, **fields: object) -> IdentityRecord:
        return record(f"salesforce:account:{number}", domains=("acme.com",), **fields)

    there = {"city": "Oslo", "postal_code": "0150"}
    one = account(1, organisation="Acme", **there)
    assert groups(engine_of(one, account(2, organisation="Acme Inc"))) == [["1", "2"]]
    far = account(3, organisation="Birch Tree", city="Graz", postal_code="8010", phones=(PHONE,))
    assert groups(engine_of(account(1, organisation="Acme", phones=(OTHER_PHONE,), **there), far))[
        0
    ] == ["1"]


def test_a_decision_goes_before_what_a_source_says() -> None:
    lead = record("salesforce:lead:1", same_as=("salesforce:contact:2",), **ANN)
    engine = engine_of(lead, record("salesforce:contact:2", **ANN))
    assert groups(engine) == [["1", "2"]]
    pair = ("salesforce:contact:2", "salesforce:lead:1")
    engine.decide([Decision(*pair, "different", (1, 1, 1, ""))])
    assert groups(engine) == [["1"], ["2"]]
    engine.decide([Decision(*pair, "withdrawn", (1, 2, 1, ""))])
    assert groups(engine) == [["1", "2"]]


def test_one_more_record_of_a_person_writes_few_rows() -> None:
    mail = ("ann.okafor@acme.com",)
    engine = engine_of(*(contact(n, **ANN, emails=mail) for n in range(40)))
    rows = engine.add([contact(40, **ANN, emails=mail)])
    assert len(rows) <= 3, "its record, its link, and the entity"


def _packed(records: list[IdentityRecord]) -> bytes:
    change = new_change("files", "contact", "c-1", b"{}", stamp=1, fetched=1)
    return pack_normalised(Normalised(Arrival(change, "m-1", 1), (), tuple(records)))


@pytest.mark.parametrize("seeded", [False, True])
def test_a_bounded_run_comes_to_the_partition_of_the_engine(seeded: bool) -> None:
    versions = history(11, size=48)
    expected = Engine(SETTINGS, Ticks(), weighing(SETTINGS))
    expected.add(versions)
    before: list[Row] = engine_rows(versions[:20]) if seeded else []
    seeds = [RowBatch(tuple(row for row in seed if row is not None)) for seed in seeds_of(before)]
    live = versions[20:] if seeded else versions
    shuffled = random.Random(1).sample(live, len(live))

    def check(batches: list[RowBatch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        rows.sort(key=lambda row: getattr(row, "revision", 0))
        assert tables([*before, *rows])[0] == (expected.links(), expected.entities())

    with TestPipeline(options=PipelineOptions([])) as pipeline:
        changes = (
            pipeline
            | beam.Create([_packed(shuffled[i : i + 3]) for i in range(0, len(shuffled), 3)])
            | beam.Map(unpack_normalised).with_output_types(Normalised)
        )
        tables_of = pipeline | "Tables" >> beam.Create(seeds) if seeded else None
        rows = changes | Resolve(
            SETTINGS, shards=3, clock=later, seeds=tables_of, matching=weighing(SETTINGS)
        )
        assert_that(rows, check)


def engine_rows(versions: list[IdentityRecord]) -> list[Row]:
    return Engine(SETTINGS, Ticks(), weighing(SETTINGS)).add(versions)


def later() -> int:
    return 1_800_000_000_000_000
