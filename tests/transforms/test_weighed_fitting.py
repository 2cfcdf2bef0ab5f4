"""A model learns from records alone what a field is worth, and the same from the same records."""

import random
from collections import defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from schemas.errors import ConfigurationError
from schemas.identity import IdentityRecord
from transforms.identity.weighed.features import Features, features_of
from transforms.identity.weighed.fitting import fit
from transforms.identity.weighed.resolver import Resolver
from transforms.identity.weighed.weights import SHIPPED, Model, read_model, write_model

GIVEN = "Ann Ben Cora Dirk Edda Finn Gita Hugo Ilse Jens Kari Lars Mona Nils Olga Per".split()
SYLLABLES = "an ber cor dal ek fors gren hol ing jar kol lund mo nor ol pers ros sund".split()
PEOPLE = 400


def slip(rng: random.Random, text: str) -> str:
    if len(text) < 4 or rng.random() < 0.7:
        return text
    at = rng.randrange(1, len(text) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + rng.choice("aeiourstln") + text[at + 1 :]


@cache
def population(seed: int = 5) -> tuple[tuple[IdentityRecord, int], ...]:
    """Records with slips and gaps, and the person of each: a birth date that is often wrong, and a
    street that is shared by strangers."""
    rng = random.Random(seed)
    made = []
    for person in range(PEOPLE):
        given = rng.choice(GIVEN)
        family = "".join(rng.sample(SYLLABLES, 2)).title()
        born = f"19{rng.randrange(40, 99)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 28):02}"
        street = f"{rng.randrange(1, 120)} {rng.choice(SYLLABLES).title()} Street"
        postal = f"0{rng.randrange(100, 160)}"
        for copy in range(rng.choice((1, 1, 2, 3))):
            record = IdentityRecord(
                record_key=f"files:contact:{person}-{copy}",
                kind="person",
                stamp=1,
                fetched=1,
                digest="",
                given_name=slip(rng, given),
                family_name=slip(rng, family),
                birth_date=slip(rng, born) if rng.random() < 0.8 else "",
                street=slip(rng, street) if rng.random() < 0.8 else "",
                postal_code=postal,
            )
            made.append((record, person))
    return tuple(made)


@cache
def fitted() -> Model:
    return fit((record.record_key, features_of(record)) for record, _ in population())


def pairwise_f1(model: Model) -> float:
    resolver = Resolver(model)
    for record, _ in population():
        resolver.receive(record)
    placed = resolver.placed()

    def pairs(groups: dict[object, list[str]]) -> set[tuple[str, str]]:
        return {pair for group in groups.values() for pair in combinations(sorted(group), 2)}

    found, true = defaultdict(list), defaultdict(list)
    for record, person in population():
        true[person].append(record.record_key)
        found[placed[record.record_key].entity_id].append(record.record_key)
    hits = len(pairs(found) & pairs(true))
    return 2 * hits / (len(pairs(found)) + len(pairs(true)))


@pytest.mark.no_cover
def test_the_same_records_in_another_order_make_the_same_model() -> None:
    turned = [(record.record_key, features_of(record)) for record, _ in reversed(population())]
    assert fit(turned) == fitted()


@pytest.mark.no_cover
def test_another_record_makes_another_version() -> None:
    fewer = [(record.record_key, features_of(record)) for record, _ in population()[1:]]
    assert fit(fewer).version != fitted().version


def test_a_fitted_model_finds_who_is_who_without_labels() -> None:
    assert pairwise_f1(fitted()) > 0.97
    assert pairwise_f1(fitted()) >= pairwise_f1(SHIPPED)


def test_what_no_record_has_keeps_its_shipped_weight() -> None:
    for name in ("mail", "phone", "org", "ids"):
        fitted_bits, shipped_bits = (
            model.person.fields[name].bits() for model in (fitted(), SHIPPED)
        )
        assert all(abs(a - b) <= 3 for a, b in zip(fitted_bits, shipped_bits, strict=True))
    assert fitted().account == SHIPPED.account


def test_too_few_records_leave_the_shipped_model() -> None:
    few = [(record.record_key, features_of(record)) for record, _ in population()[:20]]
    assert fit(few).person == SHIPPED.person


def test_a_model_to_keep_names_what_many_records_have_and_nobody_s_own() -> None:
    def features(number: int, mail: str) -> tuple[str, Features]:
        record, _ = population()[number]
        record = msgspec.structs.replace(record, emails=(mail,))
        return record.record_key, features_of(record)

    # Three records of one person, as three systems have them, and a mailbox that twelve share.
    own = [features(number, "ann.lee@acme.test") for number in range(3)]
    shared = [features(number, "info@acme.test") for number in range(3, 15)]
    others = [features(number, f"p{number}@acme.test") for number in range(15, 300)]
    records = [*own, *shared, *others]
    here = fit(records).person.frequencies["mail"]
    assert here.values.keys() == {"ann.lee@acme.test", "info@acme.test"}
    kept = fit(records, fewest_bearers=10).person.frequencies["mail"]
    assert kept.values == {"info@acme.test": here.values["info@acme.test"]}
    assert kept.rare == here.rare


def test_a_model_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    write_model(fitted(), path)
    assert read_model(path) == fitted()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": "x"}', '{"version": "x", "person": {}, "account": {}}']
)
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        read_model(path)


def test_a_model_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    write_model(SHIPPED, path)
    path.write_text(path.read_text("utf-8").replace('"format": 1', '"format": 2'), "utf-8")
    with pytest.raises(ConfigurationError, match="another format"):
        read_model(path)
